"""The blog promises that…"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from httpx import Response
from tests.entrypoints.http.houses import AWAY, HOME, SECRET, House, Person
from tests.entrypoints.http.visits import StoppedClock, faulty, problem

from blog.adapters.sql import SqlStore
from blog.domain.accounts.invitations import Registration
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import BlogConfig, OpenStores

NewHouse: TypeAlias = Callable[[Registration], House]
on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
INVITATIONS = "/api/invitations/"


@pytest.fixture
def new_house(store: OpenStores, hasher: PasswordHasher, clock: StoppedClock) -> Iterator[NewHouse]:
    houses = []

    def new(registration: Registration) -> House:
        houses.append(House(store, hasher, clock, config=BlogConfig(registration=registration)))
        return houses[-1]

    yield new
    for house in houses:
        house.close()


@pytest.fixture
def house(new_house: NewHouse) -> House:
    return new_house(Registration.INVITE)


def registers(house: House, username: str, *, at: str = HOME, **more: Any) -> Response:
    """What is answered to somebody who would have an account."""
    return house.ask("POST", "/api/register/", at=at, json={"username": username, "password": SECRET, **more})


def invites(root: Person, **said: int) -> str:
    """The code of a new invitation."""
    answer = root.ask("POST", INVITATIONS, json=said)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store"), answer.text
    code: str = answer.json()["code"]
    return code


@on_both
def test_where_registration_is_open_anybody_opens_an_account(new_house: NewHouse) -> None:
    house = new_house(Registration.OPEN)
    answer = registers(house, "carol")
    assert (answer.status_code, set(answer.json())) == (201, {"id", "username"})
    assert house.log_in("carol").status_code == 200
    problem(registers(house, "CAROL"), 409)
    assert house.again("carol").ask("GET", "/api/users/me/").json()["is_admin"] is False


@on_both
def test_unless_it_is_said_otherwise_registration_is_closed(
    store: OpenStores, hasher: PasswordHasher, clock: StoppedClock
) -> None:
    house = House(store, hasher, clock)
    code = invites(house.person("root", is_admin=True))
    for more in ({}, {"invitation": code}):
        refused = problem(registers(house, "carol", **more), 403)
        assert refused["detail"] == "Registration is closed: ask an administrator for an account."
    problem(house.log_in("carol"), 401)
    house.close()


@on_both
def test_an_invitation_opens_one_account(house: House, root: Person) -> None:
    code = invites(root)
    assert registers(house, "carol", invitation=code).status_code == 201
    assert problem(registers(house, "dave", invitation=code), 403)["detail"] == "Registration takes a valid invitation."
    assert house.log_in("carol").status_code == 200
    assert root.ask("GET", INVITATIONS).json() == {"results": [], "next": None}


def test_without_a_good_invitation_there_is_no_account(house: House, root: Person) -> None:
    code = invites(root)
    last = "0" if code[-1] != "0" else "1"
    bad = [
        "",
        code[:-1],
        code + "x",
        code[:-1] + last,
        code.swapcase(),
        f" {code}",
        root.token,
        "\0",
        "\u043a\u043e\u0434",
    ]
    answers = [registers(house, "carol", at=f"203.0.113.{number}", invitation=bad) for number, bad in enumerate(bad)]
    answers.append(registers(house, "carol"))
    assert {answer.content for answer in answers} == {answers[0].content}
    problem(answers[0], 403)
    wrongs: list[object] = [1, None, [code], {}, True]
    for wrong in wrongs:
        assert faulty(registers(house, "carol", invitation=wrong)) == ["invitation"]
    assert registers(house, "carol", invitation=code).status_code == 201


@on_both
def test_an_invitation_that_was_not_used_because_the_name_was_taken_is_still_good(house: House, root: Person) -> None:
    code = invites(root)
    problem(registers(house, "Root", invitation=code), 409)
    assert registers(house, "carol", invitation=code).status_code == 201


@on_both
def test_an_invitation_ends_after_its_days(house: House, clock: StoppedClock, root: Person) -> None:
    usual, short = invites(root), invites(root, days=1)
    clock.advance(days=1, microseconds=-1)
    assert registers(house, "carol", invitation=short).status_code == 201
    short = invites(root, days=1)
    clock.advance(days=1)
    problem(registers(house, "dave", invitation=short), 403)
    clock.advance(days=5, microseconds=1)
    problem(registers(house, "dave", invitation=usual), 403)
    for days in (0, 91, -1, "7", 1.5, None, True, 2**64):
        assert faulty(root.ask("POST", INVITATIONS, json={"days": days})) == ["days"]


@on_both
def test_an_invitation_is_listed_without_its_code_and_can_be_taken_back(house: House, root: Person) -> None:
    codes = [invites(root) for _ in range(3)]
    page = root.ask("GET", INVITATIONS, params={"limit": 2})
    first, second = page.json()["results"]
    assert first == {
        "id": first["id"],
        "hint": f"{codes[0][:7]}...{codes[0][-4:]}",
        "by": "root",
        "created_at": "2026-11-22T09:30:00.000000Z",
        "expires_at": "2026-11-29T09:30:00.000000Z",
    }
    assert len(root.ask("GET", page.json()["next"]).json()["results"]) == 1
    assert [code for code in codes if code[11:-4] in page.text] == []
    assert root.ask("DELETE", f"{INVITATIONS}{second['id']}/").status_code == 204
    problem(root.ask("DELETE", f"{INVITATIONS}{second['id']}/"), 404)
    problem(registers(house, "carol", invitation=codes[1]), 403)
    assert registers(house, "carol", invitation=codes[0]).status_code == 201


def test_of_two_who_come_at_once_with_one_invitation_one_gets_in(
    database: Path, hasher: PasswordHasher, clock: StoppedClock
) -> None:
    stores = [SqlStore(f"sqlite:///{database}") for _ in range(2)]
    stores[0].migrate()
    houses = [House(store, hasher, clock, config=BlogConfig(registration=Registration.INVITE)) for store in stores]
    root = houses[0].person("root", is_admin=True)
    for race in range(5):
        code = invites(root)
        asked = [
            house.asking(
                "POST",
                "/api/register/",
                at=f"203.0.{race}.{number}",
                json={"username": f"user{race}{number}", "password": SECRET, "invitation": code},
            )
            for number, house in enumerate(houses * 2)
        ]
        assert sorted(answer.status_code for answer in houses[0].together(*asked)) == [201, 403, 403, 403]
    for house, store in zip(houses, stores, strict=True):
        house.close()
        store.close()


@pytest.mark.parametrize("registration", [Registration.OPEN, Registration.INVITE])
def test_nobody_registers_without_end_or_tries_out_names_or_codes(
    new_house: NewHouse, registration: Registration
) -> None:
    house = new_house(registration)
    statuses = [registers(house, f"user{number}", at=AWAY, invitation="x").status_code for number in range(9)]
    assert statuses == [201 if registration is Registration.OPEN else 403] * 8 + [429]
    assert registers(house, "user0", at=AWAY).headers["retry-after"] == "300"
    assert registers(house, "carol", at=HOME).status_code != 429


def test_an_account_is_opened_by_the_rules_for_names_and_passwords(new_house: NewHouse) -> None:
    house = new_house(Registration.OPEN)
    for username in ("", "a b", "carol ", "c\u0430rol", "carol\0"):
        assert faulty(registers(house, username)) == ["username"]
    for password in ("short", "passwordpassword", "carol carol carol etc"):
        answer = registers(house, "carol", password=password)
        assert set(faulty(answer)) == {"password"}
        assert password not in answer.text
    for name in ("is_admin", "id", "role", "scopes", "is_active"):
        more: dict[str, Any] = {name: True}
        assert faulty(registers(house, "carol", **more)) == [name]
    problem(house.log_in("carol"), 401)
    assert faulty(house.ask("POST", "/api/register/?x=1", json={})) == ["x"]
