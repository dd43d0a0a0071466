"""The machine's clock and randomness."""

import secrets
from datetime import UTC, datetime
from string import ascii_letters, digits


def utc_now() -> datetime:
    """Return the time of the machine's clock."""
    return datetime.now(UTC)


def new_secret() -> str:
    """Return 40 characters from the operating system's cryptographic randomness."""
    return "".join(secrets.choice(digits + ascii_letters) for _ in range(40))
