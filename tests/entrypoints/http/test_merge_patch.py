"""JSON merge patch (RFC 7396)."""

from typing import Any

import pytest
from httpx import Response
from tests.entrypoints.http.clients import Member, StoppedClock, invalid_fields, problem

KNOWN = ["title", "body", "slug", "tags", "summary", "user", "id", "author", "status"]
KNOWN += ["created_at", "published_at", "updated_at", "version", "permissions"]
MERGE = {"Content-Type": "application/merge-patch+json"}


def send_merge_patch(member: Member, path: str, content: Any, method: str = "PATCH") -> Response:
    return member.ask(method, path, json=content, headers=MERGE)


@pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
def test_a_merge_patch_changes_only_its_members(alice: Member, clock: StoppedClock) -> None:
    post = alice.create_post()
    clock.advance(seconds=1)
    answer = send_merge_patch(alice, f"/api/posts/{post['id']}/", {"title": "Anew", "user": alice.id})
    assert answer.status_code == 200
    assert answer.json() == {**post, "title": "Anew", "version": 2, "updated_at": "2026-11-22T09:30:01.000000Z"}
    assert send_merge_patch(alice, f"/api/posts/{post['id']}/", {}).json() == answer.json()


def test_a_required_field_cannot_be_removed(alice: Member) -> None:
    post = alice.create_post()
    path = f"/api/posts/{post['id']}/"
    for headers in (MERGE, {}):
        answer = alice.ask("PATCH", path, json={"title": None, "body": None, "x": None}, headers=headers)
        assert problem(answer, 400)["errors"] == [
            {"field": "x", "message": f"is not known here: known are {', '.join(KNOWN)}"},
            {"field": "title", "message": "cannot be taken away"},
            {"field": "body", "message": "cannot be taken away"},
        ]
    assert invalid_fields(send_merge_patch(alice, path, {"title": 1, "user": alice.id + 1})) == ["title", "user"]
    assert alice.ask("GET", path).json() == post


def test_a_merge_patch_is_accepted_by_patch_only(alice: Member) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    content = {"title": "A", "body": "B"}
    for method, where in (("PUT", path), ("POST", "/api/posts/")):
        answer = send_merge_patch(alice, where, content, method)
        problem(answer, 415)
        assert "accept-patch" not in answer.headers
    for kind in ("text/plain", "application/json-patch+json", "application/merge-patch+json; charset=latin-1", ""):
        answer = alice.ask("PATCH", path, json=content, headers={"Content-Type": kind})
        assert problem(answer, 415)["title"] == "Unsupported Media Type"
        assert answer.headers["accept-patch"] == "application/json, application/merge-patch+json"
