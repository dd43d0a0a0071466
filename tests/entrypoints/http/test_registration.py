"""Registration and invitations over HTTP."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from httpx import Response
from tests.entrypoints.http.clients import StoppedClock, invalid_fields, problem
from tests.entrypoints.http.configured_sites import AWAY, HOME, SECRET, ConfiguredSite, SiteUser

from blog.adapters.sql import SqlStore
from blog.domain.accounts.invitations import Registration
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import BlogConfig, OpenStores

NewHouse: TypeAlias = Callable[[Registration], ConfiguredSite]
on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
INVITATIONS = "/api/invitations/"


@pytest.fixture
def new_site(store: OpenStores, hasher: PasswordHasher, clock: StoppedClock) -> Iterator[NewHouse]:
    sites = []

    def new(registration: Registration) -> ConfiguredSite:
        sites.append(ConfiguredSite(store, hasher, clock, config=BlogConfig(registration=registration)))
        return sites[-1]

    yield new
    for configured_site in sites:
        configured_site.close()


@pytest.fixture
def configured_site(new_site: NewHouse) -> ConfiguredSite:
    return new_site(Registration.INVITE)


def register(configured_site: ConfiguredSite, username: str, *, at: str = HOME, **more: Any) -> Response:
    """Register a user."""
    return configured_site.ask("POST", "/api/register/", at=at, json={"username": username, "password": SECRET, **more})


def invite(root: SiteUser, **said: int) -> str:
    """Create an invitation. Return its code."""
    answer = root.ask("POST", INVITATIONS, json=said)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store"), answer.text
    code: str = answer.json()["code"]
    return code


@on_both
def test_open_registration_creates_an_account(new_site: NewHouse) -> None:
    configured_site = new_site(Registration.OPEN)
    answer = register(configured_site, "carol")
    assert (answer.status_code, set(answer.json())) == (201, {"id", "username"})
    assert configured_site.log_in("carol").status_code == 200
    problem(register(configured_site, "CAROL"), 409)
    assert configured_site.with_new_token("carol").ask("GET", "/api/users/me/").json()["is_admin"] is False


@on_both
def test_registration_is_closed_by_default(store: OpenStores, hasher: PasswordHasher, clock: StoppedClock) -> None:
    configured_site = ConfiguredSite(store, hasher, clock)
    code = invite(configured_site.add_user("root", is_admin=True))
    for more in ({}, {"invitation": code}):
        refused = problem(register(configured_site, "carol", **more), 403)
        assert refused["detail"] == "Registration is closed: ask an administrator for an account."
    problem(configured_site.log_in("carol"), 401)
    configured_site.close()


@on_both
def test_an_invitation_creates_one_account(configured_site: ConfiguredSite, root: SiteUser) -> None:
    code = invite(root)
    assert register(configured_site, "carol", invitation=code).status_code == 201
    assert (
        problem(register(configured_site, "dave", invitation=code), 403)["detail"]
        == "Registration takes a valid invitation."
    )
    assert configured_site.log_in("carol").status_code == 200
    assert root.ask("GET", INVITATIONS).json() == {"results": [], "next": None}


def test_registration_requires_a_valid_invitation(configured_site: ConfiguredSite, root: SiteUser) -> None:
    code = invite(root)
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
    answers = [
        register(configured_site, "carol", at=f"203.0.113.{number}", invitation=bad) for number, bad in enumerate(bad)
    ]
    answers.append(register(configured_site, "carol"))
    assert {answer.content for answer in answers} == {answers[0].content}
    problem(answers[0], 403)
    wrongs: list[object] = [1, None, [code], {}, True]
    for wrong in wrongs:
        assert invalid_fields(register(configured_site, "carol", invitation=wrong)) == ["invitation"]
    assert register(configured_site, "carol", invitation=code).status_code == 201


@on_both
def test_an_invitation_stays_valid_if_the_username_was_taken(configured_site: ConfiguredSite, root: SiteUser) -> None:
    code = invite(root)
    problem(register(configured_site, "Root", invitation=code), 409)
    assert register(configured_site, "carol", invitation=code).status_code == 201


@on_both
def test_an_invitation_expires(configured_site: ConfiguredSite, clock: StoppedClock, root: SiteUser) -> None:
    usual, short = invite(root), invite(root, days=1)
    clock.advance(days=1, microseconds=-1)
    assert register(configured_site, "carol", invitation=short).status_code == 201
    short = invite(root, days=1)
    clock.advance(days=1)
    problem(register(configured_site, "dave", invitation=short), 403)
    clock.advance(days=5, microseconds=1)
    problem(register(configured_site, "dave", invitation=usual), 403)
    for days in (0, 91, -1, "7", 1.5, None, True, 2**64):
        assert invalid_fields(root.ask("POST", INVITATIONS, json={"days": days})) == ["days"]


@on_both
def test_an_invitation_is_listed_without_its_code_and_can_be_revoked(
    configured_site: ConfiguredSite, root: SiteUser
) -> None:
    codes = [invite(root) for _ in range(3)]
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
    problem(register(configured_site, "carol", invitation=codes[1]), 403)
    assert register(configured_site, "carol", invitation=codes[0]).status_code == 201


def test_one_of_two_concurrent_registrations_with_an_invitation_succeeds(
    database: Path, hasher: PasswordHasher, clock: StoppedClock
) -> None:
    stores = [SqlStore(f"sqlite:///{database}") for _ in range(2)]
    stores[0].migrate()
    sites = [
        ConfiguredSite(store, hasher, clock, config=BlogConfig(registration=Registration.INVITE)) for store in stores
    ]
    root = sites[0].add_user("root", is_admin=True)
    for race in range(5):
        code = invite(root)
        asked = [
            configured_site.ask_async(
                "POST",
                "/api/register/",
                at=f"203.0.{race}.{number}",
                json={"username": f"user{race}{number}", "password": SECRET, "invitation": code},
            )
            for number, configured_site in enumerate(sites * 2)
        ]
        assert sorted(answer.status_code for answer in sites[0].gather(*asked)) == [201, 403, 403, 403]
    for configured_site, store in zip(sites, stores, strict=True):
        configured_site.close()
        store.close()


@pytest.mark.parametrize("registration", [Registration.OPEN, Registration.INVITE])
def test_registrations_and_guesses_of_names_and_codes_are_rate_limited(
    new_site: NewHouse, registration: Registration
) -> None:
    configured_site = new_site(registration)
    statuses = [register(configured_site, f"user{number}", at=AWAY, invitation="x").status_code for number in range(9)]
    assert statuses == [201 if registration is Registration.OPEN else 403] * 8 + [429]
    assert register(configured_site, "user0", at=AWAY).headers["retry-after"] == "300"
    assert register(configured_site, "carol", at=HOME).status_code != 429


def test_registration_validates_username_and_password(new_site: NewHouse) -> None:
    configured_site = new_site(Registration.OPEN)
    for username in ("", "a b", "carol ", "c\u0430rol", "carol\0"):
        assert invalid_fields(register(configured_site, username)) == ["username"]
    for password in ("short", "passwordpassword", "carol carol carol etc"):
        answer = register(configured_site, "carol", password=password)
        assert set(invalid_fields(answer)) == {"password"}
        assert password not in answer.text
    for name in ("is_admin", "id", "role", "scopes", "is_active"):
        more: dict[str, Any] = {name: True}
        assert invalid_fields(register(configured_site, "carol", **more)) == [name]
    problem(configured_site.log_in("carol"), 401)
    assert invalid_fields(configured_site.ask("POST", "/api/register/?x=1", json={})) == ["x"]
