"""Creating, reading, updating and deleting posts over HTTP."""

import re

import pytest
from tests.entrypoints.http.clients import Member, Site, StoppedClock, invalid_fields, problem

from blog.domain.posts.post import CONTENT_FIELDS

TAG = r'"[1-9][0-9]*-[0-9a-f]{32}\.[0-9a-f]{16}"'
pytestmark = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


def test_a_created_post_is_read_back_unchanged(site: Site, clock: StoppedClock, alice: Member) -> None:
    clock.advance(microseconds=7)
    answer = alice.ask("POST", "/api/posts/", json={"title": " A title ", "body": "\tTwo\r\nlines\n"})
    post = answer.json()
    number = post.pop("id")
    others = {
        name: post.pop(name) for name in set(CONTENT_FIELDS) - {"title", "body"}
    }  # `test_post_fields.py` has each
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/posts/{number}/"
    assert re.fullmatch(TAG, answer.headers["etag"])
    assert answer.headers["etag"].startswith('"1-')
    assert post == {
        "title": " A title ",
        "body": "\tTwo\r\nlines\n",
        "user": alice.id,
        "author": "alice",
        "status": "published",
        "created_at": "2026-11-22T09:30:00.000007Z",
        "published_at": "2026-11-22T09:30:00.000007Z",
        "updated_at": "2026-11-22T09:30:00.000007Z",
        "version": 1,
    }
    read = site.ask("GET", answer.headers["location"])
    assert read.json() == {"id": number, **post, **others}
    assert read.headers["etag"] == answer.headers["etag"]


def test_a_post_can_be_replaced(site: Site, clock: StoppedClock, alice: Member) -> None:
    post = alice.create_post()
    clock.advance(seconds=1)
    answer = alice.ask("PUT", f"/api/posts/{post['id']}/", json={"title": "Anew", "body": "All of it"})
    changed = {
        "title": "Anew",
        "body": "All of it",
        "summary": "All of it",
        "updated_at": "2026-11-22T09:30:01.000000Z",
        "version": 2,
    }
    assert (answer.status_code, answer.json()) == (200, {**post, **changed})
    read = site.ask("GET", f"/api/posts/{post['id']}/")
    assert (read.json(), read.headers["etag"]) == ({**post, **changed}, answer.headers["etag"])


@pytest.mark.parametrize("change", [{"title": "Anew"}, {"body": "Anew"}, {"title": "Anew", "body": "Anew"}])
def test_a_post_can_be_updated_partially(
    site: Site, clock: StoppedClock, alice: Member, change: dict[str, str]
) -> None:
    post = alice.create_post()
    clock.advance(seconds=1)
    answer = alice.ask("PATCH", f"/api/posts/{post['id']}/", json=change)
    changed = {**post, **change, "updated_at": "2026-11-22T09:30:01.000000Z", "version": 2}
    changed["summary"] = changed["body"]
    assert (answer.status_code, answer.json()) == (200, changed)
    read = site.ask("GET", f"/api/posts/{post['id']}/")
    assert (read.json(), read.headers["etag"]) == (changed, answer.headers["etag"])


@pytest.mark.parametrize("change", [{}, {"title": "A title"}, {"title": "A title", "body": "A body"}])
def test_an_update_without_changes_changes_nothing(clock: StoppedClock, alice: Member, change: dict[str, str]) -> None:
    post = alice.create_post()
    path = f"/api/posts/{post['id']}/"
    tag = alice.ask("GET", path).headers["etag"]
    clock.advance(seconds=1)
    answer = alice.ask("PATCH", path, json=change)
    assert (answer.status_code, answer.headers["etag"], answer.json()) == (200, tag, post)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("query", ["", "?include=permissions"])
