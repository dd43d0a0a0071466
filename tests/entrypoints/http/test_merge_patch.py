"""The blog promises, of changes sent as a JSON merge patch (RFC 7396), that…"""

from typing import Any

import pytest
from httpx import Response
from tests.entrypoints.http.visits import Member, StoppedClock, faulty, problem

KNOWN = ["title", "body", "user", "id", "author", "created_at", "updated_at", "version", "permissions"]
MERGE = {"Content-Type": "application/merge-patch+json"}


def patched(member: Member, path: str, said: Any, method: str = "PATCH") -> Response:
    return member.ask(method, path, json=said, headers=MERGE)


@pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
def test_it_changes_what_it_says_and_nothing_else(alice: Member, clock: StoppedClock) -> None:
    post = alice.writes()
    clock.advance(seconds=1)
    answer = patched(alice, f"/api/posts/{post['id']}/", {"title": "Anew", "user": alice.id})
    assert answer.status_code == 200
    assert answer.json() == {**post, "title": "Anew", "version": 2, "updated_at": "2026-11-22T09:30:01.000000Z"}
    assert patched(alice, f"/api/posts/{post['id']}/", {}).json() == answer.json()


def test_what_every_post_has_cannot_be_taken_away(alice: Member) -> None:
    post = alice.writes()
    path = f"/api/posts/{post['id']}/"
    for headers in (MERGE, {}):
        answer = alice.ask("PATCH", path, json={"title": None, "body": None, "x": None}, headers=headers)
        assert problem(answer, 400)["errors"] == [
            {"field": "x", "message": f"is not known here: known are {', '.join(KNOWN)}"},
            {"field": "title", "message": "cannot be taken away"},
            {"field": "body", "message": "cannot be taken away"},
        ]
    assert faulty(patched(alice, path, {"title": 1, "user": alice.id + 1})) == ["title", "user"]
    assert alice.ask("GET", path).json() == post


def test_it_is_taken_where_something_is_patched_and_nowhere_else(alice: Member) -> None:
    path = f"/api/posts/{alice.writes()['id']}/"
    said = {"title": "A", "body": "B"}
    for method, where in (("PUT", path), ("POST", "/api/posts/")):
        answer = patched(alice, where, said, method)
        problem(answer, 415)
        assert "accept-patch" not in answer.headers
    for kind in ("text/plain", "application/json-patch+json", "application/merge-patch+json; charset=latin-1", ""):
        answer = alice.ask("PATCH", path, json=said, headers={"Content-Type": kind})
        assert problem(answer, 415)["title"] == "Unsupported Media Type"
        assert answer.headers["accept-patch"] == "application/json, application/merge-patch+json"
