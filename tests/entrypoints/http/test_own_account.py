"""Changing the own password and username over HTTP."""

import json
from collections.abc import Iterator

import pytest
from tests.entrypoints.http.clients import StoppedClock, invalid_fields, problem
from tests.entrypoints.http.configured_sites import AWAY, SECRET, WRONG, ConfiguredSite, SiteUser

from blog.domain.accounts.actors import Scope
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import BlogConfig, OpenStores

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
ME, CHANGE = "/api/users/me/", "/api/users/me/password/"
NEW = "another battery staple horse"
WEAK = [
    "short",
    "fourteen chars",
    "aaaaaaaaaaaaaaaaaaaaaaa",
    "abcabcabcabcabcabcabc",
    "passwordpassword",
    "PassWordPASSWORDpassword",
    "qwertyuiopqwertyuiop",
    "I am alice, and this is long",
    "i am ALICE, and this is long",
    "the gazette is my favourite",
    "123456789012345",
    "password12345678",
    "qwertyuiopasdfg",
]
STRONG = [
    "x1y2, and 64 characters are not too many for a password to have z",
    "two  spaces,  and one at the end ",
    " one at the beginning, too",
    "\U0001f40e\U0001f50b\U0001f4ce\u2705 horse \U0001f40e\u2705\U0001f4ce\U0001f50b",
    "\u043f\u0440\u0430\u0432\u0438\u043b\u044c\u043d\u0430\u044f \u043b\u043e\u0448\u0430\u0434\u044c",
    "l\u00e4nger als das alte Wort",
    "e\u0301 is not \u00e9, and this is long",
    "alllowercaselettersnothingelse",
    "0123456789 " * 80 + "and then something else",
    "a\0b is a character like any",
]


@pytest.fixture
def configured_site(store: OpenStores, hasher: PasswordHasher, clock: StoppedClock) -> Iterator[ConfiguredSite]:
    configured_site = ConfiguredSite(store, hasher, clock, config=BlogConfig(site="Gazette"))
    yield configured_site
    configured_site.close()


@pytest.fixture
def alice(configured_site: ConfiguredSite) -> SiteUser:
    return configured_site.add_user("alice")


@on_both
def test_a_changed_password_revokes_all_tokens_and_returns_a_new_one(
    configured_site: ConfiguredSite, alice: SiteUser
) -> None:
    other = configured_site.with_new_token("alice", scopes=["account"])
    answer = other.ask("POST", CHANGE, json={"old_password": SECRET, "new_password": NEW})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json()["user"] == {"id": alice.id, "username": "alice"}
    assert (alice.is_logged_in(), other.is_logged_in()) == (False, False)
    assert configured_site.ask("GET", ME, token=answer.json()["token"]).status_code == 200
    problem(configured_site.ask("GET", "/api/posts/x/", token=answer.json()["token"]), 404)
    problem(configured_site.log_in("alice"), 401)
    assert configured_site.log_in("alice", NEW).status_code == 200
    again = configured_site.ask("GET", "/api/tokens/", token=answer.json()["token"]).json()["results"]
    assert again[0]["scopes"] == ["account"]


