"""Drafts, scheduled posts and their publication over HTTP."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import Response
from tests.entrypoints.http.clients import PASSWORD, Member, Site, StoppedClock, invalid_fields, problem

from blog.adapters.sql.search.fts5 import Fts5PostIndex
from blog.domain.accounts.actors import Scope
from blog.domain.accounts.login import log_in
from blog.domain.blog import OpenBlog
from blog.entrypoints.http import create_app

POSTS = "/api/posts/"
BATCH = f"{POSTS}batch/"
NOW = "2026-11-22T09:30:00.000000Z"
LATER = "2026-11-22T10:30:00.000000Z"
EARLIER = "2020-01-01T00:00:00.000000Z"
CONTENT = {"title": "Secret merger", "body": "We buy them."}
STATUSES = ("draft", "scheduled", "published")
ORDERS = ("newest", "oldest", "updated", "title")

pytestmark = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


@pytest.fixture
def root(site: Site) -> Member:
    return site.add_member("root", is_admin=True)


@pytest.fixture(params=[1, Fts5PostIndex.max_pending], ids=["indexed", "pending"])
def max_pending(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite, a search looks into the index and into the posts that wait for it, by other statements."""
    monkeypatch.setattr(Fts5PostIndex, "max_pending", request.param)


def create(member: Member, **publication: Any) -> dict[str, Any]:
    answer = member.ask("POST", POSTS, json={**CONTENT, **publication})
    assert answer.status_code == 201, answer.text
    post: dict[str, Any] = answer.json()
    return post


def draft_of(member: Member) -> dict[str, Any]:
    return create(member, status="draft")


def scheduled_of(member: Member, at: str = LATER) -> dict[str, Any]:
    return create(member, published_at=at)


def with_scopes(member: Member, *scopes: Scope) -> Member:
    """The same user with another token, which has these scopes."""
    secret = log_in(member.site.open_blog, member.username, PASSWORD, scopes=scopes)[1].secret
    return Member(site=member.site, id=member.id, username=member.username, token=secret)


def path_of(post: dict[str, Any], rest: str = "") -> str:
    return f"{POSTS}{post['id']}/{rest}"


def ids(answer: Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [post["id"] for post in answer.json()["results"]]


def messages(answer: Response) -> dict[str, str]:
    return {error["field"]: error["message"] for error in problem(answer, 400)["errors"]}


def cursor(*position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).rstrip(b"=").decode()


# Create


@pytest.mark.parametrize(
    ("sent", "status", "published_at"),
    [
        ({}, "published", NOW),
        ({"status": "published"}, "published", NOW),
        ({"status": "draft"}, "draft", None),
        ({"published_at": None}, "draft", None),
        ({"status": "draft", "published_at": None}, "draft", None),
        ({"published_at": LATER}, "scheduled", LATER),
        ({"status": "scheduled", "published_at": LATER}, "scheduled", LATER),
        ({"published_at": "2026-11-22T11:30:00+01:00"}, "scheduled", LATER),
        ({"published_at": EARLIER}, "published", EARLIER),
        ({"status": "published", "published_at": EARLIER}, "published", EARLIER),
        ({"published_at": NOW}, "published", NOW),
    ],
)
def test_new_post_is_published_at_once_unless_the_client_says_otherwise(
    alice: Member, sent: dict[str, Any], status: str, published_at: str | None
) -> None:
    post = create(alice, **sent)
    assert (post["status"], post["published_at"]) == (status, published_at)
    assert (post["created_at"], post["updated_at"], post["version"]) == (NOW, NOW, 1)
    assert alice.ask("GET", path_of(post)).json() == post


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"status": "scheduled"}, "published_at"),
        ({"status": "scheduled", "published_at": NOW}, "status"),
        ({"status": "published", "published_at": LATER}, "status"),
        ({"status": "draft", "published_at": LATER}, "status"),
        ({"status": "draft", "published_at": EARLIER}, "status"),
        ({"status": "published", "published_at": None}, "published_at"),
        ({"status": "scheduled", "published_at": None}, "published_at"),
        ({"status": None}, "status"),
        ({"status": "Draft"}, "status"),
        ({"status": ["draft"]}, "status"),
        ({"status": True}, "status"),
        ({"published_at": "2026-11-22T10:30:00"}, "published_at"),
        ({"published_at": "2026-11-22"}, "published_at"),
        ({"published_at": 1795343400}, "published_at"),
        ({"published_at": "0999-12-31T23:59:59Z"}, "published_at"),
        ({"published_at": "9999-01-01T00:00:00Z"}, "published_at"),
        ({"published_at": "1000-01-01T00:00:00+14:00"}, "published_at"),  # in UTC, it is in the year before
        ({"published_at": "9998-12-31T23:59:59-14:00"}, "published_at"),
        ({"published_at": {}}, "published_at"),
    ],
)
def test_publication_that_is_not_valid_is_refused_with_all_other_errors(
    site: Site, alice: Member, sent: dict[str, Any], field: str
) -> None:
    assert invalid_fields(alice.ask("POST", POSTS, json={**CONTENT, **sent})) == [field]
    assert set(invalid_fields(alice.ask("POST", POSTS, json={"title": "", **sent}))) == {"body", "title", field}
    answer = alice.ask("POST", BATCH, json={"operations": [{"op": "create", **CONTENT, **sent}]})
    assert invalid_fields(answer) == [f"operations[0].{field}"]
    for status in STATUSES:
        assert ids(alice.ask("GET", f"{POSTS}?status={status}")) == []
    assert ids(site.ask("GET", POSTS)) == []


