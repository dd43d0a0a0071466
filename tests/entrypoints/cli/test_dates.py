"""Dates of other programs are parsed, and never guessed."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.entrypoints.cli.markdown.dates import ParsedDate, parse_date

ELEVEN = datetime(2015, 11, 21, 11, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at", "has_zone"),
    [
        ("2015-11-21T11:05:09Z", ELEVEN, True),
        ("2015-11-21t11:05:09z", ELEVEN, True),
        ("2015-11-21 06:05:09 -0500", ELEVEN, True),
        ("2015-11-21 06:05:09 -05:00", ELEVEN, True),
        ("2015-11-21 20:05:09 +9", ELEVEN, True),
        ("2015-11-21 11:05:09 UTC", ELEVEN, True),
        ("2015-11-21 11:05:09.999999999Z", ELEVEN.replace(microsecond=999999), True),
        ("2015-11-21 11:05:09", ELEVEN, False),
        ("20151121T110509", ELEVEN, False),
        ("2015/11/21 11:05:09", ELEVEN, False),
        ("2015.11.21 11:05:09 am", ELEVEN, False),
        ("Sat, 21 Nov 2015 06:05:09 -0500", ELEVEN, True),
        ("21 Nov 2015 06:05:09 EST", ELEVEN, True),
        ("21 Nov 2015 04:05:09 PDT", ELEVEN, True),
        ("Sat Nov 21 2015 06:05:09 GMT-0500 (Eastern Standard Time)", ELEVEN, True),
        ("Sat Nov 21 11:05:09 UTC 2015", ELEVEN, True),
        ("Saturday, November 21st, 2015 at 11:05:09 AM", ELEVEN, False),
        ("  Sept. 5,   2015 ", datetime(2015, 9, 5, tzinfo=UTC), False),
        ("21-Nov-2015", datetime(2015, 11, 21, tzinfo=UTC), False),
        ("2015-1-5 9:05:00", datetime(2015, 1, 5, 9, 5, tzinfo=UTC), False),
        ("2015/1/5", datetime(2015, 1, 5, tzinfo=UTC), False),
        ("2015-11-28T24:00:00", datetime(2015, 11, 29, tzinfo=UTC), False),
        ("2015-12-31T23:59:60Z", datetime(2016, 1, 1, tzinfo=UTC), True),
        ("2015-11-21 12:00 am", datetime(2015, 11, 21, tzinfo=UTC), False),
        ("2015-11-21 12:30 p.m.", datetime(2015, 11, 21, 12, 30, tzinfo=UTC), False),
    ],
)
def test_every_spelling_of_a_date_has_one_meaning(text: str, at: datetime, has_zone: bool) -> None:  # noqa: FBT001 - a case
    assert parse_date(text)[:2] == (at, has_zone)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "11/12/2015",
        "11-12-2015",
        "2015",
        "2015-11",
        "11:05",
        "yesterday",
        "Last Modified",
        "1448103909",
        "2015-11/21",
        "2015-13-01",
        "2015-11-31",
        "31 Nov 2015",
        "2015-11-21 25:00",
        "2015-11-21 24:00:01",
        "2015-11-21 11:60",
        "2015-11-21 13:05 pm",
        "2015-11-21 11:05 +99:00",
        "2015-11-21 11:05 CET",
        "0001-01-01 00:00 +10:00",
        "\u0662\u0660\u0661\u0665-11-21",
        "Nov 21 2015" + " " * 200 + "x",
    ],
)
def test_an_invalid_or_ambiguous_date_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"^must be a date or a time such as 2026-11-23"):
        parse_date(text)


@pytest.mark.parametrize("text", ["2015-11-21", "20151121", "2015-W47-6", "2015/11/21", "Nov 21, 2015"])
def test_a_date_is_distinguished_from_a_time(text: str) -> None:
    assert parse_date(text) == ParsedDate(datetime(2015, 11, 21, tzinfo=UTC), has_zone=False, is_day=True)
    assert not parse_date("20151121T0000").is_day
    assert not parse_date("2015-11-21 00:00").is_day


_FIRST, _LAST = (datetime(year, 1, 2) for year in (1900, 9998))  # noqa: DTZ001 - the zone is drawn beside it
_FORMS = [
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y/%m/%d %H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%A, %B %d, %Y %I:%M:%S %p %z",
    "%a %b %d %Y %H:%M:%S GMT%z (Somewhere)",
    "%a %b %d %H:%M:%S %z %Y",
    "%d %B %Y %H:%M:%S %z",
]


@given(
    st.datetimes(_FIRST, _LAST),
    st.integers(-23 * 60, 23 * 60),
    st.sampled_from(_FORMS),
)
def test_a_time_is_parsed_in_every_format_and_zone(at: datetime, minutes: int, form: str) -> None:
    there = at.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))

    assert parse_date(there.strftime(form)) == ParsedDate(there.astimezone(UTC), has_zone=True, is_day=False)


@given(st.text("0123456789-/:.,+ tzampnov()", max_size=40) | st.text(max_size=120))
def test_any_text_is_a_date_or_refused(text: str) -> None:
    try:
        assert parse_date(text).at.tzinfo is UTC
    except ArgumentTypeError:
        return
