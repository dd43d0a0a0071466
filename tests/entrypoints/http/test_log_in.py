"""Log-in over HTTP."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.entrypoints.http.clients import PASSWORD, Member, Site, StoppedClock, invalid_fields, problem

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import OpenBlog, OpenStores
from blog.domain.shared import UserId
from blog.entrypoints.http import create_app

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


class CountingHasher:
    """A hasher that records what it verified."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self.verified: list[str] = []
        self.hash, self.is_outdated, self.decoy = hasher.hash, hasher.is_outdated, hasher.decoy

    def verify(self, password_hash: str, password: str) -> bool:
        self.verified.append(password_hash)
        return self._hasher.verify(password_hash, password)


@pytest.fixture
def counting(hasher: PasswordHasher) -> CountingHasher:
    return CountingHasher(hasher)


@pytest.fixture
def counted(store: OpenStores, counting: CountingHasher) -> Iterator[Site]:
    """A site with a counting hasher, the active user alice and the inactive user bob."""
    open_blog = create_blog(store, hasher=counting)
    site = Site(create_app(open_blog), open_blog)
    site.add_member("alice")
    bob = site.add_member("bob")
    with open_blog() as blog:
        blog.users.update(Operator(), UserId(bob.id), is_active=False)
    counting.verified.clear()
    yield site
    site.close()


def log_in(site: Site, username: Any, password: Any, **sent: Any) -> Any:
    return site.ask("POST", "/api/login/", json={"username": username, "password": password}, **sent)


@on_both
def test_a_log_in_returns_a_token_and_nothing_more(site: Site, alice: Member) -> None:
    answer = log_in(site, "alice", PASSWORD)
    told = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert site.ask("GET", "/api/users/me/", token=told.pop("token")).status_code == 200
    assert told == {"expires_at": "2026-12-22T09:30:00.000000Z", "user": {"id": alice.id, "username": "alice"}}


def test_the_username_of_a_log_in_is_case_insensitive(site: Site, alice: Member) -> None:
    assert log_in(site, "ALICE", PASSWORD).json()["user"] == {"id": alice.id, "username": "alice"}


@on_both
def test_a_wrong_password_an_unknown_name_and_an_inactive_account_get_the_same_response(counted: Site) -> None:
    tries = [log_in(counted, *pair) for pair in (("alice", "wrong"), ("carol", PASSWORD), ("bob", PASSWORD))]
    for answer in tries:
        assert problem(answer, 401)["detail"] == "Unknown username, wrong password, or inactive account."
        assert answer.headers["www-authenticate"] == "Token"
    assert len({answer.content for answer in tries}) == 1
    assert len({tuple(answer.headers) for answer in tries}) == 1


def test_every_log_in_takes_the_time_of_exactly_one_verification(counted: Site, counting: CountingHasher) -> None:
    tries = [("alice", PASSWORD), ("alice", "wrong"), ("carol", PASSWORD), ("bob", PASSWORD), ("bob", "wrong")]
    for pair in tries:
        log_in(counted, *pair)
        assert len(counting.verified) == 1, pair
        counting.verified.clear()


def test_invalid_credentials_are_refused_before_hashing(counted: Site, counting: CountingHasher) -> None:
    assert invalid_fields(log_in(counted, "alice", "ж" * 513)) == ["password"]
    assert invalid_fields(log_in(counted, "x" * 151, "")) == ["username", "password"]
    assert counting.verified == []


def test_a_password_of_1024_bytes_is_verified(counted: Site, counting: CountingHasher) -> None:
    problem(log_in(counted, "alice", "ж" * 512), 401)
    assert len(counting.verified) == 1


def test_a_log_in_of_more_than_8_kib_is_too_large(site: Site) -> None:
    answer = site.ask("POST", "/api/login/", content=b'{"username": "alice"' + b" " * 8192 + b"}")
    problem(answer, 413)
    assert answer.headers["connection"] == "close"


def test_the_longest_username_and_password_fit_in_a_log_in_when_escaped(site: Site) -> None:
    escaped = json.dumps({"username": "a" * 150, "password": "p" * 1024}).replace("a" * 150, "\\u0061" * 150)
    escaped = escaped.replace("p" * 1024, "\\u0070" * 1024)
    answer = site.ask("POST", "/api/login/", content=escaped, headers={"Content-Type": "application/json"})
    problem(answer, 401)


def test_a_password_is_compared_to_the_last_character(site: Site, alice: Member) -> None:
    for other in (f" {PASSWORD}", f"{PASSWORD} ", f"{PASSWORD}\0", f"{PASSWORD}x", PASSWORD[:-1], PASSWORD.upper()):
        problem(log_in(site, "alice", other), 401)


