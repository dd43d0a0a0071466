"""Timestamps: formatting and parsing."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, cast

from msgspec import Meta

Timestamp = Annotated[
    datetime, Meta(extra_json_schema={"format": "date-time", "examples": ["2026-11-22T09:30:00.000000Z"]})
]
"""ISO 8601 in UTC, always with microseconds."""

PLUS_HINT: Final = ": in a query, + stands for a space, and %2B for +"
"""Added to the error message if a query has a space that may have been a plus sign."""

_written = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:)([0-9]{2})((?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2}))"
)
_lost_plus = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][^ ]{1,40} [0-9]{2}:[0-9]{2}")
_LEAP_SECOND: Final = "60"


def to_timestamp(at: datetime) -> datetime:
    """Return the timestamp for a response.

    msgspec formats it in a tenth of the time, but leaves out microseconds that are zero: one timestamp in a million is
    formatted here.
    """
    in_utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    if in_utc.microsecond:
        return in_utc
    return cast(datetime, f"{in_utc.isoformat(timespec='microseconds').removesuffix('+00:00')}Z")


def parse_timestamp(text: str) -> datetime:
    """Parse a timestamp of RFC 3339: T and Z in either case, and with leap seconds.

    Raises:
        ValueError: it is not valid.
    """
    if (written := _written.fullmatch(text)) is not None:
        with suppress(ValueError, OverflowError):  # the latter: in UTC it is before the first year, or after the last
            return _in_utc(*written.groups())
    hint = PLUS_HINT if _lost_plus.fullmatch(text) else ""
    raise ValueError(f"must be a moment with its time zone, such as 2026-11-22T09:30:00Z{hint}")


def _in_utc(minute: str, second: str, rest: str) -> datetime:
    """Return the timestamp in UTC. Python has no leap seconds: one becomes the second after it. It can only be the last
    second of a day.

    Raises:
        ValueError, OverflowError: there is no such timestamp.
    """
    if second != _LEAP_SECOND:
        return datetime.fromisoformat(f"{minute}{second}{rest}".upper()).astimezone(UTC)
    before = datetime.fromisoformat(f"{minute}59{rest}".upper()).astimezone(UTC)
    if (before.hour, before.minute) != (23, 59):
        raise ValueError
    return before.replace(microsecond=0) + timedelta(seconds=1)
