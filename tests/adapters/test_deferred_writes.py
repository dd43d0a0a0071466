"""Deferred writes, which are sent without waiting, behave like writes that are waited for."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import psycopg
import pytest
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, StatementError

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.adapters.sql.engine.libpq_pipeline import LibpqConnection
from blog.adapters.sql.engine.statement import ReadStatement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlUnitOfWork
from blog.adapters.sql.schema.tables import known_addresses
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.blog import ConcurrencyConflict
from blog.domain.errors import Unavailable
from blog.testing.contracts.fixtures import Failed, as_member

NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, UTC)

_insert = WriteStatement(insert(known_addresses))
_forget = WriteStatement(delete(known_addresses).where(known_addresses.c.account == bindparam("of_account")))
_see = WriteStatement(
    update(known_addresses).where(known_addresses.c.account == bindparam("of_account")).values(at=bindparam("seen"))
)
_accounts: ReadStatement[dict[str, Any]] = ReadStatement(
    select(known_addresses.c.account).order_by(known_addresses.c.account), dict
)


def row(account: str) -> dict[str, Any]:
    return {"account": account, "address": "here", "at": NOON}


def accounts(store: SqlStore) -> list[str]:
    with SqlUnitOfWork(store._pool) as unit:
        return [each["account"] for each in unit.find_all(_accounts)]


def test_deferred_writes_are_committed_in_their_order(store: SqlStore) -> None:
    with SqlUnitOfWork(store._pool) as unit:
        unit.execute_deferred(_insert, **row("ann"))
        unit.execute_deferred(_forget, of_account="ann")
        unit.execute_deferred(_insert, **row("bob"))
    assert accounts(store) == ["bob"]


def test_a_unit_sees_its_deferred_writes(store: SqlStore) -> None:
    with SqlUnitOfWork(store._pool) as unit:
        unit.execute_deferred(_insert, **row("ann"))
        assert [each["account"] for each in unit.find_all(_accounts)] == ["ann"]


def test_a_failed_deferred_write_fails_the_unit_and_rolls_it_back(store: SqlStore) -> None:
    def insert_twice(store: SqlStore) -> None:
        with SqlUnitOfWork(store._pool) as unit:
            unit.execute(_insert, **row("bob"))
            for _ in range(2):
                unit.execute_deferred(_insert, **row("ann"))
            unit.execute_deferred(_insert, **row("carol"))

    with pytest.raises(IntegrityError):
        insert_twice(store)
    assert accounts(store) == []


def test_a_caller_that_ignores_a_failed_deferred_write_commits_nothing(postgresql: SqlStore) -> None:
    def ignore_error() -> None:
        with SqlUnitOfWork(postgresql._pool) as unit:
            for _ in range(2):
                unit.execute_deferred(_insert, **row("ann"))
            with pytest.raises(IntegrityError):
                unit.find_all(_accounts)

    with pytest.raises(Unavailable):
        ignore_error()
    assert accounts(postgresql) == []


def test_a_failed_unit_commits_none_of_its_deferred_writes(store: SqlStore) -> None:
    def fail() -> None:
        with SqlUnitOfWork(store._pool) as unit:
            unit.execute_deferred(_insert, **row("ann"))
            raise Failed

    with pytest.raises(Failed):
        fail()
    assert accounts(store) == []


def test_a_savepoint_does_not_fail_for_an_earlier_deferred_write(postgresql: SqlStore) -> None:
    def use_savepoint() -> None:
        with SqlUnitOfWork(postgresql._pool) as unit:
            for _ in range(2):
                unit.execute_deferred(_insert, **row("ann"))
            with unit.savepoint():
                pytest.fail("it had failed before")

    with pytest.raises(IntegrityError):
        use_savepoint()
    assert accounts(postgresql) == []


@pytest.mark.parametrize("times", [1, 2], ids=["and is right", "and is wrong"])
@pytest.mark.parametrize("heard", [True, False], ids=["heard of", "not heard of"])
def test_a_failed_savepoint_rolls_back_only_its_own_deferred_writes(
    store: SqlStore, *, heard: bool, times: int
) -> None:
    with SqlUnitOfWork(store._pool) as unit:
        unit.execute_deferred(_insert, **row("before"))
        with suppress(Failed, IntegrityError), unit.savepoint():
            unit.execute(_insert, **row("changed"))
            for _ in range(times):
                unit.execute_deferred(_insert, **row("told"))
            if heard:
                unit.find_all(_accounts)
            raise Failed
        unit.execute_deferred(_insert, **row("then"))
    assert accounts(store) == ["before", "then"]


def test_a_deferred_write_within_a_savepoint_fails_there(store: SqlStore) -> None:
    def use_savepoint(unit: SqlUnitOfWork) -> None:
        with unit.savepoint():
            for _ in range(2):
                unit.execute_deferred(_insert, **row("ann"))

    with SqlUnitOfWork(store._pool) as unit:
        unit.execute_deferred(_insert, **row("before"))
        with pytest.raises(IntegrityError):
            use_savepoint(unit)
        unit.execute_deferred(_insert, **row("then"))
    assert accounts(store) == ["before", "then"]


def test_a_nested_savepoint_is_rolled_back_with_the_outer_one(store: SqlStore) -> None:
    with SqlUnitOfWork(store._pool) as unit:
        with suppress(Failed), unit.savepoint():
            unit.execute_deferred(_insert, **row("outer"))
            with unit.savepoint():
                unit.execute_deferred(_insert, **row("inner"))
            raise Failed
        unit.execute_deferred(_insert, **row("then"))
    assert accounts(store) == ["then"]


@pytest.mark.parametrize("account", ["\ud800", "\0"], ids=["a lone surrogate", "NUL"])
def test_a_write_that_cannot_be_encoded_leaves_the_transaction_usable(postgresql: SqlStore, account: str) -> None:
    def ignore_error_and_fail() -> None:
        with SqlUnitOfWork(postgresql._pool) as unit:
            with pytest.raises(StatementError):
                unit.execute(_insert, **row(account))
            unit.execute(_insert, **row("ann"))
            raise Failed

    with pytest.raises(Failed):
        ignore_error_and_fail()
    assert accounts(postgresql) == []


def test_a_deadlock_of_deferred_writes_is_a_concurrency_conflict(postgresql: SqlStore) -> None:
    with SqlUnitOfWork(postgresql._pool) as unit:
        for account in ("ann", "bob"):
            unit.execute_deferred(_insert, **row(account))
    met = Barrier(2)

    def lock_in_order(first: str, second: str) -> type[Exception] | None:
        try:
            with SqlUnitOfWork(postgresql._pool) as unit:
                unit.execute(_see, of_account=first, seen=NOON)
                met.wait()
                unit.execute_deferred(_see, of_account=second, seen=NOON)
        except Unavailable as error:
            return type(error)
        return None

    with ThreadPoolExecutor() as beside:
        ends = [beside.submit(lock_in_order, "ann", "bob"), beside.submit(lock_in_order, "bob", "ann")]
        assert {end.result() for end in ends} == {None, ConcurrencyConflict}


def test_a_server_that_is_silent_at_commit_times_out(postgresql: SqlStore) -> None:
    def commit() -> None:
        with SqlUnitOfWork(postgresql._pool) as unit:
            unit.execute(_insert, **row("ann"))
            unit._run("SET LOCAL statement_timeout = 0")
            connections.append(unit._connection)
            connections[0].timeout = 0.2
            unit._defer("SELECT pg_sleep(2)")

    connections: list[Any] = []
    with pytest.raises(Unavailable):
        commit()
    assert connections[0].timed_out
    assert connections[0].closed
    assert accounts(postgresql) == []


def terminate_connections(url: str) -> None:
    """Terminate every connection of the blog, like a restart of the server."""
    cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'blog'"
    with psycopg.connect(url, autocommit=True) as other:
        assert set(other.execute(cut).fetchall()) == {(True,)}


def test_deferred_writes_on_a_closed_connection_are_sent_on_another(postgresql_url: str, postgresql: SqlStore) -> None:
    assert accounts(postgresql) == []
    terminate_connections(postgresql_url)
    with SqlUnitOfWork(postgresql._pool) as unit:
        unit.execute_deferred(_insert, **row("ann"))
    assert accounts(postgresql) == ["ann"]


def test_the_retry_on_another_connection_is_in_a_transaction(postgresql_url: str, postgresql: SqlStore) -> None:
    def fail() -> None:
        with SqlUnitOfWork(postgresql._pool) as unit:
            unit.execute(_insert, **row("ann"))
            raise Failed

    assert accounts(postgresql) == []
    terminate_connections(postgresql_url)
    with pytest.raises(Failed):
        fail()
    assert accounts(postgresql) == []


def test_updating_and_deleting_a_post_take_two_round_trips_and_creating_one_three(
    postgresql: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counted(connection: LibpqConnection, number: int) -> Any:
        waits.append(number)
        return results(connection, number)

    waits: list[int] = []
    open_blog = create_blog(postgresql, hasher=Argon2PasswordHasher(memory=8, iterations=1))
    results = LibpqConnection._results
    monkeypatch.setattr(LibpqConnection, "_results", counted)
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", "correct horse battery staple"))
    waits.clear()
    with open_blog() as blog:
        post = blog.posts.create(ann, title="Hello", body="World")
    assert len(waits) == 3  # the third tells whether the slug was free
    with open_blog() as blog:
        blog.posts.update(ann, post.id, title="Changed")
    assert len(waits) == 5
    with open_blog() as blog:
        blog.posts.delete(ann, post.id)
    assert len(waits) == 7
