"""Administration of accounts over HTTP."""

from pathlib import Path
from typing import Any

import pytest
from tests.entrypoints.http.clients import StoppedClock, invalid_fields, problem
from tests.entrypoints.http.configured_sites import SECRET, ConfiguredSite, SiteUser

from blog.adapters.sql import SqlStore
from blog.domain.accounts.actors import Operator, Scope
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.shared import UserId

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
USERS = "/api/users/"
CAROL = {"username": "carol", "password": SECRET}
NEW = "another battery staple horse"


@pytest.fixture
def alice(configured_site: ConfiguredSite) -> SiteUser:
    return configured_site.add_user("alice")


def routes(user_id: int) -> list[tuple[str, str, Any]]:
    """Every route of administration."""
    user = f"{USERS}{user_id}/"
    return [
        ("GET", USERS, None),
        ("POST", USERS, CAROL),
        ("GET", user, None),
        ("PATCH", user, {"is_admin": True}),
        ("GET", f"{user}tokens/", None),
        ("DELETE", f"{user}tokens/", None),
        ("DELETE", f"{user}tokens/1/", None),
        ("GET", "/api/audit/", None),
        ("GET", "/api/invitations/", None),
        ("POST", "/api/invitations/", {}),
        ("DELETE", "/api/invitations/1/", None),
    ]


@on_both
def test_an_administrator_creates_reads_and_updates_accounts(configured_site: ConfiguredSite, root: SiteUser) -> None:
    answer = root.ask("POST", USERS, json=CAROL)
    carol = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"{USERS}{carol['id']}/")
    created_at = "2026-11-22T09:30:00.000000Z"
    assert carol == {
        "id": root.id + 1,
        "username": "carol",
        "is_admin": False,
        "is_active": True,
        "created_at": created_at,
    }
    changes = {"username": "caroline", "is_admin": True}
    assert root.ask("PATCH", answer.headers["location"], json=changes).json() == {**carol, **changes}
    assert root.ask("GET", answer.headers["location"]).json() == {**carol, **changes}
    assert root.ask("PATCH", answer.headers["location"], json={}).json() == {**carol, **changes}
    assert configured_site.log_in("caroline").status_code == 200
    problem(configured_site.log_in("carol"), 401)


def test_other_users_cannot_administer(configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser) -> None:
    unscoped = configured_site.with_new_token("root", scopes=set(Scope) - {Scope.ADMIN})
    before = configured_site.audit()
    for user_id in (root.id, alice.id, 77):
        for method, path, sent in routes(user_id):
            answer = configured_site.ask(method, path, json=sent)
            problem(answer, 401)
            assert answer.headers["www-authenticate"] == "Token"
            assert problem(alice.ask(method, path, json=sent), 403)["detail"] == "Only an administrator may do this."
            problem(alice.ask(method, path, content=b"no json"), 403)
            problem(unscoped.ask(method, path, json=sent), 403)
    assert configured_site.audit() == before
    assert root.is_logged_in()


