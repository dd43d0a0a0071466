"""A pseudoterminal with a process."""

import os
import pty
import select
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import BLOG, CHEAP, TIMEOUT, environment


@dataclass
class Terminal:
    """A pseudoterminal with one process."""

    process: int
    screen: int
    shown: str = ""

    def wait_for(self, text: str) -> None:
        """Read until this text is printed."""
        start = len(self.shown)
        while text not in self.shown[start:]:
            self.shown += self._read().decode()

    def type(self, text: str) -> None:
        """Type these keys."""
        os.write(self.screen, text.encode())

    def end(self) -> int:
        """Read to the end. Return the exit status."""
        try:
            while piece := self._read():
                self.shown += piece.decode()
        except OSError:  # how Linux says that nobody is at the terminal any more
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def _read(self) -> bytes:
        assert select.select([self.screen], [], [], TIMEOUT)[0], self.shown
        return os.read(self.screen, 1024)


@contextmanager
def at_a_terminal(*arguments: str, cwd: Path, token: str | None = None) -> Iterator[Terminal]:
    """Run a command at a terminal until the block is left."""
    process, screen = pty.fork()
    if process == 0:
        os.chdir(cwd)
        termios.tcsetwinsize(0, (24, 80))
        shown = {} if token is None else {"BLOG_TOKEN": token}
        os.execve(sys.executable, [*BLOG, *arguments], environment(CHEAP | shown))
    try:
        yield Terminal(process, screen)
    finally:
        os.close(screen)
        _make_sure_it_ended(process)


def _make_sure_it_ended(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    except (ProcessLookupError, ChildProcessError):
        return
