"""The machine's clock and randomness."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from string import ascii_letters, digits

utc_now: Callable[[], datetime] = partial(datetime.now, UTC)
"""Returns the time of the machine's clock."""


def new_secret() -> str:
    """Return 40 characters from the operating system's cryptographic randomness."""
    return "".join(secrets.choice(digits + ascii_letters) for _ in range(40))
