"""Parse dates in the formats of static site generators.

Every accepted format is unambiguous: `11/12/2015` is refused. A parser that guesses would accept it, and would take
missing parts from the current date.
"""

import re
from argparse import ArgumentTypeError
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, NamedTuple

MAX_LENGTH: Final = 100
"""Characters of a date, including a comment such as `(Eastern Standard Time)`."""

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES: Final = {"e": -5, "c": -6, "m": -7, "p": -8}
"""UTC offsets of EST, CST, MST and PST in hours. RFC 822 names no other zones besides GMT."""

_TIME: Final = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s?(?P<half>[ap])\.?m\.?)?"
)
_ZONE: Final = r"(?P<zone>z|ut|[ecmp][sd]t|(?:utc|gmt)?\s?(?P<offset>[+-]\d{1,2}:?(?:\d\d)?)|utc|gmt)"
_REST: Final = rf"(?:(?:t|,?\s|\sat\s){_TIME}(?:\s?{_ZONE}(?:\s\([^()]*\))?)?)?"
_WEEKDAY: Final = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s)?"
_NAME: Final = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR: Final = r"(?P<year>\d{4})"
_formats = [
    re.compile(format_, re.ASCII)
    for format_ in (
        rf"{_YEAR}(?P<sign>[-/.])(?P<month>\d{{1,2}})(?P=sign){_DAY}{_REST}",  # 2015-1-5 9:05:00, 2015/11/20
        rf"{_WEEKDAY}{_DAY}[\s-]{_NAME},?[\s-]{_YEAR}{_REST}",  # Sat, 21 Nov 2015 10:00:00 -0500
        rf"{_WEEKDAY}{_NAME}\s{_DAY},?\s{_YEAR}{_REST}",  # November 21st, 2015 10:00 PM
        rf"{_WEEKDAY}{_NAME}\s{_DAY}\s{_TIME}(?:\s{_ZONE})?\s{_YEAR}",  # Sat Nov 21 10:00:00 UTC 2015
    )
]
_space = re.compile(r"\s+", re.ASCII)


class ParsedDate(NamedTuple):
    """A time in UTC. It is taken as UTC if the text has no time zone."""

    at: datetime
    has_zone: bool
    is_day: bool


def parse_date(text: str) -> ParsedDate:
    """Parse a date or a time.

    ISO 8601, RFC 3339, RFC 822, `2015/11/20`, `2015-1-5 9:05`, and English names of months in both orders are accepted.

    Raises:
        ArgumentTypeError: the text is not a date, or is ambiguous.
    """
    try:
        at = _read(_space.sub(" ", text.strip().lower()))
        utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError("must be a date or a time such as 2026-11-23 or 2026-11-23T09:30") from None
    return ParsedDate(utc, at.tzinfo is not None, ":" not in text and _is_day(text.strip()))


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return "T" not in text  # a time of ISO 8601 without colons has it
    return True


def _read(text: str) -> datetime:
    if len(text) > MAX_LENGTH:
        raise ValueError(text)
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        found = next(filter(None, (format_.fullmatch(text) for format_ in _formats)), None)
        if found is None:
            raise
    parts = found.groupdict()
    month = parts.get("month") or str(_MONTHS.index(parts["name"][:3]) + 1)
    day = datetime(int(parts["year"]), int(month), int(parts["day"]), tzinfo=_zone(parts["zone"], parts["offset"]))
    return day if parts["hour"] is None else day + _time(parts)


def _time(parts: dict[str, str | None]) -> timedelta:
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    if parts["half"]:
        if not 1 <= hour <= 12:  # noqa: PLR2004
            raise ValueError(hour)
        hour = hour % 12 + (12 if parts["half"] == "p" else 0)
    is_midnight = (hour, minute, second) == (24, 0, 0)
    if not (hour < 24 or is_midnight) or minute > 59 or second > 60:  # noqa: PLR2004 - the last of which is a leap second
        raise ValueError(hour)
    micro = int((parts["fraction"] or "0").ljust(6, "0")[:6])
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)


def _zone(zone: str | None, offset: str | None) -> timezone | None:
    if zone is None:
        return None
    if offset is not None:
        digits = offset[1:].replace(":", "")
        hours, minutes = (int(digits), 0) if len(digits) <= len("00") else (int(digits[:-2]), int(digits[-2:]))
        ahead = timedelta(hours=hours, minutes=minutes)
        return timezone(-ahead if offset[0] == "-" else ahead)
    if zone.endswith(("st", "dt")):
        return timezone(timedelta(hours=_ZONES[zone[0]] + (zone[1] == "d")))
    return UTC
