"""Types of command-line arguments. An argument that does not fit its type is a wrong usage."""

import re
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Final

_LARGEST: Final = 2**63 - 1
"""The largest integer that a database can look for."""

_number = re.compile(r"-?[0-9]{1,19}")
_digest = re.compile(r"[0-9a-fA-F]{64}")
_subject = re.compile(r"([a-z]+)(?::([0-9]{1,18}))?")


def whole_number(text: str) -> int:
    """Parse a whole number."""
    if not _number.fullmatch(text) or abs(int(text)) > _LARGEST:
        raise ArgumentTypeError("must be a whole number")
    return int(text)


def digest(text: str) -> bytes:
    """Parse a SHA-256 digest in hexadecimal."""
    if not _digest.fullmatch(text):
        raise ArgumentTypeError("must have 64 hexadecimal digits")
    return bytes.fromhex(text)


def subject(text: str) -> tuple[str, int | None]:
    """Parse the kind of a subject, and its id if there is one: `post` or `post:7`."""
    found = _subject.fullmatch(text)
    if not found:
        raise ArgumentTypeError("must be a kind of thing such as post, or one thing such as post:7")
    return found[1], None if found[2] is None else int(found[2])


def account_mapping(text: str) -> tuple[str, str]:
    """Parse an author's name in files, and the username of the account: `Jane Doe=jane`."""
    name, sign, account = text.rpartition("=")
    if not (name and sign and account):
        raise ArgumentTypeError("must be a name and an account, as in 'Jane Doe=jane'")
    return name, account


def timestamp(text: str) -> datetime:
    """Parse a date or a time. Without a time zone it is in UTC."""
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError("must be a date or a time such as 2026-11-23 or 2026-11-23T09:30") from None
