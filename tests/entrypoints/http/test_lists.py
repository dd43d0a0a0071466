"""Order, filters, fields, count and cursors of lists of posts."""

import base64
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.entrypoints.http.clients import Member, Site, StoppedClock, invalid_fields

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
LIST = "/api/posts/"
LAST = 2**63 - 1
DEEP = base64.urlsafe_b64encode(b"[" * 9000).decode()
NO_CURSORS: Sequence[Any] = (
    "", {}, [], [1], ["newest"], ["newest", "2026-11-22T09:30:00+00:00"], ["newest", "2026-11-22T09:30:00", 1],
    ["newest", "2026-11-22T09:30:00+01:00", 1], ["newest", "tomorrow", 1], ["newest", "9999-99-99T00:00:00+00:00", 1],
    ["newest", "", 1], ["newest", None, 1], ["newest", 7, 1], ["newest", "2026-11-22T09:30:00+00:00", 0],
    ["newest", "2026-11-22T09:30:00+00:00", -1], ["newest", "2026-11-22T09:30:00+00:00", LAST + 1],
    ["newest", "2026-11-22T09:30:00+00:00", 10**40], ["newest", "2026-11-22T09:30:00+00:00", 1.5],
    ["newest", "2026-11-22T09:30:00+00:00", True], ["newest", "2026-11-22T09:30:00+00:00", 1, 1],
    ["oldest", "2026-11-22T09:30:00+00:00", 1], ["updated", "2026-11-22T09:30:00+00:00", 1], ["title", "a", 1],
    ["other", "a", 1], [True, 1], {"order": "newest"}, [[[[[]]]]],
)  # fmt: skip


@pytest.fixture
def six_posts(site: Site, clock: StoppedClock, alice: Member, bob: Member) -> dict[str, dict[str, Any]]:
    """Six posts, an hour apart; the second was updated last."""
    posts = {}
    for author, title in ((alice, "Été"), (bob, "beta"), (alice, "Cat"), (bob, "alpha"), (alice, "Dog"), (bob, "fox")):
        posts[title] = author.create_post(title)
        clock.advance(hours=1)
    posts["beta"] = bob.ask("PATCH", f"{LIST}{posts['beta']['id']}/", json={"body": "Changed"}).json()
    return posts


def list_all(site: Site, query: str) -> list[Any]:
    """Return all listed posts, read in pages of two."""
    results = list[Any]()
    url: str | None = f"{LIST}?limit=2&{query}"
    while url is not None:
        answer = site.ask("GET", url)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert set(parse_qsl(query, keep_blank_values=True)) <= set(
            parse_qsl(urlsplit(page["next"] or url).query, keep_blank_values=True)
        )
        assert page["next"] != url, "a page leads to itself"
        results, url = results + page["results"], page["next"]
        assert answer.headers.get("link") == (f'<{url}>; rel="next"' if url else None)
    return results


def titles(site: Site, query: str) -> list[str]:
    return [post["title"] for post in list_all(site, query)]