def test_message_says_which_status_fits(alice: Member) -> None:
    assert messages(alice.ask("POST", POSTS, json={**CONTENT, "status": "x"})) == {
        "status": "must be draft or scheduled or published"
    }
    assert messages(alice.ask("POST", POSTS, json={**CONTENT, "status": "draft", "published_at": LATER})) == {
        "status": "does not fit published_at: must be scheduled, or be left out"
    }


# Visibility


def test_only_its_author_sees_an_unpublished_post(site: Site, alice: Member, bob: Member, root: Member) -> None:
    scopes = (Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH)
    readers = [alice, *(with_scopes(alice, scope) for scope in scopes)]
    strangers = [bob, root, with_scopes(alice), with_scopes(alice, Scope.ACCOUNT)]
    for post in (draft_of(alice), scheduled_of(alice)):
        for query in ("", "?fields=title", "?include=permissions"):
            path = path_of(post, query)
            for reader in readers:
                assert reader.ask("GET", path).json()["title"] == CONTENT["title"]
            for answer in (site.ask("GET", path), *(stranger.ask("GET", path) for stranger in strangers)):
                assert problem(answer, 404)["detail"] == f"There is no post {post['id']}."


def requests_on(post_id: int) -> Iterator[tuple[str, str, Any]]:
    """Every request that names a post, with bodies that are valid and bodies that are not."""
    path = f"{POSTS}{post_id}/"
    yield "GET", path, None
    yield "GET", f"{path}?include=permissions&fields=title", None
    yield "HEAD", path, None
    for sent in (CONTENT, {"title": ""}, {"version": 7}, b"no json"):
        yield "PUT", path, sent
        yield "PATCH", path, sent
    yield "DELETE", path, None
    for sent in ({}, {"at": LATER}, {"at": 7}, b"no json"):
        yield "POST", f"{path}publish/", sent
    yield "POST", f"{path}unpublish/", None
    for operation in (
        {"op": "update", "title": "New"},
        {"op": "update", "title": "New", "version": 9},
        {"op": "delete"},
        {"op": "publish"},
        {"op": "publish", "at": LATER, "version": 9},
        {"op": "unpublish"},
    ):
        yield "POST", BATCH, {"operations": [{**operation, "id": post_id}]}


@pytest.mark.parametrize("requires_if_match", [False, True])
def test_unpublished_post_of_another_user_is_answered_like_a_post_that_does_not_exist(
    open_blog: OpenBlog, alice: Member, bob: Member, root: Member, *, requires_if_match: bool
) -> None:
    """Not with 403, 412 or 428, and with the same words: so nobody learns that it exists."""
    strict = Site(create_app(open_blog, require_if_match=requires_if_match), open_blog)
    nothing = 10**6
    for post in (draft_of(alice), scheduled_of(alice)):
        for stranger in (bob, root):
            for headers in ({}, {"If-Match": '"1"'}, {"If-Match": '"9"'}, {"If-None-Match": "*"}, {"If-Match": "*"}):
                for (method, path, sent), (_, other, other_sent) in zip(
                    requests_on(post["id"]), requests_on(nothing), strict=True
                ):
                    answer, expected = (
                        strict.ask(
                            method,
                            where,
                            token=stranger.token,
                            headers={**headers, "Content-Type": "application/json"},
                            content=what if isinstance(what, bytes) else json.dumps(what).encode(),
                        )
                        for where, what in ((path, sent), (other, other_sent))
                    )
                    told = (answer.status_code, answer.text.replace(str(post["id"]), "N", 1))
                    assert told == (expected.status_code, expected.text.replace(str(nothing), "N", 1)), (method, path)
                    assert "etag" not in answer.headers
                    if path != BATCH:
                        assert answer.status_code == 404
        assert alice.ask("GET", path_of(post)).json() == post
    strict.close()


def test_published_post_of_another_user_is_forbidden_and_not_hidden(alice: Member, bob: Member) -> None:
    post = create(alice)
    for rest in ("publish/", "unpublish/"):
        problem(bob.ask("POST", path_of(post, rest), headers={"If-Match": '"9"'}), 403)


