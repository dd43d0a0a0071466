"""How a moment is written, and read."""

import re
from datetime import UTC, datetime
from typing import Annotated, cast

from msgspec import Meta

Moment = Annotated[
    datetime, Meta(extra_json_schema={"format": "date-time", "examples": ["2026-11-22T09:30:00.000000Z"]})
]
"""ISO 8601 in UTC, always with microseconds."""

_written = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})")


def moment(at: datetime) -> datetime:
    """The moment as it is written.

    That is left to msgspec, which takes a tenth of the time, but leaves out microseconds where there are none: one
    moment in a million is written here.
    """
    in_utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    if in_utc.microsecond:
        return in_utc
    return cast(datetime, f"{in_utc.isoformat(timespec='microseconds').removesuffix('+00:00')}Z")


def moment_in(text: str) -> datetime:
    """The moment that a text names, as RFC 3339 has it.

    Raises:
        ValueError: it names none.
    """
    written = _written.fullmatch(text)
    try:
        return datetime.fromisoformat(written[0] if written else "").astimezone(UTC)
    except (ValueError, OverflowError):  # the latter: in UTC it is before the first year, or after the last
        raise ValueError("must be a moment with its time zone, such as 2026-11-22T09:30:00Z") from None
