"""Slugs over HTTP: how posts get them, and how posts are found by them."""

import unicodedata
from typing import Any
from urllib.parse import quote

import pytest
from httpx import Response
from tests.entrypoints.http.clients import Member, Site, StoppedClock, invalid_fields, problem

from blog.domain.blog import OpenBlog
from blog.entrypoints.http import create_app

POSTS = "/api/posts/"
BATCH = f"{POSTS}batch/"
BY_SLUG = f"{POSTS}by-slug/"
LATER = "2026-11-22T10:30:00.000000Z"
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}

pytestmark = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


def create(member: Member, title: str = "Hello, world", **more: Any) -> dict[str, Any]:
    answer = member.ask("POST", POSTS, json={"title": title, "body": "A body", **more})
    assert answer.status_code == 201, answer.text
    post: dict[str, Any] = answer.json()
    return post


def change(member: Member, post: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = member.ask("PATCH", f"{POSTS}{post['id']}/", json=changes)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def path(slug: str) -> str:
    return f"{BY_SLUG}{quote(slug)}/"


def moved_to(answer: Response) -> str:
    """The address to which a permanent redirect leads."""
    assert (answer.status_code, answer.content) == (308, b""), answer.text
    location: str = answer.headers["location"]
    return location


def test_a_published_post_gets_a_slug_from_its_title(site: Site, alice: Member) -> None:
    post = create(alice)
    assert post["slug"] == "hello-world"
    assert [create(alice)["slug"] for _ in range(3)] == ["hello-world-2", "hello-world-3", "hello-world-4"]
    assert create(alice, "Straße nach Łódź, 東京")["slug"] == "straße-nach-łódź-東京"
    assert create(alice, "???")["slug"].startswith("post-")
    found = site.ask("GET", path("hello-world"))
    assert (found.status_code, found.json()) == (200, post)
    assert found.headers["etag"] == site.ask("GET", f"{POSTS}{post['id']}/").headers["etag"]


def test_an_author_may_choose_a_slug_that_is_free(site: Site, alice: Member, bob: Member) -> None:
    assert create(alice, slug="my-own")["slug"] == "my-own"
    taken = bob.ask("POST", POSTS, json={"title": "Mine", "body": "x", "slug": "my-own"})
    assert invalid_fields(taken) == ["slug"]
    other = create(bob, "Mine")
    assert invalid_fields(bob.ask("PATCH", f"{POSTS}{other['id']}/", json={"slug": "my-own"})) == ["slug"]
    assert site.ask("GET", f"{POSTS}{other['id']}/").json() == other


@pytest.mark.parametrize(
    "slug",
    ["", "Hello", "a b", "a--b", "-a", "a-", "2026", "tags", "by-slug", "a/b", "x" * 81, "e\u0301", 7, ["a"], "\0"],
)
def test_a_slug_that_is_not_valid_is_refused_by_every_use_case(alice: Member, slug: Any) -> None:
    post = alice.create_post()
    content = {"title": "A title", "body": "A body", "slug": slug}
    one = f"{POSTS}{post['id']}/"
    assert invalid_fields(alice.ask("POST", POSTS, json=content)) == ["slug"]
    assert invalid_fields(alice.ask("PUT", one, json=content)) == ["slug"]
    assert invalid_fields(alice.ask("PATCH", one, json={"slug": slug})) == ["slug"]
    steps = [{"op": "create", **content}, {"op": "update", "id": post["id"], "slug": slug}]
    refused = alice.ask("POST", BATCH, json={"operations": steps})
    assert invalid_fields(refused) == ["operations[0].slug", "operations[1].slug"]


def test_a_former_slug_leads_to_the_present_one_for_ever(site: Site, alice: Member, bob: Member) -> None:
    post = change(alice, create(alice), slug="second")
    assert moved_to(site.ask("GET", path("hello-world"))) == path("second")
    change(alice, post, slug="third")
    for former in ("hello-world", "second"):
        assert moved_to(site.ask("GET", path(former))) == path("third")
    assert create(bob)["slug"] == "hello-world-2"
    assert invalid_fields(bob.ask("POST", POSTS, json={"title": "x", "body": "x", "slug": "second"})) == ["slug"]
    change(alice, post, slug="hello-world")
    assert site.ask("GET", path("hello-world")).json()["id"] == post["id"]
    assert moved_to(site.ask("GET", path("third"))) == path("hello-world")


def test_another_title_changes_no_slug(site: Site, alice: Member) -> None:
    post = create(alice)
    assert change(alice, post, title="Another title")["slug"] == "hello-world"
    whole = alice.ask("PUT", f"{POSTS}{post['id']}/", json={"title": "A third", "body": "x"}).json()
    assert (whole["slug"], whole["version"]) == ("hello-world", 3)
    assert site.ask("GET", path("hello-world")).json() == whole


def test_a_deleted_post_is_gone_and_its_slugs_are_never_given_again(site: Site, alice: Member, bob: Member) -> None:
    post = change(alice, create(alice), slug="second")
    assert alice.ask("DELETE", f"{POSTS}{post['id']}/").status_code == 204
    for slug in ("hello-world", "second"):
        gone = site.ask("GET", path(slug))
        assert problem(gone, 410)["title"] == "Gone"
        assert "hello" not in gone.text
    assert create(bob)["slug"] == "hello-world-2"
    assert invalid_fields(bob.ask("POST", POSTS, json={"title": "x", "body": "x", "slug": "second"})) == ["slug"]


def test_an_unknown_slug_is_not_found(site: Site, alice: Member) -> None:
    create(alice)
    for slug in ("hello", "hello-world-2", "a" * 500, "?", "\0", "%00", "\U0001f600", "1", " "):
        problem(site.ask("GET", path(slug)), 404)
    for raw in ("%ff", "%ed%a0%80", "%"):  # not UTF-8
        problem(site.ask("GET", f"{BY_SLUG}{raw}/"), 404)
    problem(site.ask("GET", BY_SLUG), 404)


def test_an_encoded_slash_is_a_slash(site: Site, alice: Member) -> None:
    create(alice)
    for raw in ("hello%2Fworld", "hello-world%2Fx", "%2F1"):
        problem(site.ask("GET", f"{BY_SLUG}{raw}/"), 404)


def test_another_spelling_of_a_slug_leads_to_the_stored_one(site: Site, alice: Member) -> None:
    slug = create(alice, "Ça va, ﬁne?")["slug"]
    assert slug == "ça-va-fine"
    assert site.ask("GET", path(slug)).json()["slug"] == slug
    for spelling in ("ÇA-VA-FINE", unicodedata.normalize("NFD", slug), "ça-va-ﬁne"):
        assert spelling != slug
        assert moved_to(site.ask("GET", path(spelling))) == path(slug)
    assert site.ask("GET", moved_to(site.ask("GET", path("ÇA-VA-FINE")))).status_code == 200


def test_a_read_by_slug_may_select_fields_and_is_conditional(site: Site, alice: Member) -> None:
    post = create(alice)
    part = site.ask("GET", f"{path('hello-world')}?fields=id,slug")
    assert part.json() == {"id": post["id"], "slug": "hello-world"}
    mine = alice.ask("GET", f"{path('hello-world')}?include=permissions").json()
    assert mine["permissions"] == {"update": True, "delete": True, "publish": True}
    whole = site.ask("GET", path("hello-world"))
    for answer, query in ((whole, ""), (part, "?fields=id,slug")):
        had = {"If-None-Match": answer.headers["etag"]}
        again = site.ask("GET", f"{path('hello-world')}{query}", headers=had)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    assert invalid_fields(site.ask("GET", f"{path('hello-world')}?fields=nothing")) == ["fields"]
    assert invalid_fields(site.ask("GET", f"{path('hello-world')}?q=x")) == ["q"]


def test_the_query_is_kept_by_the_redirect(site: Site, alice: Member) -> None:
    change(alice, create(alice), slug="second")
    assert moved_to(site.ask("GET", f"{path('hello-world')}?fields=i%64,slug")) == f"{path('second')}?fields=i%64,slug"
    for query in ("fields=nothing", "url=https://evil.example", "%0D%0Aa=b", "fields=id%0D%0A", "fields=%C3%A9", "é"):
        problem(site.ask("GET", f"{path('hello-world')}?{query}"), 400)


def test_head_is_answered_and_other_methods_are_not_allowed(site: Site, alice: Member) -> None:
    change(alice, create(alice), slug="second")
    assert (site.ask("HEAD", path("second")).status_code, site.ask("HEAD", path("second")).content) == (200, b"")
    assert moved_to(site.ask("HEAD", path("hello-world"))) == path("second")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert alice.ask(method, path("second"), json={}).status_code == 405


def test_a_slug_without_the_slash_at_the_end_is_found(site: Site, alice: Member) -> None:
    create(alice)
    assert site.ask("GET", f"{BY_SLUG}hello-world").status_code == 200


def test_a_draft_has_no_address_until_it_is_published(site: Site, alice: Member, bob: Member) -> None:
    draft = create(alice, slug="a-wish", status="draft")
    assert draft["slug"] == "a-wish"
    assert create(alice, status="draft")["slug"] is None
    for asker in (site, alice, bob):
        problem(asker.ask("GET", path("a-wish")), 404)
    assert change(alice, draft, slug=None)["slug"] is None
    answer = alice.ask("PATCH", f"{POSTS}{draft['id']}/", content='{"slug": "b-wish"}', headers=MERGE_PATCH)
    assert answer.json()["slug"] == "b-wish"
    published = alice.ask("POST", f"{POSTS}{draft['id']}/publish/").json()
    assert published["slug"] == "b-wish"
    assert site.ask("GET", path("b-wish")).json() == published


def test_a_wish_that_is_taken_by_then_is_refused_at_publication(alice: Member, bob: Member) -> None:
    draft = create(alice, slug="a-wish", status="draft")
    create(bob, slug="a-wish")
    assert invalid_fields(alice.ask("POST", f"{POSTS}{draft['id']}/publish/")) == ["slug"]
    change(alice, draft, slug=None)
    assert alice.ask("POST", f"{POSTS}{draft['id']}/publish/").json()["slug"] == "hello-world"


def test_a_published_post_keeps_a_slug(alice: Member) -> None:
    post = create(alice)
    one = f"{POSTS}{post['id']}/"
    assert invalid_fields(alice.ask("PATCH", one, json={"slug": None})) == ["slug"]
    assert invalid_fields(alice.ask("PUT", one, json={"title": "A", "body": "B", "slug": None})) == ["slug"]
    assert invalid_fields(alice.ask("PATCH", one, content='{"slug": null}', headers=MERGE_PATCH)) == ["slug"]


def test_an_unpublished_post_is_found_by_its_author_alone(site: Site, alice: Member, bob: Member) -> None:
    post = create(alice)
    assert alice.ask("POST", f"{POSTS}{post['id']}/unpublish/").status_code == 200
    assert alice.ask("GET", path("hello-world")).json()["status"] == "draft"
    for asker in (site, bob):
        problem(asker.ask("GET", path("hello-world")), 404)
    assert create(bob)["slug"] == "hello-world-2"
    change(alice, post, slug="second")
    assert moved_to(alice.ask("GET", path("hello-world"))) == path("second")
    problem(site.ask("GET", path("hello-world")), 404)


def test_a_scheduled_post_is_found_by_others_from_its_time_on(
    site: Site, clock: StoppedClock, alice: Member, bob: Member
) -> None:
    post = create(alice, published_at=LATER)
    assert post["slug"] == "hello-world"
    assert alice.ask("GET", path("hello-world")).json() == post
    for asker in (site, bob):
        assert problem(asker.ask("GET", path("hello-world")), 404) == problem(asker.ask("GET", path("nothing")), 404)
    clock.advance(hours=1)
    assert site.ask("GET", path("hello-world")).json() == {**post, "status": "published"}


def test_the_number_of_a_slug_does_not_tell_that_another_post_is_scheduled(
    site: Site, clock: StoppedClock, alice: Member, bob: Member
) -> None:
    scheduled = create(alice, published_at=LATER)
    first = create(bob)
    assert first["slug"] == "hello-world"
    assert create(bob, slug="other")["slug"] == "other"
    moved = alice.ask("GET", f"{POSTS}{scheduled['id']}/").json()
    assert (moved["slug"], moved["version"]) == ("hello-world-2", 2)
    clock.advance(hours=1)
    assert site.ask("GET", path("hello-world")).json()["id"] == first["id"]
    assert site.ask("GET", path("hello-world-2")).json()["id"] == scheduled["id"]


def test_posts_get_slugs_in_a_batch(site: Site, alice: Member) -> None:
    post = create(alice)
    new = {"op": "create", "title": "Hello, world", "body": "A body"}
    steps = [
        new,
        {**new, "slug": "chosen"},
        {**new, "status": "draft"},
        {"op": "update", "id": post["id"], "slug": "b"},
    ]
    answer = alice.ask("POST", BATCH, json={"operations": steps})
    assert [result["post"]["slug"] for result in answer.json()["results"]] == ["hello-world-2", "chosen", None, "b"]
    assert moved_to(site.ask("GET", path("hello-world"))) == path("b")


def test_a_batch_whose_slug_is_taken_changes_nothing(site: Site, alice: Member) -> None:
    create(alice, slug="taken")
    new = {"op": "create", "title": "New", "body": "A body"}
    refused = alice.ask("POST", BATCH, json={"operations": [new, {**new, "slug": "taken"}]})
    assert invalid_fields(refused) == ["operations[1].slug"]
    problem(site.ask("GET", path("new")), 404)


def test_links_have_the_prefix_of_the_proxy(open_blog: OpenBlog, alice: Member) -> None:
    change(alice, create(alice), slug="second")
    site = Site(create_app(open_blog, root_path="/our/blog"), open_blog)
    assert moved_to(site.ask("GET", f"/our/blog{path('hello-world')}")) == f"/our/blog{path('second')}"
    site.close()