@pytest.mark.usefixtures("max_pending")
def test_lists_searches_and_counts_have_published_posts_only(
    site: Site, alice: Member, bob: Member, root: Member
) -> None:
    shown = create(bob, title="Merger of others", body="Of no interest.")
    draft_of(alice)
    scheduled_of(alice)
    for token in (None, alice.token, bob.token, root.token):
        for query in (
            "",
            *(f"order={order}" for order in ORDERS),
            "q=merger",
            "q=merge*&fields=title",
            "author=alice&author=bob",
            "published_after=1000-01-01T00:00:00Z",
            "published_before=9998-01-01T00:00:00Z",
            "q=merger&published_after=1000-01-01T00:00:00Z",
            "include=permissions",
            "limit=1",
        ):
            page = site.ask("GET", f"{POSTS}?{query}&count=true", token=token).json()
            assert page["count"] == 1, query
            assert page["next"] is None, query
            assert [post["title"] for post in page["results"]] == [shown["title"]], query
        for query in ("author=alice", "q=buy", 'q="we+buy"', "q=secret", "q=merger+-others"):
            page = site.ask("GET", f"{POSTS}?{query}&count=true", token=token).json()
            assert page == {"results": [], "next": None, "count": 0}, query


@pytest.mark.usefixtures("max_pending")
def test_cursor_of_a_client_shows_no_scheduled_post(site: Site, alice: Member) -> None:
    published = create(alice, title="Middle")
    for at in (LATER, "2027-01-01T00:00:00Z"):
        for title in ("Aaa", "Zzz"):
            create(alice, title=title, published_at=at)
    most = 2**63 - 1
    positions: dict[str, list[Any]] = {
        "order=newest": ["newest", "9999-12-31T23:59:59.999999+00:00", most],
        "order=oldest": ["oldest", "0001-01-01T00:00:00+00:00", 1],
        "order=updated": ["updated", "9999-12-31T23:59:59.999999+00:00", most],
        "order=title": ["title", "", 1],
        "q=buy": [True, most],
        "author=alice": ["newest", "9999-12-31T23:59:59.999999+00:00", most],
        "author=alice&order=oldest": ["oldest", "0001-01-01T00:00:00+00:00", 1],
    }
    for query, position in positions.items():
        for limit in (1, 2, 20):
            found = ids(site.ask("GET", f"{POSTS}?{query}&limit={limit}&cursor={cursor(*position)}"))
            assert found == [published["id"]], query
    for query, position in {
        "order=oldest": ["oldest", "2026-11-22T09:45:00+00:00", 1],
        "author=alice&order=oldest": ["oldest", "2026-11-22T10:30:00+00:00", 1],
        "order=title": ["title", "n", 1],
    }.items():
        assert ids(site.ask("GET", f"{POSTS}?{query}&cursor={cursor(*position)}")) == [], query


def test_post_that_is_not_published_cannot_be_found_by_its_etag(
    site: Site, alice: Member, bob: Member, clock: StoppedClock
) -> None:
    for post in (draft_of(alice), scheduled_of(alice)):
        tag = alice.ask("GET", path_of(post)).headers["etag"]
        assert alice.ask("GET", path_of(post), headers={"If-None-Match": tag}).status_code == 304
        for sent in (tag, "*", '"1"'):
            for token in (None, bob.token):
                problem(site.ask("GET", path_of(post), token=token, headers={"If-None-Match": sent}), 404)


def test_response_to_a_request_with_a_token_is_not_for_shared_caches(site: Site, alice: Member) -> None:
    post = draft_of(alice)
    for path in (path_of(post), path_of(create(alice)), POSTS, f"{POSTS}?status=draft"):
        assert alice.ask("GET", path).headers["cache-control"] == "private, no-store"
    for method, rest in (("POST", "publish/"), ("POST", "unpublish/"), ("PATCH", "")):
        answer = alice.ask(method, path_of(post, rest), json={})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-store")


def test_title_of_a_draft_is_in_no_response_to_others(
    site: Site, alice: Member, bob: Member, root: Member, clock: StoppedClock
) -> None:
    posts = [draft_of(alice), scheduled_of(alice)]
    for post in posts:
        assert alice.ask("PATCH", path_of(post), json={"body": "We buy them all."}).status_code == 200
        problem(alice.ask("PATCH", path_of(post), json={"title": "x"}, headers={"If-Match": '"1"'}), 412)
    unpublished = create(alice)
    assert alice.ask("POST", path_of(unpublished, "unpublish/")).json()["status"] == "draft"
    paths = ["/api/audit/", "/api/users/", f"/api/users/{alice.id}/", "/api/users/me/export/", "/api/tokens/", POSTS]
    paths += [f"{POSTS}?order={order}&count=true&include=permissions" for order in ORDERS]
    paths += [f"{POSTS}?q={q}" for q in ("merger", "secret", "buy", "m*", "-x+s*")]
    paths += [f"{POSTS}?status={status}" for status in STATUSES]
    for member in (bob, root, None):
        token = member and member.token
        answers = [site.ask("GET", path, token=token) for path in paths]
        for post in (*posts, unpublished):
            for method, path, sent in requests_on(post["id"]):
                if isinstance(sent, bytes) or sent == CONTENT:
                    continue
                answers.append(site.ask(method, path, token=token, json=sent))
        for answer in answers:
            assert "erger" not in answer.text, answer.request.url
            assert "We buy" not in answer.text, answer.request.url


# One's own posts


