"""Prepare the standard streams, so that no print or prompt ends in a traceback."""

import io
import os
import sys


def prepare_streams() -> None:
    """Make the standard streams usable.

    * A stream that the caller closed becomes the null device. Python sets it to None, and the next file that is opened,
      such as a database, would get its file descriptor.
    * A character that the encoding of a stream lacks is printed as an escape sequence.
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
            opened = os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor, which is this one
            os.set_inheritable(opened, True)  # noqa: FBT003 - it has no name