def test_a_response_can_be_sent_back_as_a_request(clock: StoppedClock, alice: Member, method: str, query: str) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    clock.advance(seconds=1, microseconds=5)
    read = alice.ask("GET", f"{path}{query}").json()
    unchanged = alice.ask(method, path, json=read)
    assert (unchanged.status_code, unchanged.json()["version"]) == (200, 1)
    changed = alice.ask(method, path, json={**read, "title": "Anew"})
    assert (changed.status_code, changed.json()["title"], changed.json()["version"]) == (200, "Anew", 2)
    stale = alice.ask(method, path, json={**read, "title": "Older"})
    assert invalid_fields(stale) == ["updated_at", "version"]
    assert alice.ask("GET", path).json() == changed.json()


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_changed_read_only_field_is_named(alice: Member, bob: Member, method: str) -> None:
    read = alice.create_post()
    path = f"/api/posts/{read['id']}/"
    others = {
        "id": read["id"] + 1,
        "author": "bob",
        "created_at": "2026-11-22T09:30:00.000001Z",
        "updated_at": "2025-11-22T09:30:00Z",
        "version": 2,
        "permissions": {"update": False, "delete": True, "publish": True},
    }
    for name, other in others.items():
        answer = alice.ask(method, path, json={**read, "title": "Anew", name: other})
        message = "cannot be changed: leave it out, or send it as GET returns it"
        assert problem(answer, 400)["errors"] == [{"field": name, "message": message}]
    answer = alice.ask(method, path, json={**read, **others, "title": ""})
    assert sorted(invalid_fields(answer)) == sorted(["title", *others])
    wrong: object
    for wrong in ("x", [], None, 1.5):
        assert invalid_fields(alice.ask(method, path, json={**read, "version": wrong, "created_at": 7})) == [
            "created_at",
            "version",
        ]
    problem(bob.ask(method, path, json={**read, "version": 7}), 403)
    stale = problem(alice.ask(method, path, json={**read, "version": 7}, headers={"If-Match": '"9"'}), 412)
    assert stale["version"] == 1
    assert alice.ask("GET", path).json() == read


def test_a_new_post_cannot_set_read_only_fields(alice: Member) -> None:
    read = alice.create_post()
    answer = alice.ask("POST", "/api/posts/", json=read)
    assert invalid_fields(answer) == ["id", "author", "created_at", "updated_at", "version"]
    assert (
        problem(answer, 400)["errors"][0]["message"]
        == f"is not known here: known are {', '.join(CONTENT_FIELDS)}, status, published_at, user"
    )


def test_put_requires_a_whole_post(alice: Member) -> None:
    address = f"/api/posts/{alice.create_post()['id']}/"
    assert invalid_fields(alice.ask("PUT", address, json={"title": "Alone"})) == ["body"]
    assert invalid_fields(alice.ask("PUT", address, json={})) == ["title", "body"]


def test_a_deleted_post_is_not_found(site: Site, alice: Member) -> None:
    address = f"/api/posts/{alice.create_post()['id']}/"
    answer = alice.ask("DELETE", address)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        problem(alice.ask(method, address, json={"title": "A", "body": "B"}), 404)
    assert site.ask("GET", "/api/posts/").json() == {"results": [], "next": None}


def test_the_first_client_of_the_tutorial_still_works(site: Site, alice: Member) -> None:
    login = {"username": "alice", "password": "correct horse battery staple"}
    token = site.ask("POST", "/api/login/", json=login).json()["token"]
    authorization = {"Authorization": f"Token {token}"}
    for number in range(3):
        post = {"title": f"Post {number}", "body": "Hello", "user": alice.id}
        assert site.ask("POST", "/api/posts/", json=post, headers=authorization).status_code == 201
    listed = site.ask("GET", "/api/posts/", headers=authorization).json()["results"]
    last = listed[0]["id"]
    changed = {"title": "Changed", "body": "Hello", "user": alice.id}
    assert site.ask("PUT", f"/api/posts/{last}/", json=changed, headers=authorization).json()["title"] == "Changed"
    assert site.ask("DELETE", f"/api/posts/{last}", headers=authorization).status_code == 204
    problem(site.ask("GET", f"/api/posts/{last}"), 404)
    assert [post["title"] for post in site.ask("GET", "/api/posts").json()["results"]] == ["Post 1", "Post 0"]


def test_a_post_that_is_sent_back_as_it_was_shown_keeps_its_etag(site: Site, alice: Member) -> None:
    post = alice.create_post(body="The *first* paragraph.\n\nThe second.")
    path = f"/api/posts/{post['id']}/"
    shown = site.ask("GET", path)
    assert shown.json()["summary"] == "The first paragraph."
    for method in ("PUT", "PATCH"):
        answer = alice.ask(method, path, json=shown.json(), headers={"If-Match": shown.headers["etag"]})
        assert (answer.status_code, answer.json()) == (200, shown.json())
        assert answer.headers["etag"] == shown.headers["etag"]
    answer = alice.ask("PUT", path, json={**shown.json(), "body": "Another text."})
    assert answer.json()["summary"] == "Another text."


def test_a_summary_can_be_written_and_removed(alice: Member) -> None:
    post = alice.create_post(body="The body.")
    path = f"/api/posts/{post['id']}/"
    assert alice.ask("PATCH", path, json={"summary": "In short."}).json()["summary"] == "In short."
    assert alice.ask("PUT", path, json={"title": "A title", "body": "Anew"}).json()["summary"] == "In short."
    assert alice.ask("PATCH", path, json={"summary": None}).json()["summary"] == "Anew"
    assert invalid_fields(alice.ask("PATCH", path, json={"summary": "two\nlines"})) == ["summary"]
