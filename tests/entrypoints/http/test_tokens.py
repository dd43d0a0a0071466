"""Authentication by token."""

import re
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

import pytest
from tests.entrypoints.http.clients import PASSWORD, Member, Site, StoppedClock, problem

from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.tokens import TOKEN_PATTERN
from blog.domain.blog import OpenStores, Stores
from blog.domain.shared import UserId
from blog.entrypoints.http import create_app

on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
LOGIN = {"username": "alice", "password": PASSWORD}
ME = "/api/users/me/"


def refused(site: Site, shown: str | bytes, path: str = ME, detail: str = "The token is not valid.") -> None:
    """Check that the header is refused with 401 and a WWW-Authenticate header."""
    answer = site.ask("GET", path, headers=[("Authorization", shown)])
    assert problem(answer, 401)["detail"] == detail
    assert answer.headers["www-authenticate"] == "Token"


@on_both
def test_each_log_in_returns_a_new_token(site: Site, alice: Member) -> None:
    tokens = {site.ask("POST", "/api/login/", json=LOGIN).json()["token"] for _ in range(5)}
    assert len(tokens | {alice.token}) == 6
    for token in tokens:
        assert site.ask("GET", ME, token=token).json() == {"id": alice.id, "username": "alice", "is_admin": False}


def test_a_token_is_prefix_40_random_characters_and_their_checksum(alice: Member) -> None:
    alphabet = digits + ascii_uppercase + ascii_lowercase
    body, checksum = alice.token[5:45], alice.token[45:]
    value = sum(alphabet.index(digit) * 62**place for place, digit in enumerate(reversed(checksum)))
    assert re.fullmatch(TOKEN_PATTERN, alice.token)
    assert value == zlib.crc32(body.encode())


@on_sqlite
def test_a_token_is_nowhere_in_the_database(database: Path, alice: Member) -> None:
    alice.create_post()
    kept = b"".join(file.read_bytes() for file in database.parent.iterdir())
    assert b"alice" in kept
    assert alice.token.encode() not in kept
    assert alice.token[5:45].encode() not in kept
    assert PASSWORD.encode() not in kept


def test_the_scheme_is_token_or_bearer_in_any_case(site: Site, alice: Member) -> None:
    for scheme in ("Token", "token", "tOKEN", "Bearer", "bearer", "BEARER"):
        assert site.ask("GET", ME, headers={"Authorization": f"{scheme} {alice.token}"}).status_code == 200


MALFORMED = ["Token", "Token ", "Token x", "Token  {}", "Token {} x", "Token {}x", "Token " + "x" * 8192]
MALFORMED += ["Token \xff\xfe", "Token x{}", 'Token "{}"', "Bearer undefined", "bearer null"]
NO_SCHEME = ["", " ", "{}", "{} ", "{} x", "BLOG_x y", "Token,{}", "Token\t{}", "Tökén {}", "Basic", "Negotiate", "x"]
FOREIGN = [
    "Basic YTpi",
    "basic {}",
    "Digest username=x, realm=y",
    "Negotiate YII=",
    "AWS4-HMAC-SHA256 Credential=x",
    "JWT a.b.c",
]
SCHEME = "The scheme must be Token or Bearer, as in: Authorization: Token blog_..."


@pytest.mark.parametrize("path", [ME, "/api/posts/", "/api/posts/1/"])
def test_an_invalid_token_is_refused_on_public_routes_too(site: Site, alice: Member, path: str) -> None:
    for malformed in MALFORMED:
        refused(site, malformed.replace("{}", alice.token).encode("latin-1"), path)
    for malformed in NO_SCHEME:
        refused(site, malformed.replace("{}", alice.token).encode("latin-1"), path, SCHEME)


def test_credentials_of_another_scheme_are_ignored_on_public_routes(site: Site, alice: Member) -> None:
    post = alice.create_post()
    for foreign in FOREIGN:
        shown = {"Authorization": foreign.replace("{}", alice.token)}
        for path in ("/api/posts/", "/api/posts/?q=title", f"/api/posts/{post['id']}/?include=permissions"):
            answer = site.ask("GET", path, headers=shown)
            assert (answer.status_code, answer.json()) == (200, site.ask("GET", path).json())
            assert answer.headers["cache-control"] == "private, no-store"
        refused(site, shown["Authorization"], ME, SCHEME)
        told = problem(site.ask("POST", "/api/posts/", json={"title": "A", "body": "B"}, headers=shown), 401)
        assert told["detail"] == SCHEME


