"""The blog promises that…"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.entrypoints.http.visits import PASSWORD, Member, Site, StoppedClock, faulty, problem

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import OpenBlog, OpenStores
from blog.domain.shared import UserId
from blog.entrypoints.http import create_app

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


class CountingHasher:
    """A hasher that tells how often it verified, and what."""

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
    """A site whose hasher counts, with alice, who is active, and bob, who is not."""
    open_blog = create_blog(store, hasher=counting)
    site = Site(create_app(open_blog), open_blog)
    site.member("alice")
    bob = site.member("bob")
    with open_blog() as blog:
        blog.users.update(Operator(), UserId(bob.id), is_active=False)
    counting.verified.clear()
    yield site
    site.close()


def log_in(site: Site, username: Any, password: Any, **sent: Any) -> Any:
    return site.ask("POST", "/api/login/", json={"username": username, "password": password}, **sent)


@on_both
def test_name_and_password_open_the_account_and_nothing_more_is_told(site: Site, alice: Member) -> None:
    answer = log_in(site, "alice", PASSWORD)
    told = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert site.ask("GET", "/api/users/me/", token=told.pop("token")).status_code == 200
    assert told == {"expires_at": "2026-12-22T09:30:00.000000Z", "user": {"id": alice.id, "username": "alice"}}


def test_the_name_opens_the_account_in_any_case(site: Site, alice: Member) -> None:
    assert log_in(site, "ALICE", PASSWORD).json()["user"] == {"id": alice.id, "username": "alice"}


@on_both
def test_a_wrong_password_an_unknown_name_and_a_shut_account_are_answered_alike(counted: Site) -> None:
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


def test_what_no_account_can_have_is_refused_before_anything_is_hashed(counted: Site, counting: CountingHasher) -> None:
    assert faulty(log_in(counted, "alice", "ж" * 513)) == ["password"]
    assert faulty(log_in(counted, "x" * 151, "")) == ["username", "password"]
    assert counting.verified == []


def test_a_password_of_1024_bytes_is_looked_at(counted: Site, counting: CountingHasher) -> None:
    problem(log_in(counted, "alice", "ж" * 512), 401)
    assert len(counting.verified) == 1


def test_a_log_in_of_more_than_8_kib_is_refused_by_its_size(site: Site) -> None:
    answer = site.ask("POST", "/api/login/", content=b'{"username": "alice"' + b" " * 8192 + b"}")
    problem(answer, 413)
    assert answer.headers["connection"] == "close"


def test_the_longest_name_and_password_fit_in_a_log_in_however_they_are_escaped(site: Site) -> None:
    escaped = json.dumps({"username": "a" * 150, "password": "p" * 1024}).replace("a" * 150, "\\u0061" * 150)
    escaped = escaped.replace("p" * 1024, "\\u0070" * 1024)
    answer = site.ask("POST", "/api/login/", content=escaped, headers={"Content-Type": "application/json"})
    problem(answer, 401)


def test_a_password_is_compared_to_the_last_character(site: Site, alice: Member) -> None:
    for other in (f" {PASSWORD}", f"{PASSWORD} ", f"{PASSWORD}\0", f"{PASSWORD}x", PASSWORD[:-1], PASSWORD.upper()):
        problem(log_in(site, "alice", other), 401)


def test_no_password_is_cut_or_folded(site: Site) -> None:
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


def test_what_is_no_string_never_logs_in(site: Site, alice: Member) -> None:
    for wrong in (["alice"], {"a": 1}, True, None, 1, 1.5):
        assert faulty(log_in(site, wrong, PASSWORD)) == ["username"]
        assert faulty(log_in(site, "alice", wrong)) == ["password"]
        assert faulty(log_in(site, wrong, wrong)) == ["username", "password"]


def test_a_log_in_lists_everything_that_is_missing_or_not_known(site: Site) -> None:
    answer = site.ask("POST", "/api/login/", json={"user": "alice", "admin": True})
    assert faulty(answer) == ["user", "admin", "username", "password"]


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


def test_a_name_that_nobody_can_have_is_refused_and_not_repeated(site: Site) -> None:
    for username in HOSTILE:
        content = json.dumps({"username": username, "password": PASSWORD})
        answer = site.ask("POST", "/api/login/", content=content, headers={"Content-Type": "application/json"})
        assert faulty(answer) == ["username"], username
        assert not username.strip() or username.encode(errors="replace") not in answer.content


def test_credentials_are_taken_from_a_body_only(site: Site, alice: Member) -> None:
    query = {"username": "alice", "password": PASSWORD}
    answer = site.ask("GET", "/api/login/", params=query)
    problem(answer, 405)
    assert answer.headers["allow"] == "OPTIONS, POST"
    assert faulty(site.ask("POST", "/api/login/", params=query, json=query)) == ["username", "password"]
    problem(site.ask("POST", "/api/login/", auth=("alice", PASSWORD)), 415)


def test_a_token_is_not_looked_at_when_logging_in(site: Site, alice: Member) -> None:
    assert log_in(site, "alice", PASSWORD, token="of another time").status_code == 200


@on_both
def test_a_hash_made_by_old_parameters_is_good_and_renewed_by_the_next_log_in(
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


def test_unless_it_is_told_otherwise_it_keeps_a_hash_by_argon2id_that_is_dear_enough(store: OpenStores) -> None:
    with create_blog(store)() as blog:
        blog.users.add(Operator(), "alice", PASSWORD)
    with store() as stores:
        kept = stores.users.find("alice")
    assert kept is not None
    assert re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}", kept.password_hash)


def test_a_password_changed_while_the_old_one_is_checked_is_not_changed_back(
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
