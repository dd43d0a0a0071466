"""SQLite: durability, locks, files and damaged databases."""

import multiprocessing
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.adapters.sql.engine.sqlite_file import SqliteFile
from blog.adapters.sql.engine.unit_of_work import SqlUnitOfWork
from blog.adapters.sql.schema.tables import STORED_TABLES, metadata
from blog.adapters.sql.search.fts5 import Fts5PostIndex
from blog.adapters.sql.search.marks import author_mark
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.tokens import InvalidToken, Token
from blog.domain.accounts.user import User, UsernameTaken
from blog.domain.blog import ConcurrencyConflict, OpenBlog
from blog.domain.errors import Unavailable
from blog.domain.posts.pagination import SortOrder
from blog.domain.shared import UserId
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import EVERYBODY, EVERYTHING, as_member

PASSWORD = "correct horse battery staple"
NOON = FrozenClock()()


@pytest.fixture
def store(sqlite: SqlStore) -> SqlStore:
    return sqlite


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("journal_mode", "wal"),
        ("busy_timeout", 200),
        ("temp_store", 2),
        ("cache_size", -8000),
    ],
)
def test_every_connection_has_the_pragmas_for_durability(store: SqlStore, pragma: str, value: object) -> None:
    with SqlUnitOfWork(store._pool) as one, SqlUnitOfWork(store._pool) as other:
        assert [each._run(f"PRAGMA {pragma}", long_text_columns=()) for each in (one, other)] == [[(value,)]] * 2


def test_committed_data_outlives_the_store(file: Path, store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = blog.users.add(Operator(), "ann", PASSWORD)
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
    store.close()
    again = SqlStore(f"sqlite:///{file}")
    again.migrate()
    with again() as stores:
        assert stores.users.get(ann.id) == ann
        assert stores.posts.get(EVERYTHING, post.id) == post
    again.close()


def test_a_user_deleted_by_hand_leaves_no_token_and_no_reusable_id(
    file: Path, store: SqlStore, open_blog: OpenBlog
) -> None:
    with open_blog() as blog:
        gone = blog.users.add(Operator(), "gone", PASSWORD)
        issued = blog.tokens.issue(gone)
    with sqlite3.connect(file) as connection:  # as an operator would, without the pragma that cascades
        connection.execute("DELETE FROM users WHERE id = ?", (gone.id,))
    connection.close()
    with open_blog() as blog:
        heir = blog.users.add(Operator(), "heir", PASSWORD)
        assert heir.id > gone.id
        with pytest.raises(InvalidToken):
            blog.tokens.authenticate(issued.secret)


@pytest.mark.parametrize("table", [table.name for table in STORED_TABLES])
def test_no_table_reuses_an_id(file: Path, store: SqlStore, table: str) -> None:
    with sqlite3.connect(file) as connection:
        (made_by,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    connection.close()
    assert "AUTOINCREMENT" in made_by


def test_the_error_of_a_statement_shows_no_parameters(store: SqlStore) -> None:
    user, secret = User(username="ann", created_at=NOON), "a hash that nobody reads in logs"
    with store() as stores:
        stores.users.add(user, secret)
    with pytest.raises(UsernameTaken) as refusal, store() as stores:
        stores.users.add(user, secret)
    error = f"{refusal.value.__cause__!r} {refusal.value.__cause__}"
    assert "INSERT INTO users" in error
    assert secret not in error


def test_a_deleted_post_leaves_no_word_in_the_files(
    file: Path, store: SqlStore, open_blog: OpenBlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fts5PostIndex, "max_pending", 3)
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        gone = [blog.posts.create(ann, title=f"Soon gone {number}", body="as all of them") for number in range(2)]
        kept = blog.posts.create(ann, title="To be said", body="and kept")
        for post in gone:
            blog.posts.delete(ann, post.id)
        blog.posts.update(ann, kept.id, title="Said")
    with sqlite3.connect(file) as connection:
        words = [
            connection.execute(f"SELECT rowid, title FROM {table}").fetchall()
            for table in ("post_words", "post_titles", "pending_posts")
        ]
    connection.close()
    said = (kept.id, f" said {author_mark(ann.user_id)} ")
    assert words == [[said], [said], []]


def test_a_token_without_a_user_is_not_stored(store: SqlStore) -> None:
    with pytest.raises(ConcurrencyConflict), store() as stores:  # as if the user had been deleted meanwhile
        stores.tokens.add(Token(user_id=UserId(99), digest=bytes(32), created_at=NOON, expires_at=NOON))


@pytest.fixture
def short_timeout_blog(file: Path, store: SqlStore) -> Iterator[OpenBlog]:
    """The same database, with a timeout of zero."""
    hasty = SqlStore(f"sqlite:///{file}", connections=1, timeout=0)
    yield create_blog(hasty, hasher=Argon2PasswordHasher(memory=8, iterations=1))
    hasty.close()


def test_a_lock_of_another_process_makes_only_writes_unavailable(file: Path, short_timeout_blog: OpenBlog) -> None:
    foreign = sqlite3.connect(file, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable), short_timeout_blog() as blog:
        blog.users.add(Operator(), "ann", PASSWORD)
    with short_timeout_blog() as blog:
        assert list(blog.users.page(Operator())) == []
    foreign.execute("ROLLBACK")
    foreign.close()
    with short_timeout_blog() as blog:
        ann = blog.users.add(Operator(), "ann", PASSWORD)
        assert list(blog.users.page(Operator())) == [ann]


def test_more_units_than_connections_get_unavailable(short_timeout_blog: OpenBlog) -> None:
    with short_timeout_blog() as blog:
        blog.posts.page()
        with pytest.raises(Unavailable), short_timeout_blog() as another:
            another.posts.page()
    with short_timeout_blog() as blog:
        assert list(blog.posts.page().posts) == []


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda path: path.mkdir(), "{path} is a folder, and must be a file"),
        (lambda path: path.write_text("my diary"), "{path} is something else than a database"),
        (lambda path: path.parent.rmdir(), "the folder {path.parent} does not exist"),
    ],
)
def test_an_invalid_database_url_is_reported_before_it_is_opened(
    tmp_path: Path, make: Callable[[Path], object], fault: str
) -> None:
    path = tmp_path / "folder" / "taken"
    path.parent.mkdir()
    make(path)
    with pytest.raises(ValueError, match=re.escape(fault.format(path=path)) + "$"):
        SqlStore(f"sqlite:///{path}")


