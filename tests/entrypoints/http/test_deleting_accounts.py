"""Deleting an account and downloading personal data over HTTP."""

from typing import Any

import pytest
from tests.entrypoints.http.clients import problem
from tests.entrypoints.http.configured_sites import AWAY, SECRET, WRONG, ConfiguredSite, SiteUser

from blog.domain.accounts.actors import Operator, Scope
from blog.domain.posts.post import MAX_BODY_LENGTH

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
ME, DELETE, EXPORT = "/api/users/me/", "/api/users/me/delete/", "/api/users/me/export/"


@pytest.fixture
def alice(configured_site: ConfiguredSite) -> SiteUser:
    return configured_site.add_user("alice")


def delete_account(person: SiteUser, posts: str = "delete", **more: Any) -> Any:
    """Delete the own account."""
    return person.ask("POST", DELETE, json={"password": SECRET, "posts": posts}, **more)


def list_posts(configured_site: ConfiguredSite) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = configured_site.ask("GET", "/api/posts/").json()["results"]
    return found


@on_both
def test_a_deleted_account_is_logged_out_at_once(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    other, post = configured_site.with_new_token("alice"), alice.create_post()
    answer = delete_account(alice)
    assert (answer.status_code, answer.content) == (204, b"")
    for person in (alice, other):
        for method, path in (("GET", ME), ("POST", DELETE), ("GET", EXPORT), ("POST", "/api/posts/")):
            problem(person.ask(method, path, json={}), 401)
    problem(configured_site.log_in("alice"), 401)
    problem(configured_site.ask("GET", f"/api/posts/{post}/"), 404)
    problem(root.ask("GET", f"/api/users/{alice.id}/"), 404)
    problem(root.ask("DELETE", f"/api/users/{alice.id}/?posts=delete"), 404)
    for username in ("alice", "ALICE"):
        problem(root.ask("POST", "/api/users/", json={"username": username, "password": SECRET}), 409)
    carol = root.ask("POST", "/api/users/", json={"username": "carol", "password": SECRET}).json()
    assert carol["id"] > alice.id


@on_both
def test_posts_are_reassigned_to_the_deleted_user_on_request(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    post = alice.create_post()
    tag = configured_site.ask("GET", f"/api/posts/{post}/").headers["etag"]
    assert delete_account(alice, "keep").status_code == 204
    answer = configured_site.ask("GET", f"/api/posts/{post}/", headers=[("If-None-Match", tag)])
    shown = answer.json()
    assert (answer.status_code, shown["author"], shown["version"]) == (200, "deleted-user", 1)
    assert shown["user"] != alice.id
    assert configured_site.ask("GET", "/api/posts/?author=deleted-user").json()["results"] == [shown]
    for body in ({"is_active": True}, {"password": SECRET}, {"username": "ghost"}):
        problem(root.ask("PATCH", f"/api/users/{shown['user']}/", json=body), 409)
    problem(root.ask("DELETE", f"/api/users/{shown['user']}/?posts=delete"), 409)


@on_both
def test_an_administrator_deletes_accounts_of_other_users(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    bob = configured_site.add_user("bob")
    posts = [alice.create_post(), bob.create_post()]
    only = configured_site.with_new_token("root", scopes={Scope.ADMIN})
    for query in ("", "?posts=", "?posts=some", "?posts=keep&posts=keep", "?keep"):
        answer = problem(only.ask("DELETE", f"/api/users/{alice.id}/{query}"), 400)
        assert {error["field"] for error in answer["errors"]} <= {"posts", "keep"}
    assert only.ask("DELETE", f"/api/users/{alice.id}/?posts=delete").status_code == 204
    assert only.ask("DELETE", f"/api/users/{bob.id}/?posts=keep").status_code == 204
    problem(alice.ask("GET", ME), 401)
    problem(bob.ask("GET", ME), 401)
    assert [post["id"] for post in list_posts(configured_site)] == posts[1:]
    told = root.ask("GET", "/api/audit/?event=user.deleted").json()["results"]
    assert [(each["actor"], each["subject_id"], each["detail"]) for each in told] == [
        ("root", bob.id, "bob, posts kept"),
        ("root", alice.id, "alice, posts deleted"),
    ]


def test_an_admin_token_cannot_delete_its_own_account(configured_site: ConfiguredSite, root: SiteUser) -> None:
    configured_site.add_user("another", is_admin=True)
    answer = problem(root.ask("DELETE", f"/api/users/{root.id}/?posts=delete"), 403)
    assert answer["detail"] == "Your own account can only be deleted with your password."


def test_other_users_cannot_delete_an_account(configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser) -> None:
    unscoped = configured_site.with_new_token("alice", scopes=set(Scope) - {Scope.ACCOUNT, Scope.ADMIN})
    for user_id in (root.id, alice.id, 77):
        problem(configured_site.ask("DELETE", f"/api/users/{user_id}/?posts=delete"), 401)
        problem(alice.ask("DELETE", f"/api/users/{user_id}/"), 403)
    for sent in ({"password": SECRET, "posts": "delete"}, {"password": "x"}, None):
        problem(configured_site.ask("POST", DELETE, json=sent), 401)
        problem(unscoped.ask("POST", DELETE, json=sent), 403)
    assert alice.is_logged_in()


def test_deleting_an_account_requires_the_password_and_guesses_are_counted(
    configured_site: ConfiguredSite, alice: SiteUser
) -> None:
    for sent, fields in (
        ({}, ["password", "posts"]),
        ({"password": SECRET}, ["posts"]),
        ({"password": SECRET, "posts": "some"}, ["posts"]),
        ({"password": 7, "posts": "keep"}, ["password"]),
    ):
        answer = problem(alice.ask("POST", DELETE, json=sent), 400)
        assert [error["field"] for error in answer["errors"]] == fields
        assert sent.get("posts") != "some" or answer["errors"][0]["message"] == "must be delete or keep"
    guess = {"password": WRONG, "posts": "keep"}
    answers = [alice.ask("POST", DELETE, json=guess, at=AWAY) for _ in range(9)]
    assert [answer.status_code for answer in answers] == [400] * 8 + [429]
    assert answers[0].json()["errors"] == [{"field": "password", "message": "is not your password"}]
    problem(delete_account(alice, at=AWAY), 429)
    assert alice.is_logged_in()


@on_both
def test_the_last_active_administrator_cannot_be_deleted(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    problem(delete_account(root), 409)
    second = configured_site.add_user("second", is_admin=True)
    answers = configured_site.gather(
        *(
            configured_site.ask_async("POST", DELETE, token=admin.token, json={"password": SECRET, "posts": "delete"})
            for admin in (root, second)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    with configured_site.open_blog() as blog:
        assert sum(user.is_active_admin for user in blog.users.page(Operator())) == 1


@on_both
def test_a_post_created_during_the_deletion_is_deleted_or_refused(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    sent = {"title": "Hello", "body": "World"}
    answers = configured_site.gather(
        *(configured_site.ask_async("POST", "/api/posts/", token=alice.token, json=sent) for _ in range(6)),
        configured_site.ask_async("DELETE", f"/api/users/{alice.id}/?posts=delete", token=root.token),
        *(configured_site.ask_async("POST", "/api/posts/", token=alice.token, json=sent) for _ in range(6)),
    )
    assert answers[6].status_code == 204
    assert {answer.status_code for answer in answers} <= {201, 204, 401}
    assert list_posts(configured_site) == []


@on_both
def test_a_user_downloads_all_personal_data(configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser) -> None:
    assert configured_site.log_in("alice").status_code == 200
    assert root.ask("PATCH", f"/api/users/{alice.id}/", json={"username": "alicia"}).status_code == 200
    posts = [alice.create_post() for _ in range(45)]
    root.create_post()
    pages = [alice.ask("GET", EXPORT)]
    while (following := pages[-1].json()["next"]) is not None:
        pages.append(alice.ask("GET", following))
    assert {page.status_code for page in pages} == {200}
    assert {page.headers["cache-control"] for page in pages} == {"private, no-store"}
    first, *others = [page.json() for page in pages]
    assert first["account"]["username"] == "alicia"
    assert first["usernames"] == ["alice", "alicia"]
    assert len(first["tokens"]) == 2
    assert [address["address"] for address in first["known_addresses"]] == ["192.0.2.1"]
    assert all("tokens" not in page and "known_addresses" not in page for page in others)
    assert [post["id"] for page in (first, *others) for post in page["posts"]] == posts
    entries = [entry for page in (first, *others) for entry in page["audit"]]
    assert {entry["actor_id"] for entry in entries} == {alice.id, root.id, None}
    assert all(entry["subject_id"] == alice.id for entry in entries if entry["actor_id"] != alice.id)
    assert first["invitations"] == []
    assert sum(entry["event"] == "post.created" for entry in entries) == 45
    told = "".join(page.text for page in pages)
    assert alice.token not in told
    assert "argon2" not in told


@on_both
def test_a_page_of_the_download_has_at_most_a_megabyte(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    body = "\U0001f98a" * MAX_BODY_LENGTH
    posts = []
    for number in range(7):
        answer = alice.ask("POST", "/api/posts/", json={"title": f"Large {number}", "body": body})
        posts.append(answer.json()["id"])
    pages = [alice.ask("GET", EXPORT)]
    while (following := pages[-1].json()["next"]) is not None:
        pages.append(alice.ask("GET", following))
    assert all(len(page.content) < 2**20 + 2000 for page in pages)
    assert [post["id"] for page in pages for post in page.json()["posts"]] == posts
    assert sum(entry["event"] == "post.created" for page in pages for entry in page.json()["audit"]) == 7


@on_both
def test_the_download_has_the_users_open_invitations(configured_site: ConfiguredSite, root: SiteUser) -> None:
    code = root.ask("POST", "/api/invitations/", json={}).json()["code"]
    answer = root.ask("GET", EXPORT)
    assert answer.json()["invitations"] == root.ask("GET", "/api/invitations/").json()["results"]
    assert code not in answer.text


def test_the_download_is_available_to_its_user_only(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    problem(configured_site.ask("GET", EXPORT), 401)
    problem(
        configured_site.with_new_token("root", scopes=set(Scope) - {Scope.ACCOUNT}).ask("GET", f"{EXPORT}?cursor=x"),
        403,
    )
    for cursor in ("0", "x", "1" * 30, "WyJuZXdlc3QiLCIiLDFd"):
        answer = problem(alice.ask("GET", f"{EXPORT}?cursor={cursor}"), 400)
        assert [error["field"] for error in answer["errors"]] == ["cursor"]