def test_status_lists_ones_own_posts(site: Site, alice: Member, bob: Member, root: Member) -> None:
    makers = {"draft": draft_of, "scheduled": scheduled_of, "published": create}
    for member in (alice, bob, root):
        for make in makers.values():
            make(member)
    for member in (alice, bob, root, with_scopes(alice, Scope.POSTS_READ), with_scopes(bob, Scope.POSTS_WRITE)):
        for status in STATUSES:
            page = member.ask("GET", f"{POSTS}?status={status}&count=true").json()
            assert [(post["author"], post["status"]) for post in page["results"]] == [(member.username, status)]
            assert page["count"] == 1


def test_status_needs_a_token_that_may_read_posts(site: Site, alice: Member) -> None:
    draft_of(alice)
    for query in ("status=draft", "status=published", "status=draft&count=true", "status=scheduled&limit=1"):
        answer = site.ask("GET", f"{POSTS}?{query}")
        assert problem(answer, 401)["detail"].startswith("A token must be shown")
        assert answer.headers["www-authenticate"] == "Token"
        problem(site.ask("GET", f"{POSTS}?{query}", headers={"Authorization": "Basic YTpi"}), 401)
        problem(site.ask("GET", f"{POSTS}?{query}", token=alice.token[:-1]), 401)
        told = problem(with_scopes(alice, Scope.ACCOUNT).ask("GET", f"{POSTS}?{query}"), 403)
        assert told["detail"] == f"This token was made without the scope {Scope.POSTS_READ}."


def test_status_cannot_be_combined_with_a_search_or_an_author(site: Site, alice: Member) -> None:
    for query in ("status=draft&q=merger", "author=alice&status=draft", "status=published&author=bob&q=x"):
        assert messages(alice.ask("GET", f"{POSTS}?{query}")) == {
            "status": "cannot be combined with q or author: it lists your own posts"
        }
    for status in ("", "Draft", "deleted", "draft,scheduled"):
        assert messages(alice.ask("GET", f"{POSTS}?status={status}")) == {
            "status": "must be one of draft, scheduled, published"
        }
    assert messages(site.ask("GET", f"{POSTS}?status=draft&status=draft")) == {"status": "must stand only once"}


def test_own_posts_are_sorted_filtered_and_paginated(alice: Member, bob: Member, clock: StoppedClock) -> None:
    drafts = []
    for title in ("b", "a", "c"):
        drafts.append(create(alice, title=title, status="draft")["id"])
        draft_of(bob)
        clock.advance(minutes=1)
    alice.ask("PATCH", f"{POSTS}{drafts[0]}/", json={"title": "d"})
    ranked = {
        "newest": [drafts[0], drafts[2], drafts[1]],
        "oldest": [drafts[1], drafts[2], drafts[0]],
        "updated": [drafts[0], drafts[2], drafts[1]],
        "title": [drafts[1], drafts[2], drafts[0]],
    }
    for order, expected in ranked.items():
        found = list[int]()
        url: str | None = f"{POSTS}?status=draft&order={order}&limit=1&fields=id,status&count=true"
        while url is not None:
            page = alice.ask("GET", url).json()
            assert page["count"] == 3
            found, url = found + [post["id"] for post in page["results"]], page["next"]
        assert found == expected, order
    first, second = (create(alice, published_at=f"2027-01-0{day}T00:00:00Z")["id"] for day in (1, 2))
    path = f"{POSTS}?status=scheduled"
    assert ids(alice.ask("GET", path)) == [second, first]
    assert ids(alice.ask("GET", f"{path}&order=oldest")) == [first, second]
    assert ids(alice.ask("GET", f"{path}&published_after=2027-01-02T00:00:00Z")) == [second]
    page = alice.ask("GET", f"{path}&published_before=2027-01-02T00:00:00Z&count=true").json()
    assert ([post["id"] for post in page["results"]], page["count"]) == ([first], 1)
    assert ids(alice.ask("GET", f"{POSTS}?status=draft&published_after=2020-01-01T00:00:00Z")) == []


# Publish and unpublish


@pytest.mark.parametrize("sent", [{}, {"json": {}}, {"content": b"", "headers": {"Content-Type": "application/json"}}])
def test_draft_is_published(site: Site, alice: Member, clock: StoppedClock, sent: dict[str, Any]) -> None:
    post = draft_of(alice)
    before = alice.ask("GET", path_of(post)).headers["etag"]
    clock.advance(hours=1)
    answer = alice.ask("POST", path_of(post, "publish/"), **sent)
    published = {**post, "slug": "secret-merger", "status": "published", "published_at": LATER, "version": 2}
    assert (answer.status_code, answer.json()) == (200, published)
    assert answer.headers["etag"].startswith('"2-')
    assert answer.headers["etag"] != before
    read = site.ask("GET", path_of(post))
    assert (read.json(), read.headers["etag"]) == (published, answer.headers["etag"])
    for query in ("", "?q=merger", "?author=alice"):
        assert ids(site.ask("GET", f"{POSTS}{query}")) == [post["id"]]