def test_a_damaged_database_is_unavailable(file: Path, store: SqlStore) -> None:
    store.close()
    file.write_bytes(file.read_bytes()[:100] + b"damage" * 1000)
    with pytest.raises(Unavailable, match=r"damaged|not a database"), store() as stores:
        stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=1)


def create_tables(path: str) -> None:
    store = SqlStore(f"sqlite:///{path}")
    store.migrate()
    store.close()


@pytest.mark.parametrize(
    "pool",
    [
        lambda: ThreadPoolExecutor(6),
        lambda: ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")),
    ],
    ids=["threads", "processes"],
)
def test_concurrent_processes_create_the_tables_once(
    file: Path, pool: Callable[[], ThreadPoolExecutor | ProcessPoolExecutor]
) -> None:
    with pool() as makers:
        list(makers.map(create_tables, [str(file)] * 8))
    engine = create_engine(f"sqlite:///{file}")
    assert {"alembic_version", "post_words", *metadata.tables} <= set(inspect(engine).get_table_names())
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    engine.dispose()


def test_the_tables_are_created_when_the_lock_of_another_process_is_released(file: Path) -> None:
    foreign = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    foreign.execute("BEGIN IMMEDIATE")  # to which SQLite answers at once, without waiting
    with ThreadPoolExecutor() as beside:
        later = beside.submit(create_tables, str(file))
        assert wait([later], timeout=0.2).not_done
        foreign.execute("ROLLBACK")
        later.result(timeout=60)
    assert foreign.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    foreign.close()


OPEN_AND_CLOSE = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM users'); c.close()"


@pytest.mark.parametrize(
    "look",
    [
        lambda _, file: SqlStore(file).close(),
        lambda store, _: store.engine.connect().close(),
        lambda _, file: SqliteFile(file).create(),
        lambda _, file: SqliteFile(file).path_error(),
        lambda _, file: SqliteFile(file).cause(_cannot_open()),
        lambda store, file: store.back_up(file.with_name("copy")),
    ],
    ids=["another store", "another connection", "create", "fault", "cause", "back up"],
)
def test_no_code_drops_the_locks_that_protect_the_wal(
    file: Path, sqlite: SqlStore, look: Callable[[SqlStore, Path], object]
) -> None:
    """The last process to close a database deletes its WAL: another process must see that this one has it open."""
    with sqlite() as stores:
        stores.attempts.lock("somebody", "somewhere")
        look(sqlite, file)
        subprocess.run([sys.executable, "-c", OPEN_AND_CLOSE, str(file)], check=True, timeout=60)
        assert file.with_name("blog.db-wal").exists()
        assert file.with_name("blog.db-shm").exists()


def _cannot_open() -> sqlite3.Error:
    with pytest.raises(sqlite3.OperationalError) as error:
        sqlite3.connect("file:/nowhere/at/all?mode=ro", uri=True)
    return error.value
