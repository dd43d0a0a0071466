"""How a moment is written."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time", "examples": ["2026-11-22T09:30:00.000000Z"]})]
"""ISO 8601 in UTC, always with microseconds."""


def moment(at: datetime) -> str:
    """The moment as it is written."""
    in_utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{in_utc.isoformat(timespec='microseconds').removesuffix('+00:00')}Z"
