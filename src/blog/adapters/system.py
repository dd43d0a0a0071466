"""The machine's own clock and source of chance."""

import secrets
from datetime import UTC, datetime
from string import ascii_letters, digits


def utc_now() -> datetime:
    """The time by the machine's clock."""
    return datetime.now(UTC)


def new_secret() -> str:
    """40 characters from the operating system's source of randomness for cryptography."""
    return "".join(secrets.choice(digits + ascii_letters) for _ in range(40))