@pytest.mark.usefixtures("max_pending")
def test_scheduled_post_is_visible_from_its_time_on_without_a_write(
    site: Site, alice: Member, bob: Member, clock: StoppedClock
) -> None:
    old = create(alice, title="Old")
    post = draft_of(alice)
    answer = alice.ask("POST", path_of(post, "publish/"), json={"at": LATER})
    scheduled = {**post, "slug": "secret-merger", "status": "scheduled", "published_at": LATER, "version": 2}
    assert (answer.status_code, answer.json()) == (200, scheduled)
    clock.advance(hours=1, microseconds=-1)
    assert alice.ask("GET", path_of(post)).json() == scheduled
    problem(bob.ask("GET", path_of(post)), 404)
    assert ids(site.ask("GET", POSTS)) == [old["id"]]
    assert ids(site.ask("GET", f"{POSTS}?q=merger")) == []
    assert ids(alice.ask("GET", f"{POSTS}?status=scheduled")) == [post["id"]]
    clock.advance(microseconds=1)
    published = {**scheduled, "status": "published"}
    for member in (alice, bob):
        assert member.ask("GET", path_of(post)).json() == published
    for query, found in {
        "": [post["id"], old["id"]],
        "order=updated": [post["id"], old["id"]],
        "order=oldest": [old["id"], post["id"]],
        "q=merger": [post["id"]],
        f"published_after={LATER}": [post["id"]],
        f"published_before={LATER}": [old["id"]],
    }.items():
        page = site.ask("GET", f"{POSTS}?{query}&count=true").json()
        assert ([each["id"] for each in page["results"]], page["count"]) == (found, len(found)), query
    assert ids(alice.ask("GET", f"{POSTS}?status=scheduled")) == []


def test_etag_of_its_author_changes_when_a_scheduled_post_is_published(alice: Member, clock: StoppedClock) -> None:
    post = scheduled_of(alice)
    for query in ("", "?fields=status,version"):
        path = path_of(post, query)
        before = alice.ask("GET", path).headers["etag"]
        assert alice.ask("GET", path, headers={"If-None-Match": before}).status_code == 304
        clock.advance(hours=1)
        after = alice.ask("GET", path, headers={"If-None-Match": before})
        assert (after.status_code, after.json()["status"], after.json()["version"]) == (200, "published", 1)
        assert after.headers["etag"] != before
        clock.advance(hours=-1)
    clock.advance(hours=1)
    stale = alice.ask("PATCH", path_of(post), json={"title": "Anew"}, headers={"If-Match": '"9"'})
    assert problem(stale, 412)["version"] == 1
    assert stale.headers["etag"] == alice.ask("GET", path_of(post)).headers["etag"]
    assert alice.ask("PATCH", path_of(post), json={}, headers={"If-Match": before}).status_code == 200


def test_post_can_be_published_at_another_time(site: Site, alice: Member, clock: StoppedClock) -> None:
    post = create(alice)
    other = create(alice, title="Other")
    for at, status, listed in (
        (LATER, "scheduled", [other["id"]]),
        ("2026-11-22T09:30:00.000001Z", "scheduled", [other["id"]]),
        ("2026-11-22T10:29:59+01:00", "published", [other["id"], post["id"]]),
        (EARLIER, "published", [other["id"], post["id"]]),
        (NOW, "published", [other["id"], post["id"]]),
    ):
        answer = alice.ask("POST", path_of(post, "publish/"), json={"at": at})
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert ids(site.ask("GET", POSTS)) == listed
    assert answer.json()["published_at"] == NOW
    assert (answer.json()["updated_at"], answer.json()["created_at"]) == (NOW, NOW)


def test_to_publish_a_published_post_changes_nothing(alice: Member, clock: StoppedClock) -> None:
    post = create(alice)
    clock.advance(hours=1)
    assert alice.ask("POST", path_of(post, "publish/")).json() == post
    draft = draft_of(alice)
    assert alice.ask("POST", path_of(draft, "unpublish/")).json() == draft


@pytest.mark.usefixtures("max_pending")
def test_published_and_scheduled_posts_become_drafts(site: Site, alice: Member, bob: Member) -> None:
    for post, slug in ((create(alice), "secret-merger"), (scheduled_of(alice), None)):  # nobody has seen the latter
        answer = alice.ask("POST", path_of(post, "unpublish/"))
        assert (answer.status_code, answer.json()) == (
            200,
            {**post, "status": "draft", "published_at": None, "version": 2, "slug": slug},
        )
        read = alice.ask("GET", path_of(post))
        assert (read.json(), read.headers["etag"]) == (answer.json(), answer.headers["etag"])
        problem(bob.ask("GET", path_of(post)), 404)
        assert ids(site.ask("GET", POSTS)) == ids(site.ask("GET", f"{POSTS}?q=merger")) == []


