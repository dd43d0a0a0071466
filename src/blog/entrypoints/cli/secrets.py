"""Passwords and codes from the terminal or from standard input: never from arguments, which other users can see."""

import codecs
import sys
from getpass import getpass
from typing import Final

from blog.domain.errors import FieldError, ValidationFailed
from blog.settings import SettingError

_UTF_16: Final = ", and looks like UTF-16: in PowerShell, $OutputEncoding = [Text.UTF8Encoding]::new() sets UTF-8"


class SecretPrompt:
    """Reads secrets: from the terminal without echo, or from standard input, one a line."""

    def __init__(self, *, from_stdin: bool) -> None:
        self._from_stdin = from_stdin
        self._is_first = True

    def password(self, field: str = "password", prompt: str = "Password: ") -> str:
        """Read the current password of an account.

        Raises:
            SettingError: there is no terminal.
            ValidationFailed: `field` is not valid.
        """
        try:
            return self._one(prompt)
        except UnicodeDecodeError as error:
            raise ValidationFailed(
                [FieldError(field, f"must be in UTF-8{_UTF_16 if _is_utf_16(error.object) else ''}")]
            ) from None
        except EOFError:
            raise ValidationFailed([FieldError(field, "was not given")]) from None

    def new_password(self, field: str = "password", prompt: str = "Password: ") -> str:
        """Read a new password. On a terminal it is read twice, because it is not shown.

        Raises:
            SettingError: there is no terminal.
            ValidationFailed: `field` is not valid.
        """
        first = self.password(field, prompt)
        if not self._from_stdin and self.password(field, "The same again: ") != first:
            raise ValidationFailed([FieldError(field, "was not the same twice")])
        return first

    def code(self, prompt: str) -> str | None:
        """Read a code. Return None if there is none."""
        try:
            return self._one(prompt).strip() or None
        except (UnicodeDecodeError, EOFError):
            return None

    def _one(self, prompt: str) -> str:
        if not self._from_stdin:
            return _typed(prompt)
        line = _line()
        if self._is_first:  # PowerShell begins its output with a byte order mark
            line = line.removeprefix("\ufeff")
        self._is_first = False
        return line


def _line() -> str:
    """Return the next line of standard input, in UTF-8 in every locale.

    Raises:
        UnicodeDecodeError: it is in another encoding.
        EOFError: there is none.
    """
    line = sys.stdin.buffer.readline()
    if not line:
        raise EOFError
    if _is_utf_16(line):  # also valid UTF-8, with a zero byte beside each letter
        raise UnicodeDecodeError("utf-8", line, 0, len(line), "is UTF-16")
    return line.decode().rstrip("\r\n")


def _is_utf_16(line: bytes) -> bool:
    return line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in line


def _typed(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise SettingError("there is no terminal to ask for the password: use --password-stdin")
    try:
        return getpass(prompt)
    except (EOFError, KeyboardInterrupt):
        print(file=sys.stderr)  # end the line of the prompt
        raise
