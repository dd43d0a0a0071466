"""Permissions to change posts over HTTP."""

from typing import Any

import pytest
from httpx import Response
from tests.entrypoints.http.clients import Member, Site, invalid_fields, problem

pytestmark = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
POST = {"title": "Another title", "body": "Another body"}
CHANGES = [("PUT", POST), ("PATCH", {"title": "Another title"}), ("DELETE", None)]


def test_posts_are_read_without_a_token(site: Site, alice: Member) -> None:
    post = alice.create_post()
    assert site.ask("GET", "/api/posts/").json() == {"results": [post], "next": None}
    assert site.ask("GET", f"/api/posts/{post['id']}/").json() == post


@pytest.mark.parametrize(("method", "sent"), CHANGES)
def test_changing_a_post_requires_a_token(site: Site, alice: Member, method: str, sent: Any) -> None:
    post = alice.create_post()
    answer = site.ask(method, f"/api/posts/{post['id']}/", json=sent)
    problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Token"
    assert site.ask("GET", f"/api/posts/{post['id']}/").json() == post


def test_creating_a_post_requires_a_token(site: Site) -> None:
    answer = site.ask("POST", "/api/posts/", json=POST)
    assert problem(answer, 401)["detail"] == "A token must be shown, as in: Authorization: Token blog_..."
    assert answer.headers["www-authenticate"] == "Token"
    assert site.ask("GET", "/api/posts/").json()["results"] == []


@pytest.mark.parametrize(("method", "sent"), CHANGES)
def test_a_user_cannot_change_the_post_of_another_user(
    site: Site, alice: Member, bob: Member, method: str, sent: Any
) -> None:
    post = alice.create_post()
    answer = bob.ask(method, f"/api/posts/{post['id']}/", json=sent)
    assert problem(answer, 403)["detail"] == f"Only its author may change, publish or delete post {post['id']}."
    assert site.ask("GET", f"/api/posts/{post['id']}/").json() == post


def test_an_administrator_cannot_change_the_post_of_another_user(site: Site, alice: Member) -> None:
    root = site.add_member("root", is_admin=True)
    post = alice.create_post()
    for method, sent in CHANGES:
        problem(root.ask(method, f"/api/posts/{post['id']}/", json=sent), 403)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_forbidden_change_is_refused_before_its_body_is_validated(alice: Member, bob: Member, method: str) -> None:
    address = f"/api/posts/{alice.create_post()['id']}/"
    for content in (b"", b"no json", b'{"title": 1}', b"[" * 5000, b'{"title": ""}', b"\xff"):
        problem(bob.ask(method, address, content=content, headers={"Content-Type": "application/json"}), 403)
        problem(bob.ask(method, address, content=content), 403)
        problem(alice.site.ask(method, address, content=content), 401)
        problem(bob.ask(method, "/api/posts/77/", content=content), 404)
        problem(bob.ask(method, "/api/posts/x/", content=content), 404)


def test_a_post_always_has_its_creator_as_author(site: Site, alice: Member, bob: Member) -> None:
    own = alice.ask("POST", "/api/posts/", json={**POST, "user": alice.id})
    assert (own.status_code, own.json()["user"], own.json()["author"]) == (201, alice.id, "alice")
    for other in (bob.id, 0, -1, 99, str(alice.id), None, True, [alice.id], 2**64, 10**400):
        assert invalid_fields(alice.ask("POST", "/api/posts/", json={**POST, "user": other})) == ["user"]
    assert len(site.ask("GET", "/api/posts/").json()["results"]) == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_author_of_a_post_cannot_be_changed(site: Site, alice: Member, bob: Member, method: str) -> None:
    post = alice.create_post()
    address = f"/api/posts/{post['id']}/"
    assert invalid_fields(alice.ask(method, address, json={**POST, "user": bob.id})) == ["user"]
    assert site.ask("GET", address).json() == post
    assert alice.ask(method, address, json={**POST, "user": alice.id}).json()["user"] == alice.id


def test_read_only_fields_cannot_be_set(site: Site, alice: Member) -> None:
    post = alice.create_post()
    address = f"/api/posts/{post['id']}/"
    for name in ("id", "created_at", "updated_at", "version", "author", "author_id", "is_admin"):
        for method, path in (("POST", "/api/posts/"), ("PUT", address), ("PATCH", address)):
            assert invalid_fields(alice.ask(method, path, json={**POST, name: 77})) == [name]
    assert site.ask("GET", "/api/posts/").json()["results"] == [post]


def test_no_header_overrides_the_method(site: Site, alice: Member, bob: Member) -> None:
    post = alice.create_post()
    address = f"/api/posts/{post['id']}/"
    override = {"X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE", "X-Method-Override": "DELETE"}
    assert alice.ask("GET", address, headers=override).json() == post
    assert invalid_fields(alice.ask("GET", address, params={"_method": "DELETE"})) == ["_method"]
    assert alice.ask("POST", "/api/posts/", json=POST, headers=override).status_code == 201
    problem(alice.ask("POST", address, data={"_method": "DELETE"}), 405)
    assert site.ask("GET", address).json() == post


def test_one_of_several_concurrent_deletions_succeeds_and_the_others_get_404(site: Site, alice: Member) -> None:
    address = f"/api/posts/{alice.create_post()['id']}/"
    answers: list[Response] = site.gather(*(site.ask_async("DELETE", address, token=alice.token) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 11


def test_concurrent_changes_lose_no_update(site: Site, alice: Member) -> None:
    address = f"/api/posts/{alice.create_post()['id']}/"
    changes = [{"title": f"Title {number}"} for number in range(12)]
    answers = site.gather(*(site.ask_async("PATCH", address, token=alice.token, json=change) for change in changes))
    assert sorted(answer.json()["version"] for answer in answers) == list(range(2, 14))


def test_the_id_of_a_deleted_post_is_never_reused(site: Site, alice: Member) -> None:
    first = alice.create_post()["id"]
    last = alice.create_post()["id"]
    assert alice.ask("DELETE", f"/api/posts/{last}/").status_code == 204
    assert first < last < alice.create_post()["id"]
    problem(site.ask("GET", f"/api/posts/{last}/"), 404)
