"""Passwords and codes, as they are typed or sent. Never a part of the command line, which others can see."""

import sys
from getpass import getpass

from blog.domain.errors import Fault, Invalid
from blog.settings import SettingError


class Asked:
    """Whoever sits at the terminal, or what is sent to standard input, one secret a line."""

    def __init__(self, *, from_stdin: bool) -> None:
        self._from_stdin = from_stdin

    def password(self, field: str = "password", prompt: str = "Password: ") -> str:
        """A password that there is already.

        Raises:
            SettingError: there is nobody to ask.
            Invalid: of `field`.
        """
        try:
            return self._one(prompt)
        except UnicodeDecodeError:
            raise Invalid([Fault(field, "must be in UTF-8")]) from None
        except EOFError:
            raise Invalid([Fault(field, "was not given")]) from None

    def new_password(self, field: str = "password", prompt: str = "Password: ") -> str:
        """A new password. Whoever types it does so twice, since it does not show.

        Raises:
            SettingError: there is nobody to ask.
            Invalid: of `field`.
        """
        first = self.password(field, prompt)
        if not self._from_stdin and self.password(field, "The same again: ") != first:
            raise Invalid([Fault(field, "was not the same twice")])
        return first

    def code(self, prompt: str) -> str | None:
        """A code, or None if there is none."""
        try:
            return self._one(prompt).strip() or None
        except (UnicodeDecodeError, EOFError):
            return None

    def _one(self, prompt: str) -> str:
        return _line() if self._from_stdin else _typed(prompt)


def _line() -> str:
    """The next line of standard input, in UTF-8 whatever the locale says."""
    line = sys.stdin.buffer.readline()
    if not line:
        raise EOFError
    return line.decode().rstrip("\r\n")


def _typed(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise SettingError("there is no terminal to ask for the password: use --password-stdin")
    try:
        return getpass(prompt)
    except (EOFError, KeyboardInterrupt):
        print(file=sys.stderr)  # the prompt has not ended its line
        raise
