"""The blog promises that…"""

import json
from collections.abc import Iterator

import pytest
from tests.entrypoints.http.houses import AWAY, SECRET, WRONG, House, Person
from tests.entrypoints.http.visits import StoppedClock, faulty, problem

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
def house(store: OpenStores, hasher: PasswordHasher, clock: StoppedClock) -> Iterator[House]:
    house = House(store, hasher, clock, config=BlogConfig(site="Gazette"))
    yield house
    house.close()


@pytest.fixture
def alice(house: House) -> Person:
    return house.person("alice")


@on_both
def test_whoever_changes_their_password_has_one_new_token_and_no_other(house: House, alice: Person) -> None:
    other = house.again("alice", scopes=["account"])
    answer = other.ask("POST", CHANGE, json={"old_password": SECRET, "new_password": NEW})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json()["user"] == {"id": alice.id, "username": "alice"}
    assert (alice.is_known(), other.is_known()) == (False, False)
    assert house.ask("GET", ME, token=answer.json()["token"]).status_code == 200
    problem(house.ask("GET", "/api/posts/x/", token=answer.json()["token"]), 404)
    problem(house.log_in("alice"), 401)
    assert house.log_in("alice", NEW).status_code == 200
    again = house.ask("GET", "/api/tokens/", token=answer.json()["token"]).json()["results"]
    assert again[0]["scopes"] == ["account"]


@on_both
def test_a_password_is_changed_by_whoever_knows_the_old_one(house: House, alice: Person) -> None:
    for wrong in (WRONG, f" {SECRET}", SECRET.upper(), SECRET[:-1]):
        answer = alice.ask("POST", CHANGE, json={"old_password": wrong, "new_password": NEW})
        assert problem(answer, 400)["errors"] == [{"field": "old_password", "message": "is not your password"}]
        assert wrong not in answer.text
    problem(house.log_in("alice", NEW), 401)
    assert alice.is_known()
    assert house.log_in("alice").status_code == 200


def test_whoever_guesses_at_the_old_password_waits_after_eight(house: House, alice: Person) -> None:
    guess, right = ({"old_password": old, "new_password": NEW} for old in (WRONG, SECRET))
    assert [alice.ask("POST", CHANGE, json=guess, at=AWAY).status_code for _ in range(9)] == [400] * 8 + [429]
    refused = alice.ask("POST", CHANGE, json=right, at=AWAY)
    assert problem(refused, 429)["detail"] == "Too many failed attempts."
    assert refused.headers["retry-after"] == "300"
    assert house.fails("alice", 1) == [429]
    assert alice.is_known()


def test_nobody_changes_a_password_without_a_token_that_is_made_for_it(house: House, alice: Person) -> None:
    sent = {"old_password": SECRET, "new_password": NEW}
    unscoped = house.again("alice", scopes=set(Scope) - {Scope.ACCOUNT, Scope.ADMIN})
    for change in (sent, {"old_password": "x"}, None):
        problem(house.ask("POST", CHANGE, json=change), 401)
    problem(unscoped.ask("POST", CHANGE, json=sent), 403)
    problem(unscoped.ask("PATCH", ME, json={"username": "al"}), 403)
    assert house.log_in("alice").status_code == 200


@pytest.mark.parametrize("password", WEAK)
def test_a_weak_password_is_refused_by_the_name_of_its_field_and_not_repeated(
    house: House, alice: Person, password: str
) -> None:
    root = house.person("root", is_admin=True)
    answers = {
        "new_password": alice.ask("POST", CHANGE, json={"old_password": SECRET, "new_password": password}),
        "password": root.ask("POST", "/api/users/", json={"username": "alicex", "password": password}),
    }
    if "alice" in password.lower():
        answers["password"] = root.ask("PATCH", f"/api/users/{alice.id}/", json={"password": password})
    for field, answer in answers.items():
        assert set(faulty(answer)) == {field}
        assert password not in answer.text
        assert len(answer.text) < 600
    assert house.log_in("alice").status_code == 200


def test_all_that_is_wrong_with_a_password_is_told_at_once(alice: Person) -> None:
    answer = alice.ask("POST", CHANGE, json={"old_password": "", "new_password": ""})
    assert faulty(answer) == ["old_password", "new_password"]
    answer = alice.ask("POST", CHANGE, json={"old_password": SECRET, "new_password": "aaa"})
    assert [fault["message"] for fault in problem(answer, 400)["errors"]][:2] == [
        "must have at least 15 characters",
        "must have at least 4 different characters",
    ]


