"""Pagination of posts."""

from typing import Any

import pytest
from tests.entrypoints.http.clients import Member, Site, invalid_fields

pytestmark = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


def pages_from(site: Site, url: str | None) -> list[dict[str, Any]]:
    """Return all pages from a URL on, and check each."""
    pages = []
    while url is not None:
        answer = site.ask("GET", url)
        assert answer.status_code == 200
        page = answer.json()
        assert list(page) == ["results", "next"]
        assert answer.headers.get("link") == (f'<{page["next"]}>; rel="next"' if page["next"] else None)
        pages.append(page)
        assert page["next"] != url, "a page leads to itself"
        url = page["next"]
    return pages


def ids(page: dict[str, Any]) -> list[int]:
    return [post["id"] for post in page["results"]]


def test_an_empty_blog_has_one_empty_page(site: Site) -> None:
    assert pages_from(site, "/api/posts/") == [{"results": [], "next": None}]


def test_a_page_has_20_posts_newest_first(site: Site, alice: Member) -> None:
    posts = [alice.create_post(f"Post {number}") for number in range(41)][::-1]
    pages = pages_from(site, "/api/posts/")
    assert [page["results"] for page in pages] == [posts[:20], posts[20:40], posts[40:]]
    assert pages[0]["next"].startswith("/api/posts/?limit=20&cursor=")


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
def test_a_page_has_the_requested_limit_and_the_last_page_has_no_next(site: Site, alice: Member, limit: int) -> None:
    posts = [alice.create_post() for _ in range(6)][::-1]
    pages = pages_from(site, f"/api/posts/?limit={limit}")
    assert [page["results"] for page in pages] == [posts[start : start + limit] for start in range(0, 6, limit)]


def test_a_page_has_at_most_100_posts(site: Site, alice: Member) -> None:
    for _ in range(101):
        alice.create_post()
    assert invalid_fields(site.ask("GET", "/api/posts/?limit=101")) == ["limit"]
    assert [len(page["results"]) for page in pages_from(site, "/api/posts?limit=100")] == [100, 1]


def test_following_next_lists_each_post_once_during_concurrent_changes(site: Site, alice: Member) -> None:
    before = [alice.create_post()["id"] for _ in range(20)]
    met: list[int] = []
    url: str | None = "/api/posts/?limit=3"
    while url is not None:
        page = site.ask("GET", url).json()
        met += ids(page)
        assert len(met) <= len(before), "a page begins with what an earlier one had"
        alice.create_post()
        if ids(page):
            alice.ask("DELETE", f"/api/posts/{page['results'][-1]['id']}/")
        url = page["next"]
    assert met == before[::-1]


def test_a_page_continues_after_a_deleted_post(site: Site, alice: Member) -> None:
    posts = [alice.create_post()["id"] for _ in range(4)]
    url = site.ask("GET", "/api/posts/?limit=2").json()["next"]
    alice.ask("DELETE", f"/api/posts/{posts[2]}/")
    assert ids(site.ask("GET", url).json()) == [posts[1], posts[0]]
