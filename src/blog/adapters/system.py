"""The machine's clock and randomness."""

import secrets
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from string import ascii_letters, digits

from blog.domain.blog import DataVersion
from blog.domain.shared import Clock


def utc_now() -> datetime:
    """Return the time of the machine's clock."""
    return datetime.now(UTC)


def new_secret() -> str:
    """Return 40 characters from the operating system's cryptographic randomness."""
    return "".join(secrets.choice(digits + ascii_letters) for _ in range(40))


class TimedDataVersion:
    """A `DataVersion` that also changes when a scheduled post becomes visible, without a commit.

    The order of the steps matters. The data version is read first: a commit after that makes another one, so the next
    call finds the publication times of that commit. The clock is read before the next publication: a post that becomes
    visible in between is not missed, because only publications after this time are looked for.

    Args:
        data_version: changes with every commit.
        now: returns the current time.
        next_publication: returns the first publication time after a moment, or None. It is called once for each data
            version and each publication.
    """

    def __init__(
        self, data_version: DataVersion, now: Clock, next_publication: Callable[[datetime], datetime | None]
    ) -> None:
        self._data_version, self._now, self._next_publication = data_version, now, next_publication
        self._known: Hashable = None
        self._until: datetime | None = None
        self._count = 0

    def __call__(self) -> int:
        """Return a number that counts the changes.

        Raises:
            Unavailable: the store cannot be read just now.
        """
        version, now = self._data_version(), self._now()
        if version != self._known or (self._until is not None and now >= self._until):
            self._until = self._next_publication(now)
            self._known = version
            self._count += 1
        return self._count