def cursor_of(value: Any) -> str:
    """Return a cursor with this value."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@on_both
@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("newest", ["fox", "Dog", "alpha", "Cat", "beta", "Été"]),
        ("oldest", ["Été", "beta", "Cat", "alpha", "Dog", "fox"]),
        ("updated", ["beta", "fox", "Dog", "alpha", "Cat", "Été"]),
        ("title", ["alpha", "beta", "Cat", "Dog", "Été", "fox"]),
    ],
)
def test_posts_are_sorted_by_the_requested_order(
    site: Site, six_posts: dict[str, Any], order: str, expected: list[str]
) -> None:
    assert list_all(site, f"order={order}") == [six_posts[title] for title in expected]


@on_both
def test_posts_are_filtered(site: Site, six_posts: dict[str, Any]) -> None:
    for query, expected in {
        "author=alice&order=oldest": ["Été", "Cat", "Dog"],
        "author=ALICE&order=title": ["Cat", "Dog", "Été"],
        "author=alice&author=bob&order=title": ["alpha", "beta", "Cat", "Dog", "Été", "fox"],
        "author=bob&author=nobody": ["fox", "alpha", "beta"],
        "author=nobody": [],
        "published_after=2026-11-22T11:30:00Z": ["fox", "Dog", "alpha", "Cat"],
        "published_before=2026-11-22T11:30:00Z&order=oldest": ["Été", "beta"],
        "published_after=2026-11-22T12:30:00%2B01:00&published_before=2026-11-22T12:30:00.000001Z": ["alpha", "Cat"],
        "author=bob&published_after=2026-11-22T10:30:00-00:00&published_before=2026-11-22T14:30:00Z": ["alpha", "beta"],
        "published_after=2026-11-22t11:30:00z": ["fox", "Dog", "alpha", "Cat"],
        "published_after=2016-12-31T23:59:60Z&published_before=2026-11-22T11:30:00Z": ["beta", "Été"],
        "published_after=9999-12-31T23:59:59Z": [],
        "published_before=0001-01-01T00:00:00Z": [],
    }.items():
        assert titles(site, query) == expected, query


@on_both
def test_posts_are_counted_on_request(site: Site, six_posts: dict[str, Any]) -> None:
    for query, expected in {"": 6, "author=bob&": 3, "q=alpha&": 1, "published_after=2027-01-01T00:00:00Z&": 0}.items():
        page = site.ask("GET", f"{LIST}?{query}count=true&limit=1").json()
        assert (page["count"], list(page)) == (expected, ["results", "next", "count"])
        if page["next"]:
            assert site.ask("GET", page["next"]).json()["count"] == expected
        assert "count" not in site.ask("GET", f"{LIST}?{query}limit=1").json()


@on_both
def test_fields_can_be_selected(site: Site, alice: Member, six_posts: dict[str, Any]) -> None:
    assert list_all(site, "fields=title,id&order=title&author=alice") == [
        {"id": six_posts[title]["id"], "title": title} for title in ("Cat", "Dog", "Été")
    ]
    path = f"{LIST}{six_posts['Cat']['id']}/"
    assert site.ask("GET", f"{path}?fields=body").json() == {"body": "A body"}
    assert site.ask("GET", f"{path}?fields={','.join(six_posts['Cat'])}").json() == six_posts["Cat"]
    cursor_of = alice.ask("GET", f"{path}?fields=author,author&include=permissions").json()
    assert cursor_of == {"author": "alice", "permissions": {"update": True, "delete": True, "publish": True}}


def test_an_invalid_parameter_of_a_list_is_named(site: Site) -> None:
    for query, fault in {
        "order=": "order", "order=Newest": "order", "order=newest&order=newest": "order", "order=title,id": "order",
        "q=x&order=newest": "order", "q=a&q=b": "q", "author=": "author", "author=a%20b": "author",
        "author=%00": "author", "author=a&author=": "author", "author=a,b": "author",
        "&".join(f"author=a{number}" for number in range(51)): "author",
        "published_after=": "published_after", "published_after=2026-11-22": "published_after",
        "published_after=2026-11-22T09:30:00": "published_after", "published_before=1": "published_before",
        "published_after=2026-11-22T09:30+01:00": "published_after",
        "published_before=2026-02-30T00:00:00Z": "published_before",
        "published_before=20261122T093000Z": "published_before",
        "published_before=0001-01-01T00:00:00%2B14:00": "published_before",
        "published_after=9999-12-31T23:59:59-14:00": "published_after", "count=false": "count", "count=": "count",
        "count=true&count=true": "count", "count=1": "count", "fields=": "fields", "fields=title,": "fields",
        "fields=title,secret": "fields", "fields=permissions": "fields", "fields=title;body": "fields",
        "fields=title&fields=body": "fields",
    }.items():  # fmt: skip
        assert invalid_fields(site.ask("GET", f"{LIST}?{query}")) == [fault], query
    for fault in ("fields=snippet", "fields=", "fields=title&fields=body", "order=title", "count=true", "q=x"):
        assert invalid_fields(site.ask("GET", f"{LIST}1/?{fault}")) == [fault.partition("=")[0]]
    asked = "order=x&cursor=.&count=2&fields=x&author=*&published_after=x&published_before=y&limit=0"
    assert invalid_fields(site.ask("GET", f"{LIST}?{asked}")) == [
        "order", "count", "fields", "author", "published_after", "published_before", "limit"
    ]  # fmt: skip


@on_both
def test_a_cursor_of_another_list_is_refused(site: Site, alice: Member) -> None:
    for _ in range(3):
        alice.create_post()
    cursors = {
        query: dict(parse_qsl(urlsplit(site.ask("GET", f"{LIST}?limit=1&{query}").json()["next"]).query))["cursor"]
        for query in ("order=newest", "order=oldest", "order=updated", "order=title", "q=body")
    }
    for query in cursors:
        for other, cursor in cursors.items():
            answer = site.ask("GET", f"{LIST}?{query}&cursor={cursor}")
            assert answer.status_code == (200 if query == other else 400)
            assert query == other or invalid_fields(answer) == ["cursor"]
    assert site.ask("GET", f"{LIST}?cursor={cursors['order=newest']}").status_code == 200


@on_both
def test_a_forged_cursor_is_refused(site: Site) -> None:
    for value in NO_CURSORS:
        assert invalid_fields(site.ask("GET", f"{LIST}?cursor={cursor_of(value)}")) == ["cursor"], value
    for value in (["title", "a\0b", 1], ["title", "a" * 101, 1], ["title", "a", LAST + 1], ["title", None, 1]):
        assert invalid_fields(site.ask("GET", f"{LIST}?order=title&cursor={cursor_of(value)}")) == ["cursor"], value
    for value in ([True, 0], [1, 1], [True, LAST + 1], [True], [True, 1, 1], ["newest", "a", 1], {}):
        assert invalid_fields(site.ask("GET", f"{LIST}?q=x&cursor={cursor_of(value)}")) == ["cursor"], value
    for text in ("x", "x" * 5000, "%00", "%ff", "=", "W10=", "W10 ", "[[[", cursor_of([]) + "!", DEEP):
        assert invalid_fields(site.ask("GET", f"{LIST}?cursor={text}")) == ["cursor"], text


@on_both
def test_a_cursor_can_hold_any_position(site: Site, alice: Member) -> None:
    alice.create_post()
    for query, value in {
        "order=newest": ["newest", "9999-12-31T23:59:59.999999+00:00", LAST],
        "order=oldest": ["oldest", "0001-01-01T00:00:00+00:00", 1],
        "order=title": ["title", "", 1],
        "q=body": [True, LAST],
    }.items():
        assert len(site.ask("GET", f"{LIST}?{query}&cursor={cursor_of(value)}").json()["results"]) == 1


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
words = st.sampled_from(["newest", "oldest", "updated", "title", "2026-11-22T09:30:00+00:00", "a", 1, LAST, True])
cursors = st.lists(words | scalars, max_size=4).map(cursor_of) | st.binary(max_size=40).map(
    lambda some: base64.urlsafe_b64encode(some).decode()
) | st.text(max_size=20)  # fmt: skip


@on_both
@settings(max_examples=120, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cursor=cursors, query=st.sampled_from(["order=newest", "order=title", "order=updated", "q=a", "q=", "author=a"]))
def test_any_cursor_causes_no_server_error(site: Site, cursor: str, query: str) -> None:
    sent = quote(cursor.encode(errors="surrogatepass"), safe="")
    assert site.ask("GET", f"{LIST}?{query}&cursor={sent}").status_code in {200, 400}


others = st.lists(st.lists(st.tuples(st.sampled_from(["write", "delete"]), st.integers(0, 9)), max_size=3), max_size=8)


@on_both
@settings(max_examples=20, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.builds(
        "limit={}&{}".format,
        st.integers(1, 4),
        st.sampled_from(["order=newest", "order=oldest", "order=updated", "order=title", "q=body", "author=alice"]),
    ),
    meanwhile=others,
)
def test_following_next_lists_every_unchanged_post_once(
    site: Site, alice: Member, clock: StoppedClock, query: str, meanwhile: list[list[tuple[str, int]]]
) -> None:
    for number in range(5):
        clock.advance(seconds=1)
        alice.create_post(f"Title {number % 3}")
    there = [post["id"] for post in site.ask("GET", f"{LIST}?limit=100").json()["results"]]
    deleted, met = set[int](), list[int]()
    url: str | None = f"{LIST}?fields=id&{query}"
    while url is not None:
        page = site.ask("GET", url).json()
        met, url = met + [post["id"] for post in page["results"]], page["next"]
        for what, number in meanwhile.pop(0) if meanwhile else ():
            clock.advance(seconds=1)
            if what == "write":
                alice.create_post(f"Title {number}")
            else:
                deleted.add(there[number % len(there)])
                alice.ask("DELETE", f"{LIST}{there[number % len(there)]}/")
    assert len(met) == len(set(met))
    assert set(there) - deleted <= set(met)
    for post in site.ask("GET", f"{LIST}?limit=100").json()["results"]:
        alice.ask("DELETE", f"{LIST}{post['id']}/")
