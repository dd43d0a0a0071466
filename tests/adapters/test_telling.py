"""The blog promises that what a unit of work tells its database, and waits for later, is as good as waited for."""

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
from blog.testing.contracts.fixtures import Failed, acting

NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, UTC)

_know = WriteStatement(insert(known_addresses))
_forget = WriteStatement(delete(known_addresses).where(known_addresses.c.account == bindparam("of_account")))
_see = WriteStatement(
    update(known_addresses).where(known_addresses.c.account == bindparam("of_account")).values(at=bindparam("seen"))
)
_known: ReadStatement[dict[str, Any]] = ReadStatement(
    select(known_addresses.c.account).order_by(known_addresses.c.account), dict
)


def row(account: str) -> dict[str, Any]:
    return {"account": account, "address": "here", "at": NOON}


def known(store: SqlStore) -> list[str]:
    with SqlUnitOfWork(store._pool) as unit:
        return [each["account"] for each in unit.find_all(_known)]


def test_what_was_told_is_kept_in_its_order(store: SqlStore) -> None:
    with SqlUnitOfWork(store._pool) as unit:
        unit.execute_deferred(_know, **row("ann"))
        unit.execute_deferred(_forget, of_account="ann")
        unit.execute_deferred(_know, **row("bob"))
    assert known(store) == ["bob"]


def test_a_unit_sees_what_it_told(store: SqlStore) -> None:
    with SqlUnitOfWork(store._pool) as unit:
        unit.execute_deferred(_know, **row("ann"))
        assert [each["account"] for each in unit.find_all(_known)] == ["ann"]


def test_what_was_told_and_failed_makes_the_unit_fail_and_keep_nothing(store: SqlStore) -> None:
    def know_twice(store: SqlStore) -> None:
        with SqlUnitOfWork(store._pool) as unit:
            unit.execute(_know, **row("bob"))
            for _ in range(2):
                unit.execute_deferred(_know, **row("ann"))
            unit.execute_deferred(_know, **row("carol"))

    with pytest.raises(IntegrityError):
        know_twice(store)
    assert known(store) == []


def test_whoever_overlooks_that_what_was_told_has_failed_keeps_nothing(postgresql: SqlStore) -> None:
    def go_on_regardless() -> None:
        with SqlUnitOfWork(postgresql._pool) as unit:
            for _ in range(2):
                unit.execute_deferred(_know, **row("ann"))
            with pytest.raises(IntegrityError):
                unit.find_all(_known)

    with pytest.raises(Unavailable):
        go_on_regardless()
    assert known(postgresql) == []


def test_a_unit_that_fails_keeps_nothing_of_what_it_told(store: SqlStore) -> None:
    def fail() -> None:
        with SqlUnitOfWork(store._pool) as unit:
            unit.execute_deferred(_know, **row("ann"))
            raise Failed

    with pytest.raises(Failed):
        fail()
    assert known(store) == []


def test_an_attempt_is_not_blamed_for_what_was_told_before(postgresql: SqlStore) -> None:
    def attempt() -> None:
        with SqlUnitOfWork(postgresql._pool) as unit:
            for _ in range(2):
                unit.execute_deferred(_know, **row("ann"))
            with unit.savepoint():
                pytest.fail("it had failed before")

    with pytest.raises(IntegrityError):
        attempt()
    assert known(postgresql) == []


@pytest.mark.parametrize("times", [1, 2], ids=["and is right", "and is wrong"])
@pytest.mark.parametrize("heard", [True, False], ids=["heard of", "not heard of"])
def test_an_attempt_that_fails_undoes_what_was_told_within_and_no_more(
    store: SqlStore, *, heard: bool, times: int
) -> None:
    with SqlUnitOfWork(store._pool) as unit:
        unit.execute_deferred(_know, **row("before"))
        with suppress(Failed, IntegrityError), unit.savepoint():
            unit.execute(_know, **row("changed"))
            for _ in range(times):
                unit.execute_deferred(_know, **row("told"))
            if heard:
                unit.find_all(_known)
            raise Failed
        unit.execute_deferred(_know, **row("then"))
    assert known(store) == ["before", "then"]


