"""Batches over HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import Response
from tests.entrypoints.http.clients import Member, Site, StoppedClock, invalid_fields, problem

from blog.domain.accounts.actors import Scope
from blog.domain.accounts.login import log_in
from blog.domain.blog import OpenBlog
from blog.domain.posts.post import CONTENT_FIELDS, MAX_BODY_LENGTH, MAX_TITLE_LENGTH
from blog.domain.posts.slug import MAX_SLUG_LENGTH
from blog.domain.posts.tags import MAX_TAG_LENGTH, MAX_TAGS
from blog.entrypoints.http import create_app

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
BATCH = "/api/posts/batch/"
NEW = {"op": "create", "title": "A new title", "body": "A new body"}
PASSWORD = "correct horse battery staple"


@pytest.fixture
def strict(open_blog: OpenBlog) -> Iterator[Site]:
    """A blog that requires `If-Match`."""
    site = Site(create_app(open_blog, require_if_match=True), open_blog)
    yield site
    site.close()


def batch(member: Member, *steps: Any) -> Response:
    """Send a batch of these operations."""
    return member.ask("POST", BATCH, json={"operations": steps})


def errors_of(answer: Response) -> dict[str, str]:
    """Return the errors by field."""
    return {fault["field"]: fault["message"] for fault in problem(answer, 400)["errors"]}


def all_posts(site: Site) -> list[dict[str, Any]]:
    """Return all posts, newest first."""
    listed: list[dict[str, Any]] = site.ask("GET", "/api/posts/").json()["results"]
    return listed


@on_both
def test_operations_are_applied_in_order_and_each_has_a_result(site: Site, clock: StoppedClock, alice: Member) -> None:
    first, second, third = (alice.create_post(f"Title {number}") for number in range(3))
    clock.advance(seconds=1)
    now = "2026-11-22T09:30:01.000000Z"
    answer = batch(
        alice,
        {"op": "delete", "id": second["id"]},
        NEW,
        {"op": "update", "id": first["id"], "title": "Once", "version": 1},
        {"title": third["title"], "op": "update", "id": third["id"]},
    )
    created = {**first, "id": third["id"] + 1, "title": "A new title", "body": "A new body", "summary": "A new body"}
    created |= {"slug": "a-new-title", "created_at": now, "published_at": now, "updated_at": now}
    once = {**first, "title": "Once", "version": 2, "updated_at": now}
    assert (answer.status_code, answer.json()["results"]) == (
        200,
        [
            {"status": 204},
            {"status": 201, "post": created},
            {"status": 200, "post": once},
            {"status": 200, "post": third},
        ],
    )
    assert all_posts(site) == [created, third, once]


@on_both
def test_a_post_is_changed_once_in_a_batch(site: Site, alice: Member) -> None:
    first, second = alice.create_post(), alice.create_post()
    answer = batch(
        alice,
        {"op": "update", "id": first["id"], "title": "Once"},
        {"op": "delete", "id": second["id"]},
        {"op": "update", "id": first["id"], "title": "Twice", "version": 2},
        {"op": "delete", "id": first["id"]},
        {"op": "update", "id": second["id"]},
    )
    assert errors_of(answer) == {
        "operations[2].id": "is changed by operation 0 already: make all changes of a post in one operation",
        "operations[3].id": "is changed by operation 0 already: make all changes of a post in one operation",
        "operations[4].id": "is changed by operation 1 already: make all changes of a post in one operation",
    }
    assert all_posts(site) == [second, first]


def test_the_response_to_a_batch_is_bounded_and_omits_bodies_that_do_not_fit(site: Site, alice: Member) -> None:
    large = "\U0001f98a" * MAX_BODY_LENGTH
    posts = [alice.create_post(f"Title {number}", large) for number in range(4)] + [alice.create_post("Small", "Small")]
    answer = batch(alice, *[{"op": "update", "id": post["id"], "title": f"{post['title']}!"} for post in posts])
    results = [result["post"] for result in answer.json()["results"]]
    assert [result.get("body") for result in results] == [large, None, None, None, "Small"]
    assert len(answer.content) < 1_000_000
    for post, result in zip(posts, results, strict=True):
        read = site.ask("GET", f"/api/posts/{post['id']}/").json()
        assert result == {name: read[name] for name in read if name in result}
        assert set(read) - set(result) <= {"body"}


def test_the_response_is_bounded_if_all_fields_but_the_body_are_as_long_as_can_be(alice: Member) -> None:
    tags = ["\U0001f98a" * (MAX_TAG_LENGTH - 1) + chr(ord("a") + number) for number in range(MAX_TAGS)]
    new = {"op": "create", "title": "\U0001f98a" * MAX_TITLE_LENGTH, "body": "A body", "tags": tags}
    steps = [{**new, "slug": chr(0x20000 + number) * MAX_SLUG_LENGTH} for number in range(100)]
    headers = {"Content-Type": "application/json"}
    content = json.dumps({"operations": steps}, ensure_ascii=False).encode()
    posts = [
        result["post"]["id"] for result in alice.ask("POST", BATCH, content=content, headers=headers).json()["results"]
    ]
    large = [{"op": "update", "id": post, "body": "x" * 30_000} for post in posts[:30]]
    assert batch(alice, *large).status_code == 200
    answer = batch(alice, *({"op": "update", "id": post} for post in posts))
    assert answer.status_code == 200, answer.text
    assert 850_000 < len(answer.content) < 1_000_000


def test_the_response_to_the_largest_batch_has_less_than_a_megabyte(site: Site, alice: Member) -> None:
    number = 2_300  # together a little less than a megabyte, as JSON
    steps = [
        {"op": "create", "title": "\U0001f98a" * MAX_TITLE_LENGTH, "body": "\U0001f98a" * number} for _ in range(95)
    ]
    content = json.dumps({"operations": steps}, ensure_ascii=False).encode()
    assert 950_000 < len(content) < 2**20
    headers = {"Content-Type": "application/json", "Idempotency-Key": "key"}
    first, again = (alice.ask("POST", BATCH, content=content, headers=headers) for _ in range(2))
    assert (first.status_code, len(first.content) < 1_000_000) == (200, True), len(first.content)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert len(site.ask("GET", "/api/posts/?limit=100&fields=id").json()["results"]) == 95


@on_both
def test_one_failed_operation_rolls_back_the_batch_and_is_named(site: Site, alice: Member, bob: Member) -> None:
    own, others, other = alice.create_post(), bob.create_post(), alice.create_post()
    before = all_posts(site)
    not_the_author = f"Only its author may change, publish or delete post {others['id']}."
    refused: list[tuple[dict[str, Any], int, str]] = [
        ({"op": "update", "id": 77, "title": "New"}, 404, "There is no post 77."),
        ({"op": "delete", "id": 2**63 - 1}, 404, f"There is no post {2**63 - 1}."),
        ({"op": "update", "id": others["id"]}, 403, not_the_author),
        ({"op": "delete", "id": others["id"], "version": 9}, 403, not_the_author),
        ({"op": "delete", "id": own["id"], "version": 9}, 412, "Post 1 has changed: its version is 1 now."),
    ]
    for step, status, detail in refused:
        answer = batch(alice, NEW, {"op": "update", "id": other["id"], "title": "Changed"}, step, NEW)
        assert answer.headers["content-type"] == "application/problem+json"
        told = answer.json()
        assert (answer.status_code, told["status"], told["detail"], told["operation"]) == (status, status, detail, 2)
        assert all_posts(site) == before


@on_both
def test_a_version_conflict_reports_the_current_version(site: Site, alice: Member) -> None:
    own = alice.create_post()
    step = {"op": "update", "id": own["id"], "title": "Another title", "body": own["body"], "version": 5}
    assert batch(alice, NEW, step).json() == {
        "type": "about:blank",
        "title": "Precondition Failed",
        "status": 412,
        "detail": "Post 1 has changed: its version is 1 now.",
        "version": 1,
        "conflicting_fields": ["title"],
        "operation": 1,
    }
    assert all_posts(site) == [own]


def test_every_error_names_its_operation(site: Site, alice: Member) -> None:
    answer = batch(
        alice,
        NEW,
        {"op": "create", "title": "", "body": 7},
        {"op": "update", "title": "x" * (MAX_TITLE_LENGTH + 1), "user": alice.id},
        {"op": "delete", "id": "8", "version": 0},
        {"op": "undo", "nonsense": 1},
        {"id": 8},
        "create",
        {"op": ["create"]},
        {"op": "update", "id": True, "title": None, "body": "x" * (MAX_BODY_LENGTH + 1), "version": 2**64},
        {"op": "create", "id": 8, "title": "T", "body": "B\x00", "version": 1},
    )
    assert errors_of(answer) == {
        "operations[1].body": "must be a string",
        "operations[1].title": "must not be blank",
        "operations[2].user": f"is not known here: known are {', '.join(CONTENT_FIELDS)}, id, version",
        "operations[2].id": "is missing",
        "operations[2].title": f"must have at most {MAX_TITLE_LENGTH} characters",
        "operations[3].id": "must be a whole number",
        "operations[3].version": "must be a whole number",
        "operations[4].op": "must be create, update, delete, publish or unpublish",
        "operations[5].op": "is missing",
        "operations[6]": "must be an object",
        "operations[7].op": "must be create, update, delete, publish or unpublish",
        "operations[8].id": "must be a whole number",
        "operations[8].title": "must be a string",
        "operations[8].version": "must be a whole number",
        "operations[8].body": f"must have at most {MAX_BODY_LENGTH} characters",
        "operations[9].id": f"is not known here: known are {', '.join(CONTENT_FIELDS)}, status, published_at",
        "operations[9].version": f"is not known here: known are {', '.join(CONTENT_FIELDS)}, status, published_at",
        "operations[9].body": "must not contain control characters or lone surrogates: U+0000 is at line 1, column 2",
    }
    assert all_posts(site) == []


def test_an_id_out_of_range_is_an_error(alice: Member) -> None:
    for number in (0, -1, 2**63, 10**400):
        assert list(errors_of(batch(alice, {"op": "delete", "id": number}))) == ["operations[0].id"]


def test_a_batch_has_from_one_to_a_hundred_operations(site: Site, alice: Member) -> None:
    for steps in ([], [NEW] * 101, [0] * 200_000):
        assert errors_of(batch(alice, *steps)) == {"operations": "must be from 1 to 100"}
    answer = batch(alice, *[NEW] * 100)
    assert [result["status"] for result in answer.json()["results"]] == [201] * 100
    assert len(site.ask("GET", "/api/posts/?limit=100").json()["results"]) == 100


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (b"{}", ["operations"]),
        (b'{"operations": null}', ["operations"]),
        (b'{"operations": {"op": "create"}}', ["operations"]),
        (b'{"operations": [{"op": "undo"}], "atomic": false}', ["atomic", "operations[0].op"]),
        (b'{"operations": [{"op": "delete", "id": 1, "id": 2}]}', []),
        (b'{"operations": [{"op": "delete", "id": NaN}]}', []),
        (b'[{"op": "delete", "id": 1}]', []),
        (b"[" * 100_000, []),
        (b'{"operations": [' + b"[" * 5_000, []),
        (b'{"operations": [{"op": "\\ud800"}]}', ["operations[0].op"]),
        (b'{"operations": [{"op": "create", "title": "\\ud800", "body": "B"}]}', ["operations[0].title"]),
    ],
)
def test_a_batch_is_validated_as_strictly_as_every_body(alice: Member, content: bytes, fields: list[str]) -> None:
    answer = alice.ask("POST", BATCH, content=content, headers={"Content-Type": "application/json"})
    assert invalid_fields(answer) == fields
    problem(alice.ask("POST", BATCH, content=content), 415)


def test_a_batch_without_permission_is_refused_before_its_body_is_validated(site: Site, alice: Member) -> None:
    reader = log_in(site.open_blog, "alice", PASSWORD, scopes=set(Scope) - {Scope.POSTS_WRITE, Scope.ADMIN})[1].secret
    for content in (b"", b"no json", b'{"operations": []}', b"\xff"):
        problem(site.ask("POST", BATCH, content=content), 401)
        told = problem(site.ask("POST", BATCH, content=content, token=reader), 403)
        assert told["detail"] == f"This token was made without the scope {Scope.POSTS_WRITE}."


def test_the_version_is_required_if_if_match_is(strict: Site) -> None:
    carol = strict.add_member("carol")
    number = carol.create_post()["id"]
    answer = batch(carol, NEW, {"op": "update", "id": number, "title": "Changed"}, {"op": "delete", "id": number})
    assert errors_of(answer) == {"operations[1].version": "is missing", "operations[2].version": "is missing"}
    answer = batch(carol, {"op": "update", "id": number, "title": "Changed", "version": 1}, NEW)
    assert [result["status"] for result in answer.json()["results"]] == [200, 201]
