"""What is typed, as what it means. What means nothing is a wrong usage, and argparse says so."""

import re
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Final

_LARGEST: Final = 2**63 - 1
"""Of the numbers that a database can look for."""

_number = re.compile(r"-?[0-9]{1,19}")
_digest = re.compile(r"[0-9a-fA-F]{64}")
_subject = re.compile(r"([a-z]+)(?::([0-9]{1,18}))?")


def number(text: str) -> int:
    """A whole number."""
    if not _number.fullmatch(text) or abs(int(text)) > _LARGEST:
        raise ArgumentTypeError("must be a whole number")
    return int(text)


def digest(text: str) -> bytes:
    """A SHA-256 digest in hexadecimal."""
    if not _digest.fullmatch(text):
        raise ArgumentTypeError("must have 64 hexadecimal digits")
    return bytes.fromhex(text)


def subject(text: str) -> tuple[str, int | None]:
    """A kind of thing, or one thing of this kind."""
    found = _subject.fullmatch(text)
    if not found:
        raise ArgumentTypeError("must be a kind of thing such as post, or one thing such as post:7")
    return found[1], None if found[2] is None else int(found[2])


def renamed(text: str) -> tuple[str, str]:
    """A name elsewhere, and one here."""
    name, sign, account = text.rpartition("=")
    if not (name and sign and account):
        raise ArgumentTypeError("must be a name and an account, as in 'Jane Doe=jane'")
    return name, account


def moment(text: str) -> datetime:
    """A day or a time, in UTC unless it says otherwise."""
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError("must be a day or a time such as 2026-11-23 or 2026-11-23T09:30") from None
