"""Pages of large posts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.entrypoints.http.clients import Member, Site, StoppedClock

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import OpenStores, Stores
from blog.domain.posts.post import MAX_BODY_LENGTH
from blog.entrypoints.http import create_app
from blog.entrypoints.http.parsing import lists

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
EVERY_LIST = [
    "",
    "order=oldest",
    "order=updated",
    "order=title",
    "author=alice",
    "q=large",
    "q=large+-small&count=true",
]
EVERY_LIST += ["include=permissions", "fields=body,id", "published_after=2026-01-01T00:00:00Z&order=oldest"]
LARGEST = "\U0001f98a" * MAX_BODY_LENGTH


def pages(site: Site, query: str, limit: int = 100) -> list[Any]:
    """Return every page of a list."""
    answers = [site.ask("GET", f"/api/posts/?limit={limit}&{query}")]
    while (url := answers[-1].json()["next"]) is not None:
        said = parse_qs(urlsplit(url).query)
        assert said["limit"] == [str(limit)]
        assert all(said[name] == values for name, values in parse_qs(query).items())
        answers.append(site.ask("GET", url))
    assert all(answer.status_code == 200 for answer in answers)
    return answers


@on_both
def test_a_page_has_at_most_a_megabyte_and_next_leads_to_the_rest(
    site: Site, clock: StoppedClock, alice: Member
) -> None:
    posts = []
    for number in range(7):
        posts.append(alice.create_post(f"Large {number}", LARGEST)["id"])
        clock.advance(seconds=1)
    for query in EVERY_LIST:
        listed = pages(site, query)
        assert all(len(answer.content) < 2**20 + 1000 for answer in listed), query
        found = [[post["id"] for post in answer.json()["results"]] for answer in listed]
        assert [len(page) for page in found] == [2, 2, 2, 1], query
        assert [post for page in found for post in page] == (
            posts if "order=oldest" in query or "title" in query else posts[::-1]
        )
        assert all(answer.json().get("count") in ({7} if "count" in query else {None}) for answer in listed)


@on_both
def test_a_page_without_bodies_has_as_many_posts_as_requested(site: Site, alice: Member) -> None:
    posts = [alice.create_post(f"Large {number}", LARGEST)["id"] for number in range(30)]
    for query in ("fields=id", "fields=id,title&order=updated", "q=large&fields=id"):
        (page,) = pages(site, query)
        assert [post["id"] for post in page.json()["results"]] == posts[::-1]


@given(st.lists(st.integers(1, 600), min_size=1, max_size=12), st.integers(1, 9), st.integers(1, 4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_page_has_as_many_posts_as_fit(
    hasher: PasswordHasher, sizes: Sequence[int], limit: int, first_read: int
) -> None:
    room = 1500
    with pytest.MonkeyPatch.context() as patched, site_of(hasher) as site:
        patched.setattr(lists, "PAGE_BYTES", room)
        patched.setattr(lists, "_FIRST_READ", first_read)
        alice = site.add_member("alice")
        posts = [alice.create_post("large", "x" * size) for size in sizes]
        for query, expected in {"order=title": posts, "q=large": posts[::-1]}.items():
            found = [answer.json()["results"] for answer in pages(site, query, limit)]
            assert [post["id"] for page in found for post in page] == [post["id"] for post in expected]
            for page, after in zip(found, [*found[1:], []], strict=True):
                used = sum(encoded_size(post) for post in page)
                assert len(page) == 1 or used <= room
                assert not after or len(page) == limit or used + encoded_size(after[0]) > room


@on_both
def test_about_as_many_large_posts_are_read_as_fit(store: OpenStores, hasher: PasswordHasher) -> None:
    asked: list[int] = []

    @contextmanager
    def recording() -> Iterator[Stores]:
        with store() as stores:
            yield replace(stores, posts=RecordingPosts(stores.posts, asked))

    open_blog = create_blog(recording, hasher=hasher)
    site = Site(create_app(open_blog), open_blog)
    alice = site.add_member("alice")
    for number in range(60):
        alice.create_post(f"Large {number}", "x" * MAX_BODY_LENGTH)
    asked.clear()
    assert len(site.ask("GET", "/api/posts/?limit=100").json()["results"]) == 10
    assert asked == [26]
    asked.clear()
    assert len(site.ask("GET", "/api/posts/?limit=100&fields=id").json()["results"]) == 60
    assert max(asked) <= 26
    asked.clear()
    assert len(site.ask("GET", "/api/posts/?limit=20&fields=id").json()["results"]) == 20
    assert asked == [21]
    site.close()


@contextmanager
def site_of(hasher: PasswordHasher) -> Iterator[Site]:
    """An empty blog in memory."""
    open_blog = create_blog(MemoryStore(), hasher=hasher)
    site = Site(create_app(open_blog), open_blog)
    yield site
    site.close()


def encoded_size(post: Any) -> int:
    """Return the bytes of a post as JSON."""
    return len(msgspec.json.encode(post))


@dataclass
class RecordingPosts:
    """A repository that records the limits of its pages."""

    posts: Any
    asked: list[int]

    def page(self, *order: Any, limit: int, **filters: Any) -> Any:
        self.asked.append(limit)
        return self.posts.page(*order, limit=limit, **filters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.posts, name)