def test_what_publish_cannot_take_is_named(alice: Member) -> None:
    post = draft_of(alice)
    path = path_of(post, "publish/")
    at: object
    for at in ("2026-11-22T10:30:00", "tomorrow", 7, None, "0999-12-31T23:59:59Z", "9998-12-31T23:00:00-01:00", {}):
        assert invalid_fields(alice.ask("POST", path, json={"at": at})) == ["at"]
    assert messages(alice.ask("POST", path, json={"published_at": LATER})) == {
        "published_at": "is not known here: known are at"
    }
    for content in (b"{", b"[]", b'"now"', b"null"):
        problem(alice.ask("POST", path, content=content, headers={"Content-Type": "application/json"}), 400)
    problem(alice.ask("POST", path, content=b"{}", headers={"Content-Type": "text/plain"}), 415)
    problem(alice.ask("POST", path, content=b" " * (2**20 + 1)), 413)
    for rest in ("publish/", "unpublish/"):
        for number in ("0", "x", "77", str(2**63)):
            problem(alice.ask("POST", f"{POSTS}{number}/{rest}"), 404)
        problem(alice.site.ask("POST", path_of(post, rest)), 401)
    assert alice.ask("GET", path_of(post)).json() == post


def test_publish_and_unpublish_check_if_match(open_blog: OpenBlog, alice: Member) -> None:
    post = draft_of(alice)
    tag = alice.ask("GET", path_of(post)).headers["etag"]
    for rest in ("publish/", "unpublish/"):
        answer = alice.ask("POST", path_of(post, rest), headers={"If-Match": '"2"'})
        told = problem(answer, 412)
        assert (told["version"], told["conflicting_fields"], answer.headers["etag"]) == (1, [], tag)
        assert invalid_fields(alice.ask("POST", path_of(post, rest), headers={"If-Match": "2"})) == ["If-Match"]
    assert alice.ask("GET", path_of(post)).json() == post
    published = alice.ask("POST", path_of(post, "publish/"), headers={"If-Match": tag})
    assert published.status_code == 200
    problem(alice.ask("POST", path_of(post, "unpublish/"), headers={"If-Match": tag}), 412)
    again = alice.ask("POST", path_of(post, "unpublish/"), headers={"If-Match": published.headers["etag"]})
    assert (again.status_code, again.json()["version"]) == (200, 3)
    strict = Site(create_app(open_blog, require_if_match=True), open_blog)
    for rest in ("publish/", "unpublish/"):
        problem(strict.ask("POST", path_of(post, rest), token=alice.token), 428)
    strict.close()


def test_publish_is_repeated_safely_with_an_idempotency_key(alice: Member, bob: Member, clock: StoppedClock) -> None:
    post = draft_of(alice)
    tag = alice.ask("GET", path_of(post)).headers["etag"]
    headers = {"Idempotency-Key": "once", "If-Match": tag}
    first = alice.ask("POST", path_of(post, "publish/"), json={}, headers=headers)
    clock.advance(hours=1)
    again = alice.ask("POST", path_of(post, "publish/"), json={}, headers=headers)
    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (200, first.json(), "true")
    problem(alice.ask("POST", path_of(post, "unpublish/"), json={}, headers=headers), 422)


def test_stored_response_about_a_draft_is_replayed_to_its_author_only(
    site: Site, alice: Member, bob: Member, root: Member
) -> None:
    headers = {"Idempotency-Key": "once"}
    sent = {**CONTENT, "status": "draft"}
    first = alice.ask("POST", POSTS, json=sent, headers=headers)
    assert alice.ask("POST", POSTS, json=sent, headers=headers).json() == first.json()
    for member in (bob, root):
        answer = member.ask("POST", POSTS, json=sent, headers=headers)
        assert "idempotency-replayed" not in answer.headers
        assert (answer.json()["author"], answer.json()["id"] > first.json()["id"]) == (member.username, True)
    for scope in (Scope.POSTS_READ, Scope.POSTS_PUBLISH):
        problem(with_scopes(alice, scope).ask("POST", POSTS, json=sent, headers=headers), 403)
    problem(site.ask("POST", POSTS, json=sent, headers=headers), 401)


# Scopes


