"""The standard streams, such that nothing that is printed or asked for ends in a traceback."""

import io
import os
import sys


def prepare_streams() -> None:
    """Make the standard streams usable, however the process was started.

    A stream that the caller closed becomes the null device: Python has None in its place, and the operating system
    would give its number to the next file that is opened, such as a database. A character that the encoding of a
    stream does not have is printed as an escape sequence.
    """
    _open_closed_descriptors()
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - as Python opens its own
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _open_closed_descriptors() -> None:
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
            os.set_inheritable(opened, True)  # noqa: FBT003 - it has no name