@on_both
def test_changing_a_password_requires_the_old_one(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    for wrong in (WRONG, f" {SECRET}", SECRET.upper(), SECRET[:-1]):
        answer = alice.ask("POST", CHANGE, json={"old_password": wrong, "new_password": NEW})
        assert problem(answer, 400)["errors"] == [{"field": "old_password", "message": "is not your password"}]
        assert wrong not in answer.text
    problem(configured_site.log_in("alice", NEW), 401)
    assert alice.is_logged_in()
    assert configured_site.log_in("alice").status_code == 200


def test_guesses_at_the_old_password_are_rate_limited(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    guess, right = ({"old_password": old, "new_password": NEW} for old in (WRONG, SECRET))
    assert [alice.ask("POST", CHANGE, json=guess, at=AWAY).status_code for _ in range(9)] == [400] * 8 + [429]
    refused = alice.ask("POST", CHANGE, json=right, at=AWAY)
    assert problem(refused, 429)["detail"] == "Too many failed attempts."
    assert refused.headers["retry-after"] == "300"
    assert configured_site.fail_log_ins("alice", 1) == [429]
    assert alice.is_logged_in()


def test_changing_a_password_requires_a_token_with_the_scope(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    sent = {"old_password": SECRET, "new_password": NEW}
    unscoped = configured_site.with_new_token("alice", scopes=set(Scope) - {Scope.ACCOUNT, Scope.ADMIN})
    for change in (sent, {"old_password": "x"}, None):
        problem(configured_site.ask("POST", CHANGE, json=change), 401)
    problem(unscoped.ask("POST", CHANGE, json=sent), 403)
    problem(unscoped.ask("PATCH", ME, json={"username": "al"}), 403)
    assert configured_site.log_in("alice").status_code == 200


@pytest.mark.parametrize("password", WEAK)
def test_a_weak_password_is_an_error_in_its_field_and_not_repeated(
    configured_site: ConfiguredSite, alice: SiteUser, password: str
) -> None:
    root = configured_site.add_user("root", is_admin=True)
    answers = {
        "new_password": alice.ask("POST", CHANGE, json={"old_password": SECRET, "new_password": password}),
        "password": root.ask("POST", "/api/users/", json={"username": "alicex", "password": password}),
    }
    if "alice" in password.lower():
        answers["password"] = root.ask("PATCH", f"/api/users/{alice.id}/", json={"password": password})
    for field, answer in answers.items():
        assert set(invalid_fields(answer)) == {field}
        assert password not in answer.text
        assert len(answer.text) < 600
    assert configured_site.log_in("alice").status_code == 200


def test_all_errors_of_a_password_are_listed(alice: SiteUser) -> None:
    answer = alice.ask("POST", CHANGE, json={"old_password": "", "new_password": ""})
    assert invalid_fields(answer) == ["old_password", "new_password"]
    answer = alice.ask("POST", CHANGE, json={"old_password": SECRET, "new_password": "aaa"})
    assert [fault["message"] for fault in problem(answer, 400)["errors"]][:2] == [
        "must have at least 15 characters",
        "must have at least 4 different characters",
    ]


def test_a_password_of_more_than_1024_bytes_or_of_no_characters_is_refused(
    configured_site: ConfiguredSite, alice: SiteUser
) -> None:
    for password in ("\u00e9" * 400 + "abcd" * 57, "", "x" * 1025):
        assert invalid_fields(alice.ask("POST", CHANGE, json={"old_password": SECRET, "new_password": password})) == [
            "new_password"
        ]
    surrogate = json.dumps({"old_password": SECRET, "new_password": "\ud800 and a lot of other things"})
    headers = {"Content-Type": "application/json"}
    assert invalid_fields(alice.ask("POST", CHANGE, content=surrogate, headers=headers)) == ["new_password"]
    problem(alice.ask("POST", CHANGE, json={"old_password": SECRET, "new_password": "x" * 9000}), 413)
    assert alice.is_logged_in()


@pytest.mark.parametrize("password", STRONG)
def test_any_other_password_is_accepted_to_the_last_character(
    configured_site: ConfiguredSite, alice: SiteUser, password: str
) -> None:
    sent = {"old_password": SECRET, "new_password": password}
    assert alice.ask("POST", CHANGE, json=sent).status_code == 200
    assert configured_site.log_in("alice", password).status_code == 200
    for other in (password[:-1], password.swapcase(), f"{password} ", password.strip(), password[:72]):
        if other != password:
            problem(configured_site.log_in("alice", other), 401)
            assert configured_site.log_in("alice", password).status_code == 200


def test_an_administrator_can_set_such_a_password_too(configured_site: ConfiguredSite) -> None:
    root = configured_site.add_user("root", is_admin=True)
    for number, password in enumerate(STRONG):
        sent = {"username": f"user{number}", "password": password}
        assert root.ask("POST", "/api/users/", json=sent).status_code == 201
        assert configured_site.log_in(f"user{number}", password).status_code == 200


@on_both
def test_a_renamed_user_keeps_posts_and_tokens(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    post = alice.create_post()
    assert alice.ask("PATCH", ME, json={"username": "alicia"}).json() == {
        "id": alice.id,
        "username": "alicia",
        "is_admin": False,
    }
    assert alice.is_logged_in()
    assert configured_site.ask("GET", f"/api/posts/{post}/").json()["author"] == "alicia"
    problem(configured_site.log_in("alice"), 401)
    assert configured_site.log_in("ALICIA").status_code == 200
    assert alice.ask("PATCH", ME, json={"username": "Alicia"}).json()["username"] == "Alicia"
    assert alice.ask("PATCH", ME, json={}).json()["username"] == "Alicia"


def test_a_taken_or_invalid_username_is_refused(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    configured_site.add_user("bob")
    for taken in ("bob", "BOB"):
        problem(alice.ask("PATCH", ME, json={"username": taken}), 409)
    for name in ("", "a b", "b\u043eb", "bob\u200b", "x" * 151, 7, None, ["x"]):
        assert invalid_fields(alice.ask("PATCH", ME, json={"username": name})) == ["username"]
    assert alice.ask("GET", ME).json()["username"] == "alice"


@on_both
def test_attempts_to_find_taken_usernames_are_rate_limited(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    configured_site.add_user("bob")
    for _ in range(8):
        problem(alice.ask("PATCH", ME, json={"username": "Bob"}), 409)
    for name in ("bob", "nobody"):
        refused = alice.ask("PATCH", ME, json={"username": name})
        problem(refused, 429)
        assert refused.headers["retry-after"] == "300"
    for said in ({}, {"username": "Alice"}):
        assert alice.ask("PATCH", ME, json=said).status_code == 200
    assert configured_site.log_in("alice").status_code == 200


@on_both
def test_an_account_has_at_most_ten_former_usernames(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    for number in range(10):
        assert alice.ask("PATCH", ME, json={"username": f"alice{number}"}).status_code == 200
    for person, path in ((alice, ME), (root, f"/api/users/{alice.id}/")):
        refused = problem(person.ask("PATCH", path, json={"username": "another"}), 409)
        assert refused["detail"].startswith("An account has at most 10 former names")
        for own in ("alice3", "ALICE"):
            assert person.ask("PATCH", path, json={"username": own}).json()["username"] == own
