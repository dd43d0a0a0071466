"""SQLite keeps every contract, and what an operator relies on beside them."""

import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.adapters.sql import engine as sql_engine
from blog.contracts import (
    OpenBlogContract,
    PostRepositoryContract,
    StandingClock,
    TokenStoreContract,
    UnitPerCall,
    UserRepositoryContract,
)
from blog.domain.accounts import Operator, User, UsernameTaken
from blog.domain.blog import OpenBlog, OpenStores, Stores
from blog.domain.errors import Unavailable
from blog.domain.ids import UserId
from blog.domain.tokens import InvalidToken, Token, TokenStore
from blog.wiring import blog_on

PASSWORD = "correct horse battery staple"
NOON = StandingClock()()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "blog.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqlStore]:
    store = SqlStore(f"sqlite:///{file}")
    store.create_tables()
    yield store
    store.close()


@pytest.fixture
def open_blog(store: SqlStore) -> OpenBlog:
    return blog_on(store, hasher=Argon2PasswordHasher(memory=8, iterations=1))


class TestSqlUserRepository(UserRepositoryContract):
    @pytest.fixture
    def open_stores(self, store: SqlStore) -> OpenStores:
        return store


class TestSqlPostRepository(PostRepositoryContract):
    @pytest.fixture
    def open_stores(self, store: SqlStore) -> OpenStores:
        return store


class TestSqlTokenStore(TokenStoreContract):
    @pytest.fixture
    def tokens(self, store: SqlStore) -> TokenStore:
        return UnitPerCall(store)

    @pytest.fixture
    def holders(self, store: SqlStore) -> tuple[UserId, UserId]:
        with store() as stores:
            return two_users(stores)


class TestSqlTokenStoreWithinOneUnit(TokenStoreContract):
    @pytest.fixture
    def stores(self, store: SqlStore) -> Iterator[Stores]:
        with store() as stores:
            yield stores

    @pytest.fixture
    def tokens(self, stores: Stores) -> TokenStore:
        return stores.tokens

    @pytest.fixture
    def holders(self, stores: Stores) -> tuple[UserId, UserId]:
        return two_users(stores)


class TestBlogInSqlite(OpenBlogContract):
    @pytest.fixture
    def open_blog(self, open_blog: OpenBlog) -> OpenBlog:
        return open_blog


def two_users(stores: Stores) -> tuple[UserId, UserId]:
    ann, bob = (stores.users.add(User(username=name, created_at=NOON), "hash") for name in ("ann", "bob"))
    return ann.id, bob.id


@pytest.mark.parametrize(
    ("pragma", "value"), [("synchronous", 2), ("foreign_keys", 1), ("journal_mode", "wal"), ("busy_timeout", 5000)]
)
def test_every_connection_is_set_up_to_keep_what_is_promised(store: SqlStore, pragma: str, value: object) -> None:
    with store._engine.connect() as one, store._engine.connect() as other:
        assert [each.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() for each in (one, other)] == [value] * 2