def test_other_users_do_not_learn_whether_an_account_exists(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    numbers = [str(root.id), str(alice.id), "77", "0", "-1", "x", "9" * 400]
    for end in ("", "tokens/", "tokens/1/"):
        for method in ("GET", "PATCH", "DELETE"):
            answers = [alice.ask(method, f"{USERS}{number}/{end}", json={"is_admin": True}) for number in numbers]
            assert len({(answer.status_code, answer.content) for answer in answers}) == 1
            assert answers[0].status_code in {403, 405}


def test_no_response_to_an_administrator_has_a_password_hash_or_digest(
    configured_site: ConfiguredSite, root: SiteUser
) -> None:
    carol = root.ask("POST", USERS, json=CAROL)
    configured_site.with_new_token("carol")
    told = [carol, root.ask("PATCH", f"{USERS}{carol.json()['id']}/", json={"password": NEW})]
    told += [root.ask("GET", path) for path in (USERS, f"{USERS}{carol.json()['id']}/", "/api/audit/")]
    told += [root.ask("GET", f"{USERS}{root.id}/tokens/")]
    assert [answer.status_code for answer in told] == [201, 200, 200, 200, 200, 200]
    for answer in told:
        assert [word for word in ("$argon2", "digest", "password_hash", SECRET, NEW) if word in answer.text] == []


@on_both
def test_accounts_are_listed_in_pages(configured_site: ConfiguredSite, root: SiteUser) -> None:
    ids = [root.id, *(root.ask("POST", USERS, json={**CAROL, "username": f"u{n}"}).json()["id"] for n in range(6))]
    seen, url = [], f"{USERS}?limit=3"
    while url:
        page = root.ask("GET", url).json()
        seen += [[user["id"] for user in page["results"]]]
        url = page["next"]
    assert [user for page in seen for user in page] == ids
    assert [len(page) for page in seen[:3]] == [3, 3, 1]
    for query in ("limit=0", "limit=101", "cursor=0", "cursor=x", "limit=1&limit=2", "q=1", "is_admin=true"):
        assert invalid_fields(root.ask("GET", f"{USERS}?{query}")), query


def test_read_only_fields_of_an_account_cannot_be_set(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    others = {"id": 99, "created_at": "2020-01-01T00:00:00Z", "password_hash": "x", "role": "admin", "is_staff": True}
    for name, value in {**others, "is_superuser": True, "tokens": [], "scopes": ["admin"], "__class__": "x"}.items():
        assert invalid_fields(root.ask("PATCH", f"{USERS}{alice.id}/", json={name: value})) == [name]
        assert invalid_fields(root.ask("POST", USERS, json={**CAROL, name: value})) == [name]
        assert invalid_fields(alice.ask("PATCH", f"{USERS}me/", json={name: value})) == [name]
    for name, wrong in (("is_admin", ("true", 1, None, [])), ("is_active", (0, "no")), ("username", (1, None, [1]))):
        for value in wrong:
            assert invalid_fields(root.ask("PATCH", f"{USERS}{alice.id}/", json={name: value})) == [name]
    assert invalid_fields(root.ask("POST", USERS, json={**CAROL, "is_active": False})) == ["is_active"]
    assert len(root.ask("GET", USERS).json()["results"]) == 2


def test_a_user_cannot_become_an_administrator(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    for name in ("is_admin", "role", "is_staff", "is_active"):
        assert invalid_fields(alice.ask("PATCH", f"{USERS}me/", json={name: True})) == [name]
        assert invalid_fields(alice.ask("PATCH", f"{USERS}me/", json={"username": "alice2", name: True})) == [name]
        more: dict[str, Any] = {name: True}
        assert invalid_fields(configured_site.log_in("alice", **more)) == [name]
        problem(alice.ask("PATCH", f"{USERS}{alice.id}/", json={name: True}), 403)
        problem(alice.ask("POST", USERS, json={**CAROL, name: True}), 403)
    for method in ("PUT", "POST"):
        problem(alice.ask(method, f"{USERS}me/", json={"is_admin": True}), 405)
    assert alice.ask("GET", f"{USERS}me/").json() == {"id": alice.id, "username": "alice", "is_admin": False}
    problem(alice.ask("GET", USERS), 403)


def test_a_role_change_takes_effect_at_once_and_tokens_gain_no_scopes(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    assert root.ask("PATCH", f"{USERS}{alice.id}/", json={"is_admin": True}).status_code == 200
    problem(alice.ask("GET", USERS), 403)
    promoted = configured_site.with_new_token("alice")
    assert promoted.ask("GET", USERS).status_code == 200
    assert promoted.ask("PATCH", f"{USERS}{root.id}/", json={"is_admin": False}).status_code == 200
    problem(root.ask("GET", USERS), 403)


@on_both
def test_the_last_active_administrator_cannot_be_demoted(configured_site: ConfiguredSite, root: SiteUser) -> None:
    second = root.ask("POST", USERS, json={**CAROL, "is_admin": True}).json()["id"]
    assert root.ask("PATCH", f"{USERS}{second}/", json={"is_active": False}).status_code == 200
    for change in ({"is_admin": False}, {"is_active": False}, {"is_admin": False, "is_active": False}):
        answer = root.ask("PATCH", f"{USERS}{root.id}/", json={"username": "toor", **change})
        assert problem(answer, 409)["detail"] == "The last active administrator stays one."
    problem(root.ask("DELETE", f"{USERS}{root.id}/?posts=delete"), 403)
    assert root.ask("GET", f"{USERS}me/").json() == {"id": root.id, "username": "root", "is_admin": True}


def test_one_of_two_administrators_who_demote_each_other_concurrently_stays(
    database: Path, hasher: PasswordHasher, clock: StoppedClock
) -> None:
    stores = [SqlStore(f"sqlite:///{database}") for _ in range(2)]
    stores[0].migrate()
    houses = [ConfiguredSite(store, hasher, clock) for store in stores]
    pair = [houses[0].add_user("root", is_admin=True), houses[0].add_user("toor", is_admin=True)]
    for race in range(12):
        change = {"is_admin": False} if race % 2 else {"is_active": False}
        asked = [
            configured_site.ask_async("PATCH", f"{USERS}{other.id}/", token=one.token, json=change)
            for configured_site, one, other in zip(houses, pair, pair[::-1], strict=True)
        ]
        statuses = [answer.status_code for answer in houses[0].gather(*asked)]
        assert statuses.count(200) == 1, statuses
        assert set(statuses) <= {200, 401, 403, 409}, statuses
        with houses[0].open_blog() as blog:
            assert sum(user.is_active_admin for user in blog.users.page(Operator())) == 1
            for one in pair:
                blog.users.update(Operator(), UserId(one.id), is_admin=True, is_active=True)
        pair = [houses[0].with_new_token(one.username) for one in pair]
    for configured_site, store in zip(houses, stores, strict=True):
        configured_site.close()
        store.close()


@on_both
def test_deactivating_an_account_revokes_its_tokens_for_good(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    address = f"{USERS}{alice.id}/"
    assert root.ask("PATCH", address, json={"is_active": False}).json()["is_active"] is False
    assert not alice.is_logged_in()
    problem(configured_site.log_in("alice"), 401)
    assert root.ask("GET", f"{address}tokens/").json() == {"results": []}
    assert root.ask("PATCH", address, json={"is_active": True}).json()["is_active"] is True
    assert not alice.is_logged_in()
    assert configured_site.log_in("alice").status_code == 200


@on_both
def test_a_password_reset_by_an_administrator_revokes_all_tokens(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    address, other = f"{USERS}{alice.id}/", configured_site.with_new_token("alice")
    assert set(invalid_fields(root.ask("PATCH", address, json={"password": "short"}))) == {"password"}
    assert alice.is_logged_in()
    assert root.ask("PATCH", address, json={"password": NEW}).status_code == 200
    assert (alice.is_logged_in(), other.is_logged_in(), root.is_logged_in()) == (False, False, True)
    problem(configured_site.log_in("alice"), 401)
    assert configured_site.log_in("alice", NEW).status_code == 200


@on_both
def test_an_administrator_lists_and_revokes_tokens_of_a_user(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    address, other = f"{USERS}{alice.id}/tokens/", configured_site.with_new_token("alice")
    tokens = root.ask("GET", address)
    assert [token["id"] for token in tokens.json()["results"]] == [alice.token_id, other.token_id]
    assert all("current" not in token for token in tokens.json()["results"])
    assert alice.token[7:-4] not in tokens.text
    problem(root.ask("DELETE", f"{address}{root.token_id}/"), 404)
    assert root.ask("DELETE", f"{address}{alice.token_id}/").status_code == 204
    assert (alice.is_logged_in(), other.is_logged_in()) == (False, True)
    problem(root.ask("DELETE", f"{address}{alice.token_id}/"), 404)
    assert root.ask("DELETE", address).status_code == 204
    assert (other.is_logged_in(), root.is_logged_in()) == (False, True)
    for end in ("", "tokens/"):
        problem(root.ask("GET", f"{USERS}77/{end}"), 404)


@on_both
def test_usernames_are_unique_case_insensitively(configured_site: ConfiguredSite, root: SiteUser) -> None:
    names = ["carol", "CAROL", "Carol", "cArol", "carol", "CaRoL"]
    asked = [
        configured_site.ask_async("POST", USERS, token=root.token, json={**CAROL, "username": name}) for name in names
    ]
    assert sorted(answer.status_code for answer in configured_site.gather(*asked)) == [201] + [409] * 5
    for name in ("carol ", " carol", "carol\u200b", "\uff43arol", "c\u0430rol", "carol\0", "", "a b", "x" * 151):
        assert invalid_fields(root.ask("POST", USERS, json={**CAROL, "username": name})) == ["username"], name
    taken = root.ask("PATCH", f"{USERS}{root.id}/", json={"username": "CAROL"})
    assert problem(taken, 409)["detail"] == "The username CAROL is taken."


@on_both
def test_an_admin_token_cannot_reset_the_password_of_its_own_account(
    configured_site: ConfiguredSite, root: SiteUser
) -> None:
    stolen = configured_site.with_new_token("root", scopes={Scope.ADMIN})
    refusal = problem(stolen.ask("PATCH", f"{USERS}{root.id}/", json={"password": NEW}), 403)
    assert refusal["detail"] == "Your own password can only be changed with the old one."
    problem(configured_site.log_in("root", NEW), 401)
    assert root.ask("GET", "/api/users/me/").status_code == 200
