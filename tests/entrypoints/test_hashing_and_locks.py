"""No password is hashed or verified while a unit of work holds the write lock of SQLite: writers would wait for it."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.database import empty_store
from tests.entrypoints.blocking_blogs import authorization, run_requests

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.invitations import Registration
from blog.domain.accounts.login import change_password, log_in, register
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import BlogConfig, OpenBlog
from blog.entrypoints.cli.commands import demo

OLD, NEW = "correct horse battery staple", "another horse on its batteries"


class LockProbe:
    """A hasher that records for each use whether another connection could write."""

    def __init__(self, file: Path, hasher: PasswordHasher) -> None:
        self._file, self._hasher = file, hasher
        self.hashed: list[bool] = []
        self.verified: list[bool] = []
        self.during_verification: Callable[[], object] = lambda: None

    def hash(self, password: str) -> str:
        self.hashed.append(self._could_write())
        return self._hasher.hash(password)

    def verify(self, password_hash: str, password: str) -> bool:
        self.verified.append(self._could_write())
        happen, self.during_verification = self.during_verification, lambda: None
        happen()
        return self._hasher.verify(password_hash, password)

    def is_outdated(self, password_hash: str) -> bool:
        return self._hasher.is_outdated(password_hash)

    @property
    def decoy(self) -> str:
        return self._hasher.decoy

    def assert_no_lock_held(self, *, hashed: int, verified: int) -> None:
        """Check the number of uses, and that none was under the write lock."""
        assert (self.hashed, self.verified) == ([True] * hashed, [True] * verified)

    def _could_write(self) -> bool:
        connection = sqlite3.connect(self._file, timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        else:
            return True
        finally:
            connection.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = empty_store(tmp_path / "blog.db")
    yield store
    store.close()


@pytest.fixture
def probe(tmp_path: Path) -> LockProbe:
    return LockProbe(tmp_path / "blog.db", Argon2PasswordHasher(memory=16, iterations=1))


@pytest.fixture
def open_blog(store: SqlStore, probe: LockProbe) -> OpenBlog:
    return create_blog(store, hasher=probe, config=BlogConfig(registration=Registration.OPEN))


@pytest.fixture
def weaker_blog(store: SqlStore) -> OpenBlog:
    """The same blog with a cheaper hasher, and the administrator Ann."""
    weaker = create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1))
    with weaker() as blog:
        blog.users.add(Operator(), "ann", OLD, is_admin=True)
    return weaker


def used_token(open_blog: OpenBlog) -> str:
    """Return a token of Ann's whose use is recorded: otherwise the record would be a write beside the request."""
    token = log_in(open_blog, "ann", OLD)[1].secret
    with open_blog() as blog:
        blog.tokens.touch(blog.tokens.authenticate(token))
    return token


def test_a_log_in_that_renews_a_hash_holds_no_lock_while_it_hashes(
    open_blog: OpenBlog, weaker_blog: OpenBlog, probe: LockProbe
) -> None:
    log_in(open_blog, "ann", OLD)
    log_in(open_blog, "ann", OLD)
    probe.assert_no_lock_held(hashed=1, verified=2)


def test_a_log_in_during_which_the_hash_changes_verifies_the_new_hash_without_a_lock(
    open_blog: OpenBlog, weaker_blog: OpenBlog, probe: LockProbe
) -> None:
    def renew() -> None:
        with weaker_blog() as blog:
            blog.users.update(Operator(), blog.users.get_by_username(Operator(), "ann").id, password=OLD)

    probe.during_verification = renew
    assert log_in(open_blog, "ann", OLD)[0].username == "ann"
    probe.assert_no_lock_held(hashed=2, verified=2)


def test_a_change_of_password_holds_no_lock_while_it_hashes(
    open_blog: OpenBlog, weaker_blog: OpenBlog, probe: LockProbe
) -> None:
    secret = log_in(weaker_blog, "ann", OLD)[1].secret
    change_password(open_blog, secret, OLD, NEW)
    probe.assert_no_lock_held(hashed=1, verified=1)
    assert log_in(open_blog, "ann", NEW)[0].username == "ann"


def test_registration_and_administration_hold_no_lock_while_they_hash(
    open_blog: OpenBlog, weaker_blog: OpenBlog, probe: LockProbe, store: SqlStore
) -> None:
    register(open_blog, "bob", OLD)
    with weaker_blog() as blog:
        code = blog.invitations.create(Operator()).code
    inviting = create_blog(store, hasher=probe, config=BlogConfig(registration=Registration.INVITE))
    register(inviting, "cleo", OLD, invitation=code)
    with open_blog() as blog:
        user = blog.users.add(Operator(), "dan", OLD)
    with open_blog() as blog:
        blog.users.update(Operator(), user.id, password=NEW, is_active=False)
    probe.assert_no_lock_held(hashed=4, verified=0)


def test_the_demo_holds_no_lock_while_it_hashes(open_blog: OpenBlog, probe: LockProbe) -> None:
    with open_blog() as blog:
        demo._fill(blog, {"alice": OLD, "bob": NEW})
    probe.assert_no_lock_held(hashed=2, verified=0)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "7"}], ids=["no key", "key"])
def test_creating_an_account_over_http_holds_no_lock_while_it_hashes(
    open_blog: OpenBlog, weaker_blog: OpenBlog, probe: LockProbe, headers: dict[str, str]
) -> None:
    token = used_token(weaker_blog)

    async def ask(client: httpx.AsyncClient) -> list[int]:
        said = {"username": "bob", "password": OLD}
        made = await client.post("/api/users/", json=said, headers=authorization(token) | headers)
        changed = await client.patch(made.headers["location"], json={"password": NEW}, headers=authorization(token))
        return [made.status_code, changed.status_code]

    assert run_requests(open_blog, ask) == [201, 200]
    probe.assert_no_lock_held(hashed=2, verified=0)


@pytest.mark.parametrize(
    "said", [{"username": "bob"}, {"username": "bob", "password": "short"}, {"username": "", "password": OLD}]
)
def test_a_refused_account_is_not_hashed_with_or_without_a_key(
    open_blog: OpenBlog,
    weaker_blog: OpenBlog,
    probe: LockProbe,
    said: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token, hardened = used_token(weaker_blog), list[bytes]()

    def harden(run_requests: bytes, _key: str) -> bytes:
        hardened.append(run_requests)
        return run_requests

    monkeypatch.setattr("blog.entrypoints.http.parsing.idempotency_key._stretch", harden)

    async def ask(client: httpx.AsyncClient) -> list[int]:
        keys: list[dict[str, str]] = [{}, {"Idempotency-Key": "7"}]
        return [
            (await client.post("/api/users/", json=said, headers=authorization(token) | key)).status_code
            for key in keys
        ]

    assert run_requests(open_blog, ask) == [400, 400]
    assert hardened == []
    probe.assert_no_lock_held(hashed=0, verified=0)


def test_a_malformed_key_is_refused_before_the_password_is_hashed(
    open_blog: OpenBlog, weaker_blog: OpenBlog, probe: LockProbe
) -> None:
    token = used_token(weaker_blog)

    async def ask(client: httpx.AsyncClient) -> int:
        said = {"username": "bob", "password": OLD}
        headers = authorization(token) | {"Idempotency-Key": "x" * 256}
        return (await client.post("/api/users/", json=said, headers=headers)).status_code

    assert run_requests(open_blog, ask) == 400
    probe.assert_no_lock_held(hashed=0, verified=0)
