"""The blog promises that…"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, current_thread
from typing import Any

import pytest
from tests.entrypoints.http.houses import House, Person, commits, until
from tests.entrypoints.http.visits import StoppedClock, faulty, problem

from blog.adapters.memory import MemoryStore
from blog.domain.accounts.actors import Scope
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import Stores

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
TOKENS = "/api/tokens/"


@pytest.fixture
def alice(house: House) -> Person:
    return house.person("alice")


@pytest.fixture
def bob(house: House) -> Person:
    return house.person("bob")


def listed(person: Person) -> list[dict[str, Any]]:
    """The tokens that somebody is shown."""
    answer = person.ask("GET", TOKENS)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def last_used(person: Person) -> str | None:
    """When the token was last used, as far as it is noted."""
    with person.house.open_blog() as blog:
        tokens = blog.tokens.list_own(blog.tokens.authenticate(person.token))
    at = next(token.last_used_at for token in tokens if token.id == person.token_id)
    return None if at is None else f"{at:%m-%d %H:%M:%S}"


def is_noted(person: Person, at: str) -> None:
    """The use of the token is, or soon will be, noted as of then."""
    until(lambda: last_used(person) == at)


@on_both
def test_one_sees_ones_tokens_but_not_their_secrets(house: House, alice: Person, bob: Person) -> None:
    said = house.log_in("alice", name="laptop \u2328", scopes=["posts:write", "account"])
    token = said.json()["token"]
    answer = house.ask("GET", TOKENS, token=token)
    assert answer.headers["cache-control"] == "private, no-store"
    first, second = answer.json()["results"]
    assert second == {
        "id": second["id"],
        "name": "laptop \u2328",
        "hint": f"{token[:7]}...{token[-4:]}",
        "scopes": ["account", "posts:write"],
        "created_at": "2026-11-22T09:30:00.000000Z",
        "last_used_at": None,
        "expires_at": "2026-12-22T09:30:00.000000Z",
        "current": True,
    }
    assert (first["id"], first["name"], first["current"]) == (alice.token_id, "", False)
    assert first["scopes"] == ["account", "posts:read", "posts:write"]
    assert [secret for secret in (token, alice.token, bob.token) if secret[7:-4] in answer.text] == []
    assert said.json()["expires_at"] == second["expires_at"]


def test_a_token_has_a_name_that_can_be_read(house: House, alice: Person) -> None:
    names: list[Any] = ["x" * 101, "a\0b", "a\x1b[31m", "\u200b", " ", 1, None, ["a"], {}, True]
    for name in names:
        assert faulty(house.log_in("alice", name=name)) == ["name"], name
    assert house.log_in("alice", name="").status_code == 200
    assert (
        house.log_in("alice", name="\u043d\u043e\u0443\u0442\u0431\u0443\u043a \U0001f4bb" + "x" * 80).status_code
        == 200
    )


def test_a_token_is_made_for_no_more_than_its_user_may_do(house: House, alice: Person) -> None:
    for scopes in (["admin"], ["account", "admin"]):
        refused = problem(house.log_in("alice", scopes=scopes), 403)
        assert refused["detail"] == "Only an administrator's token can have the scope admin."
    nonsense: Any
    for nonsense in (["root"], "admin", {}, None, [1], [["admin"]], ["posts:write "], True):
        assert faulty(house.log_in("alice", scopes=nonsense)) == ["scopes"], nonsense
    house.person("root", is_admin=True)
    assert house.log_in("root", scopes=["admin"]).status_code == 200
    assert len(listed(alice)) == 1


def test_whoever_asks_for_more_than_they_may_is_counted_as_one_who_fails(house: House, alice: Person) -> None:
    statuses = [house.log_in("alice", scopes=["admin"]).status_code for _ in range(9)]
    assert statuses == [403] * 8 + [429]


def test_a_token_without_scopes_tells_who_one_is_and_ends_itself(house: House, alice: Person) -> None:
    bare = house.again("alice", scopes=[])
    assert bare.is_known()
    for method, path in (("GET", TOKENS), ("DELETE", f"{TOKENS}{alice.token_id}/"), ("POST", "/api/logout/all/")):
        assert problem(bare.ask(method, path), 403)["detail"] == "This token was made without the scope account."
    for path in ("/api/posts/", "/api/users/me/password/"):
        problem(bare.ask("POST", path, content=b"no json"), 403)
    problem(bare.ask("PATCH", "/api/users/me/", content=b"no json"), 403)
    assert bare.ask("DELETE", f"{TOKENS}{bare.token_id}/").status_code == 204
    assert (bare.is_known(), alice.is_known()) == (False, True)


@on_both
def test_one_ends_one_of_ones_tokens_and_only_once(house: House, alice: Person) -> None:
    other = house.again("alice")
    answer = alice.ask("DELETE", f"{TOKENS}{other.token_id}/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not other.is_known()
    problem(alice.ask("DELETE", f"{TOKENS}{other.token_id}/"), 404)
    assert [token["id"] for token in listed(alice)] == [alice.token_id]


@on_both
def test_anothers_token_is_not_found_and_goes_on_working(house: House, alice: Person, bob: Person) -> None:
    missing = problem(alice.ask("DELETE", f"{TOKENS}999/"), 404)
    foreign = problem(alice.ask("DELETE", f"{TOKENS}{bob.token_id}/"), 404)
    assert {**foreign, "detail": ""} == {**missing, "detail": ""}
    for spelling in (f"0{bob.token_id}", f"+{bob.token_id}", "0", "-1", str(2**63), "9" * 5000, "%00", "all", "*"):
        problem(alice.ask("DELETE", f"{TOKENS}{spelling}/"), 404)
    assert bob.is_known()


@on_both
def test_logging_out_ends_this_token_and_logging_out_everywhere_all_of_ones_own(
    house: House, alice: Person, bob: Person
) -> None:
    first, second = house.again("alice"), house.again("alice")
    assert first.ask("POST", "/api/logout/").status_code == 204
    problem(first.ask("POST", "/api/logout/"), 401)
    assert [person.is_known() for person in (alice, first, second)] == [True, False, True]
    assert second.ask("POST", "/api/logout/all/").status_code == 204
    problem(second.ask("POST", "/api/logout/all/"), 401)
    assert [person.is_known() for person in (alice, first, second, bob)] == [False, False, False, True]


@on_both
def test_of_more_than_25_tokens_the_one_used_the_longest_ago_ends(
    house: House, clock: StoppedClock, alice: Person, bob: Person
) -> None:
    clock.advance(minutes=1)
    second = house.again("alice")
    clock.advance(minutes=1)
    assert alice.is_known()
    until(lambda: last_used(alice))
    clock.advance(minutes=1)
    others = [house.again("alice") for _ in range(24)]
    assert len(listed(others[-1])) == 25
    assert [second.is_known(), alice.is_known(), others[0].is_known(), bob.is_known()] == [False, True, True, True]


@on_both
def test_a_token_that_is_not_used_for_14_days_ends(house: House, clock: StoppedClock, alice: Person) -> None:
    idle = house.again("alice")
    clock.advance(days=14, microseconds=-1)
    assert alice.is_known()
    until(lambda: last_used(alice))
    clock.advance(microseconds=1)
    problem(idle.ask("GET", "/api/posts/"), 401)
    assert [token["id"] for token in listed(alice)] == [alice.token_id]
    clock.advance(days=14, microseconds=-2)
    assert alice.is_known()


@on_both
def test_a_token_ends_after_30_days_however_much_it_is_used(house: House, clock: StoppedClock, alice: Person) -> None:
    for noted in ("12-02 09:30:00", "12-12 09:30:00"):
        clock.advance(days=10)
        assert alice.is_known()
        is_noted(alice, noted)
    clock.advance(days=10, microseconds=-1)
    assert alice.is_known()
    clock.advance(microseconds=1)
    problem(alice.ask("GET", "/api/users/me/"), 401)


@on_both
def test_the_use_of_a_token_is_noted_once_a_minute(house: House, clock: StoppedClock, alice: Person) -> None:
    for seconds, noted in ((0, "11-22 09:30:00"), (59.9, "11-22 09:30:00"), (0.1, "11-22 09:31:00")):
        clock.advance(seconds=seconds)
        assert [alice.is_known() for _ in range(3)] == [True] * 3
        is_noted(alice, noted)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_twelve_reads_with_a_token_take_one_commit(house: House, database: Path, alice: Person) -> None:
    before = commits(database)
    post = alice.writes()
    until(lambda: last_used(alice))
    assert commits(database) - before == 2
    other = house.again("alice")
    before = commits(database)
    for _ in range(4):
        for path in ("/api/users/me/", "/api/posts/", f"/api/posts/{post}/"):
            assert other.ask("GET", path).status_code == 200
    until(lambda: last_used(other))
    assert commits(database) - before == 1


def test_nobody_waits_until_the_use_of_a_token_is_noted(hasher: PasswordHasher, clock: StoppedClock) -> None:
    store, gate, noting = MemoryStore(), Event(), []

    class Held:
        def __init__(self, tokens: Any) -> None:
            self._tokens = tokens

        def __getattr__(self, name: str) -> Any:
            if name == "touch":
                noting.append(current_thread().name)
                gate.wait(30)
            return getattr(self._tokens, name)

    @contextmanager
    def held() -> Iterator[Stores]:
        with store() as stores:
            yield replace(stores, tokens=Held(stores.tokens))

    house = House(held, hasher, clock)
    alice = house.person("alice")
    assert [alice.is_known() for _ in range(12)] == [True] * 12
    until(lambda: noting)
    assert (len(noting), noting[0].startswith("blog-note")) == (1, True)
    gate.set()
    house.close()


def test_a_token_does_what_its_scopes_say(house: House, alice: Person) -> None:
    post, title = alice.writes(), {"title": "Another"}
    for scope in Scope:
        if scope is Scope.ADMIN:
            continue
        scoped = house.again("alice", scopes=[scope])
        assert scoped.ask("PATCH", f"/api/posts/{post}/", json=title).status_code == (
            200 if scope is Scope.POSTS_WRITE else 403
        )
        assert scoped.ask("GET", TOKENS).status_code == (200 if scope is Scope.ACCOUNT else 403)
        assert scoped.ask("GET", f"/api/posts/{post}/").status_code == 200
