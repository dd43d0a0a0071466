"""Listing, revoking and expiry of the own tokens over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, current_thread
from typing import Any

import pytest
from tests.entrypoints.http.clients import StoppedClock, invalid_fields, problem
from tests.entrypoints.http.configured_sites import ConfiguredSite, SiteUser, count_commits, wait_for

from blog.adapters.memory import MemoryStore
from blog.domain.accounts.actors import Scope
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import Stores

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
TOKENS = "/api/tokens/"


@pytest.fixture
def alice(configured_site: ConfiguredSite) -> SiteUser:
    return configured_site.add_user("alice")


@pytest.fixture
def bob(configured_site: ConfiguredSite) -> SiteUser:
    return configured_site.add_user("bob")


def listed(person: SiteUser) -> list[dict[str, Any]]:
    """Return the tokens of a user."""
    answer = person.ask("GET", TOKENS)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def last_used(person: SiteUser) -> str | None:
    """Return the recorded last use of the token."""
    with person.configured_site.open_blog() as blog:
        tokens = blog.tokens.list_own(blog.tokens.authenticate(person.token))
    at = next(token.last_used_at for token in tokens if token.id == person.token_id)
    return None if at is None else f"{at:%m-%d %H:%M:%S}"


def is_noted(person: SiteUser, at: str) -> None:
    """Return whether the use of the token is recorded with this time, now or soon."""
    wait_for(lambda: last_used(person) == at)


@on_both
def test_a_user_lists_tokens_without_their_secrets(
    configured_site: ConfiguredSite, alice: SiteUser, bob: SiteUser
) -> None:
    said = configured_site.log_in("alice", name="laptop \u2328", scopes=["posts:write", "account"])
    token = said.json()["token"]
    answer = configured_site.ask("GET", TOKENS, token=token)
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
    assert first["scopes"] == ["account", "posts:publish", "posts:read", "posts:write"]
    assert [secret for secret in (token, alice.token, bob.token) if secret[7:-4] in answer.text] == []
    assert said.json()["expires_at"] == second["expires_at"]


def test_a_token_has_a_readable_name(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    names: list[Any] = ["x" * 101, "a\0b", "a\x1b[31m", "\u200b", " ", 1, None, ["a"], {}, True]
    for name in names:
        assert invalid_fields(configured_site.log_in("alice", name=name)) == ["name"], name
    assert configured_site.log_in("alice", name="").status_code == 200
    assert (
        configured_site.log_in(
            "alice", name="\u043d\u043e\u0443\u0442\u0431\u0443\u043a \U0001f4bb" + "x" * 80
        ).status_code
        == 200
    )


def test_a_token_has_only_scopes_that_its_user_may_have(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    for scopes in (["admin"], ["account", "admin"]):
        refused = problem(configured_site.log_in("alice", scopes=scopes), 403)
        assert refused["detail"] == "Only an administrator's token can have the scope admin."
    nonsense: Any
    for nonsense in (["root"], "admin", {}, None, [1], [["admin"]], ["posts:write "], True):
        assert invalid_fields(configured_site.log_in("alice", scopes=nonsense)) == ["scopes"], nonsense
    configured_site.add_user("root", is_admin=True)
    assert configured_site.log_in("root", scopes=["admin"]).status_code == 200
    assert len(listed(alice)) == 1


def test_a_log_in_with_a_forbidden_scope_counts_as_a_failure(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    statuses = [configured_site.log_in("alice", scopes=["admin"]).status_code for _ in range(9)]
    assert statuses == [403] * 8 + [429]


def test_a_token_without_scopes_can_get_the_current_user_and_log_out(
    configured_site: ConfiguredSite, alice: SiteUser
) -> None:
    bare = configured_site.with_new_token("alice", scopes=[])
    assert bare.is_logged_in()
    for method, path in (("GET", TOKENS), ("DELETE", f"{TOKENS}{alice.token_id}/"), ("POST", "/api/logout/all/")):
        assert problem(bare.ask(method, path), 403)["detail"] == "This token was made without the scope account."
    for path in ("/api/posts/", "/api/users/me/password/"):
        problem(bare.ask("POST", path, content=b"no json"), 403)
    problem(bare.ask("PATCH", "/api/users/me/", content=b"no json"), 403)
    assert bare.ask("DELETE", f"{TOKENS}{bare.token_id}/").status_code == 204
    assert (bare.is_logged_in(), alice.is_logged_in()) == (False, True)


@on_both
def test_a_user_revokes_one_of_their_tokens_once(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    other = configured_site.with_new_token("alice")
    answer = alice.ask("DELETE", f"{TOKENS}{other.token_id}/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not other.is_logged_in()
    problem(alice.ask("DELETE", f"{TOKENS}{other.token_id}/"), 404)
    assert [token["id"] for token in listed(alice)] == [alice.token_id]


@on_both
def test_the_token_of_another_user_is_not_found_and_stays_valid(
    configured_site: ConfiguredSite, alice: SiteUser, bob: SiteUser
) -> None:
    missing = problem(alice.ask("DELETE", f"{TOKENS}999/"), 404)
    foreign = problem(alice.ask("DELETE", f"{TOKENS}{bob.token_id}/"), 404)
    assert {**foreign, "detail": ""} == {**missing, "detail": ""}
    for spelling in (f"0{bob.token_id}", f"+{bob.token_id}", "0", "-1", str(2**63), "9" * 5000, "%00", "all", "*"):
        problem(alice.ask("DELETE", f"{TOKENS}{spelling}/"), 404)
    assert bob.is_logged_in()


@on_both
def test_log_out_revokes_this_token_and_log_out_everywhere_all_of_the_user(
    configured_site: ConfiguredSite, alice: SiteUser, bob: SiteUser
) -> None:
    first, second = configured_site.with_new_token("alice"), configured_site.with_new_token("alice")
    assert first.ask("POST", "/api/logout/").status_code == 204
    problem(first.ask("POST", "/api/logout/"), 401)
    assert [person.is_logged_in() for person in (alice, first, second)] == [True, False, True]
    assert second.ask("POST", "/api/logout/all/").status_code == 204
    problem(second.ask("POST", "/api/logout/all/"), 401)
    assert [person.is_logged_in() for person in (alice, first, second, bob)] == [False, False, False, True]


@on_both
def test_the_least_recently_used_of_more_than_25_tokens_is_revoked(
    configured_site: ConfiguredSite, clock: StoppedClock, alice: SiteUser, bob: SiteUser
) -> None:
    clock.advance(minutes=1)
    second = configured_site.with_new_token("alice")
    clock.advance(minutes=1)
    assert alice.is_logged_in()
    wait_for(lambda: last_used(alice))
    clock.advance(minutes=1)
    others = [configured_site.with_new_token("alice") for _ in range(24)]
    assert len(listed(others[-1])) == 25
    assert [second.is_logged_in(), alice.is_logged_in(), others[0].is_logged_in(), bob.is_logged_in()] == [
        False,
        True,
        True,
        True,
    ]


@on_both
def test_a_token_expires_after_14_days_without_use(
    configured_site: ConfiguredSite, clock: StoppedClock, alice: SiteUser
) -> None:
    idle = configured_site.with_new_token("alice")
    clock.advance(days=14, microseconds=-1)
    assert alice.is_logged_in()
    wait_for(lambda: last_used(alice))
    clock.advance(microseconds=1)
    problem(idle.ask("GET", "/api/posts/"), 401)
    assert [token["id"] for token in listed(alice)] == [alice.token_id]
    clock.advance(days=14, microseconds=-2)
    assert alice.is_logged_in()


@on_both
def test_a_token_expires_after_30_days_despite_use(
    configured_site: ConfiguredSite, clock: StoppedClock, alice: SiteUser
) -> None:
    for noted in ("12-02 09:30:00", "12-12 09:30:00"):
        clock.advance(days=10)
        assert alice.is_logged_in()
        is_noted(alice, noted)
    clock.advance(days=10, microseconds=-1)
    assert alice.is_logged_in()
    clock.advance(microseconds=1)
    problem(alice.ask("GET", "/api/users/me/"), 401)


@on_both
def test_the_use_of_a_token_is_recorded_at_most_once_a_minute(
    configured_site: ConfiguredSite, clock: StoppedClock, alice: SiteUser
) -> None:
    for seconds, noted in ((0, "11-22 09:30:00"), (59.9, "11-22 09:30:00"), (0.1, "11-22 09:31:00")):
        clock.advance(seconds=seconds)
        assert [alice.is_logged_in() for _ in range(3)] == [True] * 3
        is_noted(alice, noted)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_twelve_reads_with_a_token_take_one_commit(
    configured_site: ConfiguredSite, database: Path, alice: SiteUser
) -> None:
    before = count_commits(database)
    post = alice.create_post()
    wait_for(lambda: last_used(alice))
    assert count_commits(database) - before == 2
    other = configured_site.with_new_token("alice")
    before = count_commits(database)
    for _ in range(4):
        for path in ("/api/users/me/", "/api/posts/", f"/api/posts/{post}/"):
            assert other.ask("GET", path).status_code == 200
    wait_for(lambda: last_used(other))
    assert count_commits(database) - before == 1


def test_recording_the_use_of_a_token_does_not_delay_the_response(hasher: PasswordHasher, clock: StoppedClock) -> None:
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

    configured_site = ConfiguredSite(held, hasher, clock)
    alice = configured_site.add_user("alice")
    assert [alice.is_logged_in() for _ in range(12)] == [True] * 12
    wait_for(lambda: noting)
    assert (len(noting), noting[0].startswith("blog-note")) == (1, True)
    gate.set()
    configured_site.close()


def test_a_token_can_do_what_its_scopes_allow(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    post, title = alice.create_post(), {"title": "Another"}
    draft = alice.ask("POST", "/api/posts/", json={"title": "A title", "body": "A body", "status": "draft"}).json()[
        "id"
    ]
    for scope in Scope:
        if scope is Scope.ADMIN:
            continue
        scoped = configured_site.with_new_token("alice", scopes=[scope])
        assert scoped.ask("PATCH", f"/api/posts/{draft}/", json=title).status_code == (
            200 if scope is Scope.POSTS_WRITE else 403
        )
        assert scoped.ask("PATCH", f"/api/posts/{post}/", json=title).status_code == 403
        assert scoped.ask("POST", f"/api/posts/{post}/publish/").status_code == (
            200 if scope is Scope.POSTS_PUBLISH else 403
        )
        assert scoped.ask("GET", TOKENS).status_code == (200 if scope is Scope.ACCOUNT else 403)
        assert scoped.ask("GET", f"/api/posts/{post}/").status_code == 200
