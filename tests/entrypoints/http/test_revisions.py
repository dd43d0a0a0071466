"""Revisions over HTTP."""

from typing import Any

import pytest
from httpx import Response
from tests.entrypoints.http.clients import PASSWORD, Member, Site, StoppedClock, problem

from blog.domain.accounts.actors import Scope
from blog.domain.accounts.login import log_in
from blog.domain.posts.post import MAX_BODY_LENGTH

NOW = "2026-11-22T09:30:00.000000Z"
LATER = "2026-11-22T10:30:00.000000Z"
FIRST = {"title": "First", "body": "one\ntwo\nthree\n", "slug": "the-first", "tags": ["a", "b"], "summary": "In short"}
SECOND = {"title": "Second", "body": "one\ntwo words\nthree\n", "tags": ["b", "c"]}

pytestmark = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


@pytest.fixture
def root(site: Site) -> Member:
    return site.add_member("root", is_admin=True)


@pytest.fixture
def post(alice: Member, clock: StoppedClock) -> dict[str, Any]:
    """A post with two versions."""
    answer = alice.ask("POST", "/api/posts/", json=FIRST)
    assert answer.status_code == 201, answer.text
    clock.advance(hours=1)
    return changed(alice, answer.json(), **SECOND)


def changed(member: Member, post: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = member.ask("PATCH", f"/api/posts/{post['id']}/", json=changes)
    assert answer.status_code == 200, answer.text
    after: dict[str, Any] = answer.json()
    return after


def path(post: dict[str, Any], rest: str = "") -> str:
    return f"/api/posts/{post['id']}/revisions/{rest}"


def ok(answer: Response) -> Any:
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    return answer.json()


def with_scopes(member: Member, *scopes: Scope) -> Member:
    """The same user with another token, which has these scopes."""
    secret = log_in(member.site.open_blog, member.username, PASSWORD, scopes=scopes)[1].secret
    return Member(site=member.site, id=member.id, username=member.username, token=secret)


def test_the_versions_of_a_post_are_listed_without_their_contents(alice: Member, post: dict[str, Any]) -> None:
    alice.ask("POST", f"/api/posts/{post['id']}/unpublish/")
    assert ok(alice.ask("GET", path(post))) == {
        "results": [
            {"number": 3, "saved_at": LATER, "published_at": None},
            {"number": 2, "saved_at": LATER, "published_at": NOW},
            {"number": 1, "saved_at": NOW, "published_at": NOW},
        ],
        "next": None,
    }


def test_the_list_is_paginated(alice: Member, post: dict[str, Any]) -> None:
    for number in range(5):
        changed(alice, post, title=f"Title {number}")
    found, address = [], f"{path(post)}?limit=3"
    while address:
        page = ok(alice.ask("GET", address))
        found += [each["number"] for each in page["results"]]
        address = page["next"]
    assert found == [7, 6, 5, 4, 3, 2, 1]
    for query in ("limit=0", "limit=101", "cursor=0", "cursor=x", "before=3"):
        problem(alice.ask("GET", f"{path(post)}?{query}"), 400)


def test_a_version_is_read_complete(alice: Member, post: dict[str, Any]) -> None:
    assert ok(alice.ask("GET", path(post, "1/"))) == {
        **FIRST,
        "post": post["id"],
        "number": 1,
        "saved_at": NOW,
        "published_at": NOW,
    }
    assert ok(alice.ask("GET", path(post, "2/")))["body"] == SECOND["body"]


def test_versions_are_compared_with_the_present_one_or_another(alice: Member, post: dict[str, Any]) -> None:
    compared = ok(alice.ask("GET", path(post, "1/compare/")))
    assert compared == ok(alice.ask("GET", path(post, "1/compare/?with=2")))
    assert compared == {
        "old": 1,
        "new": 2,
        "texts": [
            {"field": "title", "parts": [{"kind": "removed", "text": "First"}, {"kind": "added", "text": "Second"}]},
            {
                "field": "body",
                "parts": [
                    {"kind": "equal", "text": "one\ntwo"},
                    {"kind": "added", "text": " words"},
                    {"kind": "equal", "text": "\nthree\n"},
                ],
            },
            {"field": "slug", "parts": [{"kind": "equal", "text": "the-first"}]},
            {"field": "summary", "parts": [{"kind": "equal", "text": "In short"}]},
        ],
        "sets": [{"field": "tags", "kept": ["b"], "removed": ["a"], "added": ["c"]}],
    }
    backwards = ok(alice.ask("GET", path(post, "2/compare/?with=1")))
    assert (backwards["old"], backwards["new"]) == (2, 1)
    for query in ("with=0", "with=x", "with=1&with=2", "other=1"):
        problem(alice.ask("GET", path(post, f"1/compare/?{query}")), 400)


def test_a_comparison_of_the_longest_posts_is_an_ordinary_response(alice: Member, post: dict[str, Any]) -> None:
    changed(alice, post, body='"\n' * (MAX_BODY_LENGTH // 2))
    changed(alice, post, body="\U0001f3f3\n" * (MAX_BODY_LENGTH // 2))
    answer = alice.ask("GET", path(post, "3/compare/"))
    ok(answer)
    assert len(answer.content) < 2**20


def test_a_version_is_restored_as_the_next_one(alice: Member, site: Site, post: dict[str, Any]) -> None:
    answer = alice.ask("POST", path(post, "1/restore/"))
    restored = ok(answer)
    assert restored == {**post, **FIRST, "version": 3, "updated_at": LATER}
    assert answer.headers["etag"].startswith('"3-')
    assert site.ask("GET", f"/api/posts/{post['id']}/").json() == restored
    assert [each["number"] for each in ok(alice.ask("GET", path(post)))["results"]] == [3, 2, 1]
    assert [each["id"] for each in site.ask("GET", "/api/posts/?tag=a").json()["results"]] == [post["id"]]


def test_the_address_stays_when_a_version_is_restored(alice: Member, site: Site, post: dict[str, Any]) -> None:
    changed(alice, post, slug="another")
    assert ok(alice.ask("POST", path(post, "1/restore/")))["slug"] == "another"
    assert site.ask("GET", "/api/posts/by-slug/the-first/").status_code == 308


def test_restoring_is_audited(alice: Member, root: Member, post: dict[str, Any]) -> None:
    alice.ask("POST", path(post, "1/restore/"))
    (entry, *_) = root.ask("GET", "/api/audit/").json()["results"]
    assert (entry["event"], entry["actor"], entry["subject_id"]) == ("post.changed", "alice", post["id"])
    assert entry["detail"] == "from version 1"


def test_restoring_honours_if_match(alice: Member, post: dict[str, Any]) -> None:
    current = alice.ask("GET", f"/api/posts/{post['id']}/").headers["etag"]
    conflict = problem(alice.ask("POST", path(post, "1/restore/"), headers={"If-Match": '"1"'}), 412)
    assert conflict["version"] == 2
    assert ok(alice.ask("POST", path(post, "1/restore/"), headers={"If-Match": current}))["version"] == 3
    problem(alice.ask("POST", path(post, "2/restore/"), headers={"If-Match": current}), 412)


def test_restoring_is_repeated_under_its_key(alice: Member, post: dict[str, Any]) -> None:
    key = {"Idempotency-Key": "once"}
    first = alice.ask("POST", path(post, "1/restore/"), headers=key)
    changed(alice, post, title="Third")
    again = alice.ask("POST", path(post, "1/restore/"), headers=key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (ok(first), "true")
    assert alice.ask("GET", f"/api/posts/{post['id']}/").json()["version"] == 4
    assert alice.ask("POST", path(post, "2/restore/"), headers=key).status_code == 422


def test_a_token_without_the_scope_to_publish_restores_drafts_only(alice: Member, post: dict[str, Any]) -> None:
    writer = with_scopes(alice, Scope.POSTS_WRITE)
    problem(writer.ask("POST", path(post, "1/restore/")), 403)
    problem(with_scopes(alice, Scope.POSTS_PUBLISH).ask("POST", path(post, "1/restore/")), 403)
    alice.ask("POST", f"/api/posts/{post['id']}/unpublish/")
    assert ok(writer.ask("POST", path(post, "1/restore/")))["version"] == 4


@pytest.mark.parametrize("rest", ["0/", "3/", "-1/", "01/", "x/", f"{2**63}/", "9" * 30 + "/"])
def test_a_version_that_there_is_not_is_404(alice: Member, post: dict[str, Any], rest: str) -> None:
    problem(alice.ask("GET", path(post, rest)), 404)
    problem(alice.ask("GET", path(post, f"{rest}compare/")), 404)
    problem(alice.ask("POST", path(post, f"{rest}restore/")), 404)
    problem(alice.ask("GET", path(post, "1/compare/?with=3")), 404)


REQUESTS = [("GET", ""), ("GET", "1/"), ("GET", "1/compare/"), ("POST", "1/restore/")]
each_request = pytest.mark.parametrize(("method", "rest"), REQUESTS)


@each_request
def test_nobody_else_reads_or_restores_versions(alice: Member, post: dict[str, Any], method: str, rest: str) -> None:
    others = [alice.site.add_member("bob"), alice.site.add_member("root", is_admin=True)]
    problem(alice.site.ask(method, path(post, rest)), 401)
    for other in others:
        told = problem(other.ask(method, path(post, rest)), 403)["detail"]
        action = "read the versions of" if method == "GET" else "change, publish or delete"
        assert told == f"Only its author may {action} post {post['id']}."
    alice.ask("POST", f"/api/posts/{post['id']}/unpublish/")
    for other in others:
        for headers in ({}, {"If-Match": '"1"'}):
            hidden = problem(other.ask(method, path(post, rest), headers=headers), 404)
            unknown = problem(other.ask(method, path({"id": 77}, rest), headers=headers), 404)
            assert hidden["detail"].replace(str(post["id"]), "") == unknown["detail"].replace("77", "")
    assert alice.ask(method, path(post, rest)).status_code == 200


@each_request
def test_versions_are_deleted_with_the_post(alice: Member, post: dict[str, Any], method: str, rest: str) -> None:
    assert alice.ask("DELETE", f"/api/posts/{post['id']}/").status_code == 204
    problem(alice.ask(method, path(post, rest)), 404)


def test_what_an_earlier_version_said_is_not_found_by_readers(site: Site, post: dict[str, Any], alice: Member) -> None:
    changed(alice, post, title="Third", body="nothing", tags=[])
    for query in ("q=two", "q=second", "tag=b"):
        assert site.ask("GET", f"/api/posts/?{query}").json()["results"] == []


def test_personal_data_has_earlier_versions(alice: Member, bob: Member, post: dict[str, Any]) -> None:
    first = {**FIRST, "post": post["id"], "number": 1, "saved_at": NOW, "published_at": NOW}
    assert alice.ask("GET", "/api/users/me/export/").json()["revisions"] == [first]
    assert bob.ask("GET", "/api/users/me/export/").json()["revisions"] == []


def test_personal_data_is_read_on_within_the_versions(alice: Member, post: dict[str, Any]) -> None:
    for number in range(25):
        changed(alice, post, title=f"Title {number}", body=f"{number:09} " * 9_000)
    found, address, pages = [], "/api/users/me/export/", 0
    while address:
        page = alice.ask("GET", address).json()
        found += [each["number"] for each in page["revisions"]]
        address, pages = page["next"], pages + 1
    assert found == list(range(1, 27))
    assert pages > 2
    for cursor in ("W.1", "W5s.0", "7.1", "W.x"):
        problem(alice.ask("GET", f"/api/users/me/export/?cursor={cursor}"), 400)