def test_token_with_posts_write_alone_makes_drafts_and_changes_drafts_only(site: Site, alice: Member) -> None:
    writer = with_scopes(alice, Scope.POSTS_WRITE)
    draft = create(writer)
    assert (draft["status"], draft["published_at"]) == ("draft", None)
    for sent in ({"status": "published"}, {"published_at": LATER}, {"published_at": EARLIER}):
        told = problem(writer.ask("POST", POSTS, json={**CONTENT, **sent}), 403)
        assert told["detail"] == f"This token was made without the scope {Scope.POSTS_PUBLISH}."
    for post in (create(alice), scheduled_of(alice)):
        for method, rest in (
            ("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "publish/"), ("POST", "unpublish/")
        ):  # fmt: skip
            told = problem(writer.ask(method, path_of(post, rest), json=CONTENT if not rest else {}), 403)
            assert told["detail"] == f"This token was made without the scope {Scope.POSTS_PUBLISH}."
        assert alice.ask("GET", path_of(post)).json() == post
    problem(writer.ask("POST", path_of(draft, "publish/")), 403)
    assert writer.ask("PATCH", path_of(draft), json={"title": "Anew"}).json()["version"] == 2
    assert writer.ask("DELETE", path_of(draft)).status_code == 204


def test_token_with_posts_publish_alone_publishes_and_writes_nothing(alice: Member) -> None:
    publisher, draft = with_scopes(alice, Scope.POSTS_PUBLISH), draft_of(alice)
    problem(publisher.ask("POST", POSTS, json=CONTENT), 403)
    for method in ("PUT", "PATCH", "DELETE"):
        problem(publisher.ask(method, path_of(draft), json=CONTENT), 403)
    problem(publisher.ask("POST", BATCH, json={"operations": [{"op": "publish", "id": draft["id"]}]}), 403)
    assert publisher.ask("POST", path_of(draft, "publish/")).json()["status"] == "published"
    assert publisher.ask("POST", path_of(draft, "unpublish/")).json()["status"] == "draft"


# Changes


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_status_and_publication_time_may_be_sent_back_unchanged(
    alice: Member, clock: StoppedClock, method: str
) -> None:
    for post in (draft_of(alice), create(alice), scheduled_of(alice)):
        read = alice.ask("GET", path_of(post, "?include=permissions")).json()
        answer = alice.ask(method, path_of(post), json={**read, "body": "Anew"})
        assert (answer.status_code, answer.json()["version"], answer.json()["body"]) == (200, 2, "Anew")
        assert (answer.json()["status"], answer.json()["published_at"]) == (post["status"], post["published_at"])
    scheduled = scheduled_of(alice)
    clock.advance(hours=1)
    answer = alice.ask(method, path_of(scheduled), json={**scheduled, "title": "Read before it was published"})
    assert (answer.status_code, answer.json()["status"]) == (200, "published")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_status_and_publication_time_are_changed_by_publish_and_unpublish_only(alice: Member, method: str) -> None:
    message = (
        "cannot be changed here, but by POST to publish/ and unpublish/: leave it out, or send it as GET returns it"
    )
    for post in (draft_of(alice), create(alice), scheduled_of(alice)):
        others: list[tuple[str, Any]] = [("status", status) for status in STATUSES if status != post["status"]]
        others += [("published_at", at) for at in (None, NOW, LATER, EARLIER) if at != post["published_at"]]
        for name, value in others:
            answer = alice.ask(method, path_of(post), json={**CONTENT, "title": "Anew", name: value})
            assert messages(answer) == {name: message}, (post, name, value)
        wrong: object
        for wrong in ("x", 7, [], None):
            assert "status" in invalid_fields(alice.ask(method, path_of(post), json={**CONTENT, "status": wrong}))
        assert alice.ask("GET", path_of(post)).json() == post


def test_change_keeps_the_publication_time(site: Site, alice: Member, clock: StoppedClock) -> None:
    first, second = create(alice, title="First"), create(alice, title="Second")
    scheduled = scheduled_of(alice)
    clock.advance(minutes=30)
    changed = alice.ask("PATCH", path_of(first), json={"title": "Anew"}).json()
    assert (changed["created_at"], changed["published_at"]) == (NOW, NOW)
    assert changed["updated_at"] == "2026-11-22T10:00:00.000000Z"
    assert ids(site.ask("GET", POSTS)) == [second["id"], first["id"]]
    assert ids(site.ask("GET", f"{POSTS}?order=updated")) == [first["id"], second["id"]]
    clock.advance(hours=1)
    assert ids(site.ask("GET", f"{POSTS}?order=updated")) == [scheduled["id"], first["id"], second["id"]]


def test_backdated_post_takes_its_place_in_the_lists(site: Site, alice: Member) -> None:
    first, old = create(alice), create(alice, published_at=EARLIER)
    assert ids(site.ask("GET", POSTS)) == [first["id"], old["id"]]
    assert ids(site.ask("GET", f"{POSTS}?order=updated")) == [old["id"], first["id"]]
    assert ids(site.ask("GET", f"{POSTS}?published_before={NOW}")) == [old["id"]]


def test_fields_select_status_and_publication_time(alice: Member) -> None:
    draft = draft_of(alice)
    read = alice.ask("GET", path_of(draft, "?fields=status,published_at")).json()
    assert read == {"status": "draft", "published_at": None}
    listed = alice.ask("GET", f"{POSTS}?status=draft&fields=status,published_at").json()["results"]
    assert listed == [{"status": "draft", "published_at": None}]


# Batches


def test_batch_creates_publishes_schedules_and_unpublishes(site: Site, alice: Member) -> None:
    draft, other, post = draft_of(alice), draft_of(alice), create(alice)
    operations = [
        {"op": "create", **CONTENT, "status": "draft"},
        {"op": "create", **CONTENT, "published_at": LATER},
        {"op": "create", **CONTENT, "published_at": None},
        {"op": "publish", "id": draft["id"], "version": 1},
        {"op": "publish", "id": other["id"], "at": LATER},
        {"op": "unpublish", "id": post["id"]},
    ]
    answer = alice.ask("POST", BATCH, json={"operations": operations})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 201, 201, 200, 200, 200]
    assert [(result["post"]["status"], result["post"]["published_at"]) for result in results] == [
        ("draft", None),
        ("scheduled", LATER),
        ("draft", None),
        ("published", NOW),
        ("scheduled", LATER),
        ("draft", None),
    ]
    assert [result["post"] for result in results[3:]] == [
        alice.ask("GET", path_of(each)).json() for each in (draft, other, post)
    ]
    assert ids(site.ask("GET", POSTS)) == [draft["id"]]