def test_a_password_of_more_than_1024_bytes_or_of_no_characters_is_refused(house: House, alice: Person) -> None:
    for password in ("\u00e9" * 400 + "abcd" * 57, "", "x" * 1025):
        assert faulty(alice.ask("POST", CHANGE, json={"old_password": SECRET, "new_password": password})) == [
            "new_password"
        ]
    surrogate = json.dumps({"old_password": SECRET, "new_password": "\ud800 and a lot of other things"})
    headers = {"Content-Type": "application/json"}
    assert faulty(alice.ask("POST", CHANGE, content=surrogate, headers=headers)) == ["new_password"]
    problem(alice.ask("POST", CHANGE, json={"old_password": SECRET, "new_password": "x" * 9000}), 413)
    assert alice.is_known()


@pytest.mark.parametrize("password", STRONG)
def test_any_other_password_is_taken_to_the_last_character(house: House, alice: Person, password: str) -> None:
    sent = {"old_password": SECRET, "new_password": password}
    assert alice.ask("POST", CHANGE, json=sent).status_code == 200
    assert house.log_in("alice", password).status_code == 200
    for other in (password[:-1], password.swapcase(), f"{password} ", password.strip(), password[:72]):
        if other != password:
            problem(house.log_in("alice", other), 401)
            assert house.log_in("alice", password).status_code == 200


def test_an_administrator_can_give_such_a_password_too(house: House) -> None:
    root = house.person("root", is_admin=True)
    for number, password in enumerate(STRONG):
        sent = {"username": f"user{number}", "password": password}
        assert root.ask("POST", "/api/users/", json=sent).status_code == 201
        assert house.log_in(f"user{number}", password).status_code == 200


@on_both
def test_one_takes_another_name_and_keeps_all_that_is_ones_own(house: House, alice: Person) -> None:
    post = alice.writes()
    assert alice.ask("PATCH", ME, json={"username": "alicia"}).json() == {
        "id": alice.id,
        "username": "alicia",
        "is_admin": False,
    }
    assert alice.is_known()
    assert house.ask("GET", f"/api/posts/{post}/").json()["author"] == "alicia"
    problem(house.log_in("alice"), 401)
    assert house.log_in("ALICIA").status_code == 200
    assert alice.ask("PATCH", ME, json={"username": "Alicia"}).json()["username"] == "Alicia"
    assert alice.ask("PATCH", ME, json={}).json()["username"] == "Alicia"


def test_a_name_that_is_taken_or_none_is_refused(house: House, alice: Person) -> None:
    house.person("bob")
    for taken in ("bob", "BOB"):
        problem(alice.ask("PATCH", ME, json={"username": taken}), 409)
    for name in ("", "a b", "b\u043eb", "bob\u200b", "x" * 151, 7, None, ["x"]):
        assert faulty(alice.ask("PATCH", ME, json={"username": name})) == ["username"]
    assert alice.ask("GET", ME).json()["username"] == "alice"


@on_both
def test_whoever_tries_out_which_names_are_taken_waits_after_eight(house: House, alice: Person) -> None:
    house.person("bob")
    for _ in range(8):
        problem(alice.ask("PATCH", ME, json={"username": "Bob"}), 409)
    for name in ("bob", "nobody"):
        refused = alice.ask("PATCH", ME, json={"username": name})
        problem(refused, 429)
        assert refused.headers["retry-after"] == "300"
    for said in ({}, {"username": "Alice"}):
        assert alice.ask("PATCH", ME, json=said).status_code == 200
    assert house.log_in("alice").status_code == 200


@on_both
def test_an_account_has_ten_former_names_at_most(house: House, root: Person, alice: Person) -> None:
    for number in range(10):
        assert alice.ask("PATCH", ME, json={"username": f"alice{number}"}).status_code == 200
    for person, path in ((alice, ME), (root, f"/api/users/{alice.id}/")):
        refused = problem(person.ask("PATCH", path, json={"username": "another"}), 409)
        assert refused["detail"].startswith("An account has at most 10 former names")
        for own in ("alice3", "ALICE"):
            assert person.ask("PATCH", path, json={"username": own}).json()["username"] == own