def test_what_was_told_within_an_attempt_fails_there(store: SqlStore) -> None:
    def attempt(unit: SqlUnitOfWork) -> None:
        with unit.savepoint():
            for _ in range(2):
                unit.execute_deferred(_know, **row("ann"))

    with SqlUnitOfWork(store._pool) as unit:
        unit.execute_deferred(_know, **row("before"))
        with pytest.raises(IntegrityError):
            attempt(unit)
        unit.execute_deferred(_know, **row("then"))
    assert known(store) == ["before", "then"]


def test_an_attempt_within_an_attempt_is_undone_with_it(store: SqlStore) -> None:
    with SqlUnitOfWork(store._pool) as unit:
        with suppress(Failed), unit.savepoint():
            unit.execute_deferred(_know, **row("outer"))
            with unit.savepoint():
                unit.execute_deferred(_know, **row("inner"))
            raise Failed
        unit.execute_deferred(_know, **row("then"))
    assert known(store) == ["then"]


@pytest.mark.parametrize("account", ["\ud800", "\0"], ids=["a lone surrogate", "NUL"])
def test_what_cannot_be_sent_leaves_the_transaction_what_it_was(postgresql: SqlStore, account: str) -> None:
    def go_on_and_fail() -> None:
        with SqlUnitOfWork(postgresql._pool) as unit:
            with pytest.raises(StatementError):
                unit.execute(_know, **row(account))
            unit.execute(_know, **row("ann"))
            raise Failed

    with pytest.raises(Failed):
        go_on_and_fail()
    assert known(postgresql) == []


def test_a_deadlock_over_what_was_told_is_contention(postgresql: SqlStore) -> None:
    with SqlUnitOfWork(postgresql._pool) as unit:
        for account in ("ann", "bob"):
            unit.execute_deferred(_know, **row(account))
    met = Barrier(2)

    def see(first: str, second: str) -> type[Exception] | None:
        try:
            with SqlUnitOfWork(postgresql._pool) as unit:
                unit.execute(_see, of_account=first, seen=NOON)
                met.wait()
                unit.execute_deferred(_see, of_account=second, seen=NOON)
        except Unavailable as error:
            return type(error)
        return None

    with ThreadPoolExecutor() as beside:
        ends = [beside.submit(see, "ann", "bob"), beside.submit(see, "bob", "ann")]
        assert {end.result() for end in ends} == {None, ConcurrencyConflict}


def test_a_server_that_is_silent_when_all_is_to_be_kept_is_given_up(postgresql: SqlStore) -> None:
    def keep() -> None:
        with SqlUnitOfWork(postgresql._pool) as unit:
            unit.execute(_know, **row("ann"))
            unit._run("SET LOCAL statement_timeout = 0")
            connections.append(unit._connection)
            connections[0].timeout = 0.2
            unit._defer("SELECT pg_sleep(2)")

    connections: list[Any] = []
    with pytest.raises(Unavailable):
        keep()
    assert connections[0].timed_out
    assert connections[0].closed
    assert known(postgresql) == []


def cut_all(url: str) -> None:
    """Cut every connection of the blog's, as a server that is restarted does."""
    cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'blog'"
    with psycopg.connect(url, autocommit=True) as other:
        assert set(other.execute(cut).fetchall()) == {(True,)}


def test_what_was_told_on_a_connection_that_had_been_cut_is_told_on_another(
    postgresql_url: str, postgresql: SqlStore
) -> None:
    assert known(postgresql) == []
    cut_all(postgresql_url)
    with SqlUnitOfWork(postgresql._pool) as unit:
        unit.execute_deferred(_know, **row("ann"))
    assert known(postgresql) == ["ann"]


def test_the_transaction_on_another_connection_is_one_as_well(postgresql_url: str, postgresql: SqlStore) -> None:
    def fail() -> None:
        with SqlUnitOfWork(postgresql._pool) as unit:
            unit.execute(_know, **row("ann"))
            raise Failed

    assert known(postgresql) == []
    cut_all(postgresql_url)
    with pytest.raises(Failed):
        fail()
    assert known(postgresql) == []


def test_creating_changing_and_deleting_a_post_are_each_waited_for_twice(
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
        ann = acting(blog.users.add(Operator(), "ann", "correct horse battery staple"))
    waits.clear()
    with open_blog() as blog:
        post = blog.posts.create(ann, title="Hello", body="World")
    assert len(waits) == 2
    with open_blog() as blog:
        blog.posts.update(ann, post.id, title="Changed")
    assert len(waits) == 4
    with open_blog() as blog:
        blog.posts.delete(ann, post.id)
    assert len(waits) == 6
