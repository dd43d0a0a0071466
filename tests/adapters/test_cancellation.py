"""Cancellation stops a unit of work in every store, also within a statement, and harms no other unit."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Timer
from time import monotonic
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import select

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.adapters.sql.engine.interruption import Interruption
from blog.adapters.sql.engine.statement import ReadStatement
from blog.adapters.sql.engine.unit_of_work import SqlUnitOfWork
from blog.adapters.sql.schema.tables import users
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.blog import CancellableBlog, OpenStores
from blog.domain.cancellation import Cancellation, Cancelled
from blog.domain.search.query import SearchQuery
from blog.testing.contracts import CancellationContract
from blog.testing.contracts.fixtures import as_member

LONG = 60
PASSWORD = "correct horse battery staple"
FOR_LONG = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000000) SELECT max(i) FROM n"


def cancellable_blog(store: OpenStores) -> CancellableBlog:
    open_blog = create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1))
    assert isinstance(open_blog, CancellableBlog)
    return open_blog


class TestMemoryCancellation(CancellationContract):
    @pytest.fixture
    def open_blog(self) -> CancellableBlog:
        return cancellable_blog(MemoryStore())


class TestSqlCancellation(CancellationContract):
    @pytest.fixture
    def open_blog(self, store: SqlStore) -> CancellableBlog:
        return cancellable_blog(store)


def run_and_cancel(work: Callable[[Cancellation], object]) -> None:
    """Run the work on a thread, cancel it once it has begun, and check that it stops."""
    cancellation = Cancellation()
    with ThreadPoolExecutor(1) as thread:
        stopped = thread.submit(work, cancellation)
        timer = Timer(0.3, cancellation.cancel)
        timer.start()
        with pytest.raises(Cancelled):
            stopped.result(LONG)
        timer.join()


def test_a_statement_of_sqlite_is_interrupted(sqlite: SqlStore) -> None:
    def read(cancellation: Cancellation) -> None:
        with SqlUnitOfWork(sqlite._pool, cancellation) as unit:
            unit._run(FOR_LONG, long_text_columns=(), may_take_long=True)

    for _ in range(3):
        run_and_cancel(read)
        with SqlUnitOfWork(sqlite._pool) as unit:
            assert unit._run("SELECT 7", long_text_columns=()) == [(7,)]


def test_a_statement_of_postgresql_is_cancelled_on_the_server_too(postgresql: SqlStore) -> None:
    def read(cancellation: Cancellation) -> None:
        with SqlUnitOfWork(postgresql._pool, cancellation) as unit:
            unit._run("SET statement_timeout = 0")
            unit._run(f"SELECT pg_sleep({LONG})", long_text_columns=(), may_take_long=True)

    run_and_cancel(read)
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    deadline = monotonic() + LONG / 2  # the server is asked to cancel it, and takes its time when it is busy
    with SqlUnitOfWork(postgresql._pool) as unit:
        while unit._run(running, long_text_columns=()) != [(0,)]:
            assert monotonic() < deadline


def test_a_connection_with_a_cancelled_postgresql_statement_is_not_reused(postgresql: SqlStore) -> None:
    pids: list[int] = []

    def read(cancellation: Cancellation) -> None:
        with SqlUnitOfWork(postgresql._pool, cancellation) as unit:
            pids.append(unit._run("SELECT pg_backend_pid()", long_text_columns=())[0][0])
            unit._run("SELECT pg_sleep(3)", long_text_columns=(), may_take_long=True)

    run_and_cancel(read)
    with SqlUnitOfWork(postgresql._pool) as unit:
        assert unit._run("SELECT pg_backend_pid()", long_text_columns=())[0][0] not in pids


def test_the_memory_store_stops_between_the_rows_of_a_scan() -> None:
    store, looked_at, cancellation = MemoryStore(), list[int](), Cancellation()
    open_blog = cancellable_blog(store)
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        for number in range(50):
            blog.posts.create(ann, title=f"Title {number}", body="a b c")

    def matches(self: SearchQuery, *texts: Any) -> bool:
        looked_at.append(1)
        if len(looked_at) == 5:
            cancellation.cancel()
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SearchQuery, "matches", matches)
        with pytest.raises(Cancelled), open_blog.cancellable(cancellation)() as blog:
            blog.search.find("a")
    assert len(looked_at) == 5


def test_an_interrupt_before_the_start_of_a_statement_is_not_lost(sqlite: SqlStore) -> None:
    connection = sqlite._pool.acquire()
    with connection.interruptible():
        connection.interrupt()
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            connection.execute(FOR_LONG)
    assert connection.execute("SELECT 7").fetchall() == [(7,)]
    sqlite._pool.release(connection)


def test_an_interrupt_after_the_end_of_a_statement_hits_no_other_statement(sqlite: SqlStore) -> None:
    connection, cancellation, interrupts = sqlite._pool.acquire(), Cancellation(), list[str]()

    class Watched:
        """The connection, and when it was interrupted."""

        def interrupt(self) -> None:
            interrupts.append("now")

        def __getattr__(self, name: str) -> Any:
            return getattr(connection, name)

    watched: Any = Watched()
    interruption = Interruption(cancellation, watched)
    with interruption:
        pass
    interruption._interrupt()  # as a thread does that was about to when the block was left
    cancellation.cancel()
    assert interrupts == []
    with pytest.raises(Cancelled), Interruption(cancellation, connection):
        raise AssertionError("it was cancelled before")
    sqlite._pool.release(connection)


def test_a_cancelled_unit_in_a_group_stores_nothing_and_the_others_are_stored(sqlite: SqlStore) -> None:
    open_blog = cancellable_blog(sqlite)
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))

    def stop_between(_: SqlUnitOfWork, cancellation: Cancellation) -> None:
        cancellation.cancel()

    def stop_in_statement(unit: SqlUnitOfWork, cancellation: Cancellation) -> None:
        Timer(0.3, cancellation.cancel).start()
        unit._run(FOR_LONG, long_text_columns=(), may_take_long=True)

    def fail(stop: Callable[[SqlUnitOfWork, Cancellation], None]) -> None:
        cancellation = Cancellation()
        with open_blog.cancellable(cancellation)() as blog:
            blog.posts.create(ann, title="Never", body="-")
            stop(blog._stores.posts._unit, cancellation)  # type: ignore[attr-defined] # no use case takes so long

    assert sqlite.group_commit is not None
    with sqlite.group_commit():
        with open_blog() as blog:
            blog.posts.create(ann, title="First", body="-")
        for stop in (stop_between, stop_in_statement):
            with pytest.raises(Cancelled):
                fail(stop)
        with open_blog() as blog:
            blog.posts.create(ann, title="Last", body="-")
    with open_blog() as blog:
        assert [post.title for post in blog.posts.page().posts] == ["Last", "First"]


def test_a_write_of_sqlite_is_not_interrupted_because_that_would_roll_back_the_whole_group(
    sqlite: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    interruptible = Mock(wraps=Interruption)
    monkeypatch.setattr("blog.adapters.sql.engine.unit_of_work.Interruption", interruptible)
    with SqlUnitOfWork(sqlite._pool, Cancellation()) as unit:
        unit.begin()
        unit._run("SELECT 1", long_text_columns=())
        interruptible.assert_not_called()
        unit._run("SELECT 1", long_text_columns=(), may_take_long=True)
        interruptible.assert_called_once()
        unit._run("SELECT 1", long_text_columns=())
        assert unit._interruption is None


def test_sqlite_interrupts_a_list_but_no_look_up_and_no_read_for_update(
    sqlite: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    interruptible = Mock(wraps=Interruption)
    monkeypatch.setattr("blog.adapters.sql.engine.unit_of_work.Interruption", interruptible)
    ids: ReadStatement[dict[str, int]] = ReadStatement(select(users.c.id), dict)
    with SqlUnitOfWork(sqlite._pool, Cancellation()) as unit:
        unit.find(ids)
        unit.find_all(ids.for_update())
        interruptible.assert_not_called()
        unit.find_all(ids)
        interruptible.assert_called_once()


def test_a_wait_for_a_free_connection_is_cancelled(sqlite: SqlStore) -> None:
    connections = [sqlite._pool.acquire() for _ in range(8)]
    run_and_cancel(sqlite._pool.acquire)
    for connection in connections:
        sqlite._pool.release(connection)