def test_batch_that_may_not_publish_names_the_operation(alice: Member, bob: Member, root: Member) -> None:
    draft, post, hidden = draft_of(alice), create(alice), draft_of(bob)
    writer, new = with_scopes(alice, Scope.POSTS_WRITE), {"op": "create", **CONTENT}
    refused = f"This token was made without the scope {Scope.POSTS_PUBLISH}."
    nothing = f"There is no post {hidden['id']}."
    for member, operation, status, detail in (
        (writer, {"op": "publish", "id": draft["id"]}, 403, refused),
        (writer, {"op": "unpublish", "id": post["id"]}, 403, refused),
        (writer, {"op": "update", "id": post["id"], "title": "New"}, 403, refused),
        (writer, {"op": "delete", "id": post["id"]}, 403, refused),
        (writer, {"op": "create", **CONTENT, "published_at": LATER}, 403, refused),
        (writer, {"op": "create", **CONTENT, "status": "published"}, 403, refused),
        (alice, {"op": "publish", "id": draft["id"], "version": 9}, 412, None),
        (alice, {"op": "publish", "id": hidden["id"]}, 404, nothing),
        (alice, {"op": "unpublish", "id": hidden["id"], "version": 9}, 404, nothing),
        (root, {"op": "update", "id": hidden["id"], "title": "New"}, 404, nothing),
        (root, {"op": "delete", "id": hidden["id"]}, 404, nothing),
    ):
        answer = member.ask("POST", BATCH, json={"operations": [new, new, operation]})
        told = answer.json()
        assert (answer.status_code, told["operation"]) == (status, 2), operation
        assert detail in {None, told["detail"]}
    assert ids(alice.ask("GET", f"{POSTS}?status=draft")) == [draft["id"]]
    for sent, field in (({"at": "x"}, "at"), ({"at": "9999-01-01T00:00:00Z"}, "at"), ({"title": "x"}, "title")):
        answer = alice.ask("POST", BATCH, json={"operations": [new, {"op": "publish", "id": draft["id"], **sent}]})
        assert invalid_fields(answer) == [f"operations[1].{field}"]


def test_batch_requires_the_version_of_a_post_that_it_publishes(open_blog: OpenBlog, alice: Member) -> None:
    strict = Site(create_app(open_blog, require_if_match=True), open_blog)
    draft = draft_of(alice)
    for op in ("publish", "unpublish"):
        sent = {"operations": [{"op": op, "id": draft["id"]}]}
        assert invalid_fields(strict.ask("POST", BATCH, json=sent, token=alice.token)) == ["operations[0].version"]
    strict.close()


# Elsewhere


def test_personal_data_has_drafts_and_scheduled_posts(alice: Member, bob: Member, clock: StoppedClock) -> None:
    posts = []
    for make in (draft_of, create, scheduled_of):
        posts.append(make(alice))
        make(bob)
        clock.advance(seconds=1)
    assert alice.ask("GET", "/api/users/me/export/").json()["posts"] == posts
    clock.advance(hours=1)
    exported = alice.ask("GET", "/api/users/me/export/").json()["posts"]
    assert [post["status"] for post in exported] == ["draft", "published", "published"]


def test_audit_log_records_publication_without_the_title(alice: Member, root: Member) -> None:
    post = draft_of(alice)
    alice.ask("POST", path_of(post, "publish/"), json={"at": LATER})
    alice.ask("POST", path_of(post, "publish/"))
    alice.ask("POST", path_of(post, "unpublish/"))
    entries = root.ask("GET", "/api/audit/").json()["results"]
    told = [(entry["event"], entry["detail"]) for entry in entries if entry["subject"] == "post"][::-1]
    assert told == [
        ("post.created", "as a draft"),
        ("post.scheduled", "2026-11-22T10:30:00Z"),
        ("post.published", "2026-11-22T09:30:00Z"),
        ("post.unpublished", ""),
    ]


def test_document_says_that_the_body_of_publish_is_optional_and_what_may_be_refused(site: Site) -> None:
    paths = site.ask("GET", "/schema/openapi.json").json()["paths"]
    publish = paths["/api/posts/{post_id}/publish/"]["post"]
    assert publish["operationId"] == "publish_post"
    assert publish["requestBody"]["required"] is False
    assert publish["requestBody"]["content"]["application/json"]["example"] == {}  # or a page would send a past time
    unpublish = paths["/api/posts/{post_id}/unpublish/"]["post"]
    assert unpublish["operationId"] == "unpublish_post"
    assert "requestBody" not in unpublish
    for operation in (publish, unpublish):
        assert {"200", "400", "401", "403", "404", "412", "422", "428"} <= set(operation["responses"])
        assert "`posts:publish`" in operation["description"]
    assert {"400", "401", "403"} <= set(paths["/api/posts/"]["get"]["responses"])