def test_a_token_with_a_wrong_checksum_is_refused_without_reading_the_store(
    store: OpenStores, hasher: PasswordHasher
) -> None:
    asked = []

    class Watched:
        def __init__(self, tokens: Any) -> None:
            self._tokens = tokens

        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            return getattr(self._tokens, name)

    @contextmanager
    def watched() -> Iterator[Stores]:
        with store() as stores:
            yield replace(stores, tokens=Watched(stores.tokens))

    open_blog = create_blog(watched, hasher=hasher)
    site = Site(create_app(open_blog), open_blog)
    alice = site.add_member("alice")
    with open_blog() as blog:
        blog.tokens.touch(blog.tokens.authenticate(alice.token))  # or it would be noted in the background
    asked.clear()
    assert alice.ask("GET", ME).status_code == 200
    assert asked == ["find_with_user"]
    last = "0" if alice.token[-1] != "0" else "1"
    refused(site, f"Token {alice.token[:-1]}{last}")
    assert asked == ["find_with_user"]
    site.close()


def test_two_tokens_are_refused(site: Site, alice: Member) -> None:
    answer = site.ask("GET", ME, headers=[("Authorization", f"Token {alice.token}")] * 2)
    problem(answer, 401)


def test_a_token_is_read_from_the_authorization_header_only(site: Site, alice: Member) -> None:
    post = {"title": "A title", "body": "A body"}
    elsewhere: list[dict[str, Any]] = [
        {"params": {"token": alice.token}},
        {"params": {"access_token": alice.token}},
        {"headers": {"Cookie": f"token={alice.token}; sessionid={alice.token}"}},
        {"headers": {"X-Authorization": f"Token {alice.token}", "X-Api-Key": alice.token}},
        {"headers": {"Proxy-Authorization": f"Token {alice.token}"}},
        {"json": {**post, "token": alice.token}},
    ]
    for sent in elsewhere:
        problem(site.ask("POST", "/api/posts/", **{"json": post, **sent}), 401)
    assert site.ask("GET", "/api/posts/").json()["results"] == []


@on_both
def test_log_out_revokes_this_token_and_no_other(site: Site, alice: Member) -> None:
    other = site.ask("POST", "/api/login/", json=LOGIN).json()["token"]
    answer = alice.ask("POST", "/api/logout/")
    assert (answer.status_code, answer.content) == (204, b"")
    problem(alice.ask("POST", "/api/logout/"), 401)
    problem(alice.ask("GET", ME), 401)
    problem(alice.ask("GET", "/api/posts/"), 401)
    assert site.ask("GET", ME, token=other).status_code == 200


@on_both
def test_a_token_expires_at_the_announced_time(site: Site, clock: StoppedClock, alice: Member) -> None:
    announced = site.ask("POST", "/api/login/", json=LOGIN).json()
    for _ in range(2):
        clock.advance(days=10)
        with site.open_blog() as blog:  # for one that nobody uses ends earlier
            blog.tokens.touch(blog.tokens.authenticate(announced["token"]))
    clock.advance(days=10, microseconds=-1)
    assert announced["expires_at"] == "2026-12-22T09:30:00.000000Z"
    assert site.ask("GET", ME, token=announced["token"]).status_code == 200
    clock.advance(microseconds=1)
    refused(site, f"Token {announced['token']}")


@on_both
def test_tokens_of_a_deactivated_account_are_revoked_for_good(site: Site, alice: Member) -> None:
    with site.open_blog() as blog:
        blog.users.update(Operator(), UserId(alice.id), is_active=False)
    refused(site, f"Token {alice.token}")
    with site.open_blog() as blog:
        blog.users.update(Operator(), UserId(alice.id), is_active=True)
    refused(site, f"Token {alice.token}")


@on_sqlite
@pytest.mark.parametrize("foreign_keys", ["ON", "OFF"])
def test_tokens_of_a_deleted_user_are_invalid_and_the_id_is_not_reused(
    site: Site, database: Path, bob: Member, foreign_keys: str
) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f"PRAGMA foreign_keys={foreign_keys}")
        connection.execute("DELETE FROM users WHERE id = ?", [bob.id])
    refused(site, f"Token {bob.token}")
    assert site.add_member("carol").id > bob.id
    refused(site, f"Token {bob.token}")
