"""Runs a command, and writes one byte to a file for each time that it makes its data safe on the disk.

    python tests/durability/syscalls.py FILE COMMAND…

A strace of sixty lines, for machines that have none: the kernel stops the command, and all its threads, when a system
call returns (ptrace(2)), and lets it go on only when the byte is written. So whatever the command tells anybody after
an fsync, it tells after the byte. Linux 5.3 or newer, on x86-64 or ARM64.
"""

import ctypes
import os
import platform
import signal
import sys
from pathlib import Path
from typing import Final

_SYNCS: Final = {"x86_64": {74, 75}, "aarch64": {82, 83}}[platform.machine()]
"""The numbers of fsync and fdatasync."""

_TRACEME, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
_OPTIONS: Final = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x100000
"""Mark stops at system calls; trace forks and threads too, and what is executed; end it all when this process ends."""

_AT_SYSCALL: Final = signal.SIGTRAP | 0x80
_WALL: Final = 0x40000000
_ENTRY, _EXIT = 1, 2


class _Syscall(ctypes.Structure):
    """A system call as ptrace reports it: at entry `value` is its number, at exit its result."""

    _fields_ = [
        ("op", ctypes.c_uint8),
        ("arch", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64),
        ("value", ctypes.c_int64),
        ("rest", ctypes.c_uint64 * 8),
    ]


_ptrace = ctypes.CDLL(None, use_errno=True).ptrace
_ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_ptrace.restype = ctypes.c_long


def main(file: str, command: list[str]) -> int:
    """Trace the command to its end, and give its status."""
    traced = os.fork()
    if traced == 0:
        _ptrace(_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execvp(command[0], command)
    os.waitpid(traced, 0)
    if _ptrace(_SETOPTIONS, traced, None, _OPTIONS) != 0:
        raise OSError(ctypes.get_errno(), "this process may not be traced")
    _ptrace(_SYSCALL, traced, None, None)
    with Path(file).open("ab", buffering=0) as counted:
        return _follow(traced, counted.fileno())


def _follow(traced: int, counted: int) -> int:
    called: dict[int, int] = {}
    while True:
        task, status = os.waitpid(-1, _WALL)
        if os.WIFSTOPPED(status):
            _ptrace(_SYSCALL, task, None, _stopped(task, status, called, counted))
        elif task == traced:
            return os.waitstatus_to_exitcode(status)


def _stopped(task: int, status: int, called: dict[int, int], counted: int) -> int:
    """Handle a stop. Return the signal to deliver, if there is one."""
    number = os.WSTOPSIG(status)
    if number == _AT_SYSCALL:
        told = _Syscall()
        _ptrace(_GET_SYSCALL_INFO, task, ctypes.sizeof(told), ctypes.addressof(told))
        if told.op == _ENTRY:
            called[task] = told.value
        elif told.op == _EXIT and called.pop(task, None) in _SYNCS and told.value == 0:
            os.write(counted, b".")
        return 0
    return 0 if number in {signal.SIGTRAP, signal.SIGSTOP} else number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