def test_a_password_is_neither_truncated_nor_case_folded(site: Site) -> None:
    long = "Ä long, long password with ünusual lettérs and spaces that goes on for more than 72 bytes in UTF-8"
    with site.open_blog() as blog:
        blog.users.add(Operator(), "alice", long)
    assert log_in(site, "alice", long).status_code == 200
    for other in (long.encode()[:72].decode(), long.lower(), long.upper(), long.replace("Ä", "A")):
        problem(log_in(site, "alice", other), 401)
    assert log_in(site, "alice", long.replace("Ä", "A\u0308")).status_code == 200  # the same character


@pytest.mark.parametrize(
    "password",
    [
        "  spaces   within   and after  ",
        "🦊🐺🐻🐼 🐴🔋📎✅ 🦊🐴🔋🐼📎✅🐺🐻",
        "пароль из многих слов",
        "a novel " * 20 + "of many words",
    ],
)
def test_any_characters_make_a_password(site: Site, password: str) -> None:
    with site.open_blog() as blog:
        blog.users.add(Operator(), "carol", password)
    assert log_in(site, "carol", password).status_code == 200


def test_a_value_that_is_not_a_string_does_not_log_in(site: Site, alice: Member) -> None:
    for wrong in (["alice"], {"a": 1}, True, None, 1, 1.5):
        assert invalid_fields(log_in(site, wrong, PASSWORD)) == ["username"]
        assert invalid_fields(log_in(site, "alice", wrong)) == ["password"]
        assert invalid_fields(log_in(site, wrong, wrong)) == ["username", "password"]


def test_a_log_in_lists_all_missing_and_unknown_members(site: Site) -> None:
    answer = site.ask("POST", "/api/login/", json={"user": "alice", "admin": True})
    assert invalid_fields(answer) == ["user", "admin", "username", "password"]


HOSTILE = [
    "",
    " ",
    "alice ",
    "al\0ice",
    "alice\n",
    "a" * 7_000,
    "\u202ealice",
    "\u0430lice",
    "' OR 1=1 --",
    "{0.__class__}",
    "%s%n",
    "${jndi:x}",
    "\ud800",
]


def test_an_invalid_username_is_refused_and_not_repeated(site: Site) -> None:
    for username in HOSTILE:
        content = json.dumps({"username": username, "password": PASSWORD})
        answer = site.ask("POST", "/api/login/", content=content, headers={"Content-Type": "application/json"})
        assert invalid_fields(answer) == ["username"], username
        assert not username.strip() or username.encode(errors="replace") not in answer.content


def test_credentials_are_read_from_the_body_only(site: Site, alice: Member) -> None:
    query = {"username": "alice", "password": PASSWORD}
    answer = site.ask("GET", "/api/login/", params=query)
    problem(answer, 405)
    assert answer.headers["allow"] == "OPTIONS, POST"
    assert invalid_fields(site.ask("POST", "/api/login/", params=query, json=query)) == ["username", "password"]
    problem(site.ask("POST", "/api/login/", auth=("alice", PASSWORD)), 415)


def test_a_log_in_ignores_a_token(site: Site, alice: Member) -> None:
    assert log_in(site, "alice", PASSWORD, token="of another time").status_code == 200


@on_both
def test_a_hash_with_old_parameters_is_valid_and_renewed_at_log_in(
    store: OpenStores, clock: StoppedClock, alice: Member
) -> None:
    def kept() -> str:
        with store() as stores:
            credentials = stores.users.find("alice")
        assert credentials is not None
        return credentials.password_hash

    new = create_blog(store, hasher=Argon2PasswordHasher(memory=16, iterations=2), now=clock)
    site = Site(create_app(new), new)
    old = kept()
    problem(log_in(site, "alice", "wrong"), 401)
    assert kept() == old
    assert log_in(site, "alice", PASSWORD).status_code == 200
    assert kept().startswith("$argon2id$v=19$m=16,t=2,p=1$")
    assert log_in(site, "alice", PASSWORD).status_code == 200
    site.close()


def test_the_default_hash_is_an_expensive_argon2id(store: OpenStores) -> None:
    with create_blog(store)() as blog:
        blog.users.add(Operator(), "alice", PASSWORD)
    with store() as stores:
        kept = stores.users.find("alice")
    assert kept is not None
    assert re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}", kept.password_hash)


def test_a_password_changed_during_a_log_in_is_not_overwritten(
    store: OpenStores, hasher: PasswordHasher, open_blog: OpenBlog, alice: Member
) -> None:
    changed = hasher.hash("another battery staple horse")

    class Overtaken(CountingHasher):
        def verify(self, password_hash: str, password: str) -> bool:
            if not self.verified:
                with store() as stores:
                    current = stores.users.find("alice")
                    assert current is not None
                    stores.users.save(replace(current, password_hash=changed))
            return super().verify(password_hash, password)

    open_overtaken = create_blog(store, hasher=Overtaken(hasher))
    site = Site(create_app(open_overtaken), open_overtaken)
    problem(log_in(site, "alice", PASSWORD), 401)
    assert log_in(site, "alice", "another battery staple horse").status_code == 200
    site.close()