def test_what_is_kept_outlives_the_store(file: Path, store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = blog.accounts.add(Operator(), "ann", PASSWORD)
        post = blog.posts.create(ann, title="Hello", body="World")
    store.close()
    again = SqlStore(f"sqlite:///{file}")
    again.create_tables()
    with again() as stores:
        assert stores.users.get(ann.id) == ann
        assert stores.posts.get(post.id) == post
    again.close()


def test_a_user_deleted_by_hand_leaves_no_token_and_no_number(file: Path, store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        gone = blog.accounts.add(Operator(), "gone", PASSWORD)
        _, issued = blog.accounts.log_in("gone", PASSWORD)
    with sqlite3.connect(file) as connection:  # as an operator would, without the pragma that cascades
        connection.execute("DELETE FROM users WHERE id = ?", (gone.id,))
    connection.close()
    with open_blog() as blog:
        heir = blog.accounts.add(Operator(), "heir", PASSWORD)
        assert heir.id > gone.id
        with pytest.raises(InvalidToken):
            blog.accounts.authenticate(issued.secret)


@pytest.mark.parametrize("table", ["users", "tokens", "posts"])
def test_no_table_uses_a_number_twice(file: Path, store: SqlStore, table: str) -> None:
    with sqlite3.connect(file) as connection:
        (made_by,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    connection.close()
    assert "AUTOINCREMENT" in made_by


def test_a_failing_statement_tells_nothing_of_what_it_was_given(store: SqlStore) -> None:
    user, secret = User(username="ann", created_at=NOON), "a hash that nobody reads in logs"
    with store() as stores:
        stores.users.add(user, secret)
    with pytest.raises(UsernameTaken) as refusal, store() as stores:
        stores.users.add(user, secret)
    told = f"{refusal.value.__cause__!r} {refusal.value.__cause__}"
    assert "INSERT INTO users" in told
    assert secret not in told


def test_a_token_of_nobody_is_not_kept(store: SqlStore) -> None:
    with pytest.raises(IntegrityError), store() as stores:
        stores.tokens.add(Token(user_id=UserId(99), digest=bytes(32), created_at=NOON, expires_at=NOON))


@pytest.fixture
def impatient(file: Path, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenBlog]:
    """The same database, opened by somebody who waits for nobody."""
    monkeypatch.setattr(sql_engine, "PATIENCE", 0.05)
    hasty = SqlStore(f"sqlite:///{file}", connections=1)
    yield blog_on(hasty, hasher=Argon2PasswordHasher(memory=8, iterations=1))
    hasty.close()


def test_a_foreign_lock_makes_the_blog_unavailable_to_writers_only(file: Path, impatient: OpenBlog) -> None:
    foreign = sqlite3.connect(file, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable), impatient() as blog:
        blog.accounts.add(Operator(), "ann", PASSWORD)
    with impatient() as blog:
        assert list(blog.accounts.page(Operator())) == []
    foreign.execute("ROLLBACK")
    foreign.close()
    with impatient() as blog:
        ann = blog.accounts.add(Operator(), "ann", PASSWORD)
        assert list(blog.accounts.page(Operator())) == [ann]


def test_more_units_than_connections_are_told_to_come_back(impatient: OpenBlog) -> None:
    with impatient() as blog:
        blog.posts.newest()
        with pytest.raises(Unavailable), impatient() as another:
            another.posts.newest()
    with impatient() as blog:
        assert list(blog.posts.newest().posts) == []


@pytest.mark.parametrize("content", [b"this is no database, but long enough to be taken for one" * 20, None])
def test_a_file_that_cannot_be_opened_makes_the_blog_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    path = tmp_path / "taken"
    path.mkdir() if content is None else path.write_bytes(content)
    monkeypatch.setattr("blog.adapters.sql.store.PATIENCE", 0.05)
    store = SqlStore(f"sqlite:///{path}")
    with pytest.raises(Unavailable):
        store.create_tables()
    store.close()


def test_many_writers_beside_log_ins_lose_nothing(open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = blog.accounts.add(Operator(), "ann", PASSWORD)
        _, issued = blog.accounts.log_in("ann", PASSWORD)
        post = blog.posts.create(ann, title="Counted", body="0")

    def read_then_write(_: int) -> None:
        with open_blog() as blog:
            actor = blog.accounts.authenticate(issued.secret)
            number = int(blog.posts.get_for_change(actor, post.id).body)
            blog.posts.update(actor, post.id, body=str(number + 1))

    def log_in(_: int) -> str:
        with open_blog() as blog:
            return blog.accounts.log_in("ann", PASSWORD)[1].secret

    with ThreadPoolExecutor(6) as writers, ThreadPoolExecutor(2) as visitors:
        done, secrets = writers.map(read_then_write, range(150)), visitors.map(log_in, range(40))
        assert len(list(done)) == 150
        logged_in = set(secrets)
    with open_blog() as blog:
        counted = blog.posts.get(post.id)
        assert (counted.body, counted.version) == ("150", 151)
        assert [blog.accounts.authenticate(secret) for secret in logged_in] == [ann] * 40


def make_tables(path: str) -> None:
    store = SqlStore(f"sqlite:///{path}")
    store.create_tables()
    store.close()


@pytest.mark.parametrize(
    "pool",
    [
        lambda: ThreadPoolExecutor(6),
        lambda: ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")),
    ],
    ids=["threads", "processes"],
)
def test_whoever_comes_first_makes_the_tables(
    file: Path, pool: Callable[[], ThreadPoolExecutor | ProcessPoolExecutor]
) -> None:
    with pool() as makers:
        list(makers.map(make_tables, [str(file)] * 8))
    engine = create_engine(f"sqlite:///{file}")
    assert set(inspect(engine).get_table_names()) == {"users", "tokens", "posts"}
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    engine.dispose()


def test_the_tables_are_made_when_a_foreign_lock_is_gone(file: Path) -> None:
    foreign = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    foreign.execute("BEGIN IMMEDIATE")  # to which SQLite answers at once, without waiting
    with ThreadPoolExecutor() as beside:
        later = beside.submit(make_tables, str(file))
        assert wait([later], timeout=0.2).not_done
        foreign.execute("ROLLBACK")
        later.result(timeout=10)
    assert foreign.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    foreign.close()
