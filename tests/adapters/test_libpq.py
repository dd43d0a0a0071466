"""The libpq connection has the same parameters, results and errors as psycopg."""

import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from threading import Timer, main_thread

import psycopg
import pytest

from blog.adapters.sql import SqlStore
from blog.adapters.sql.engine.libpq_pipeline import LibpqConnection
from blog.domain.posts.pagination import SortOrder
from blog.testing.contracts.fixtures import EVERYBODY

NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, UTC)
PLANES = "".join(map(chr, [1, 0x7F, 0xE9, 0x20AC, 0xFFFD, *range(0x10000, 0x110000, 0x10000)]))


@pytest.fixture
def connection(postgresql: SqlStore) -> Iterator[LibpqConnection]:
    with closing(postgresql._pool.open()) as connection:
        assert isinstance(connection, LibpqConnection)
        yield connection


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", ""),
        ("text", PLANES),
        ("text", "100% $1 'quoted' \\"),
        ("bytea", b""),
        ("bytea", bytes(range(256))),
        ("boolean", True),
        ("boolean", False),
        ("bigint", 0),
        ("bigint", 2**63 - 1),
        ("bigint", -(2**63)),
        ("integer", -7),
        ("double precision", 0.1),
        ("timestamptz", NOON),
        ("timestamptz", datetime(1, 1, 1, tzinfo=UTC)),
        ("timestamptz", datetime.max.replace(tzinfo=UTC)),
        *[(kind, None) for kind in ("text", "bytea", "boolean", "bigint", "timestamptz")],
    ],
)
def test_a_parameter_is_returned_unchanged(connection: LibpqConnection, kind: str, value: object) -> None:
    for _ in range(2):
        ((got,),) = connection.execute(f"SELECT $1::{kind}", [value]).fetchall()
        assert got == value
        assert type(got) is type(value)


def test_large_parameters_and_results_do_not_deadlock_the_pipeline(connection: LibpqConnection) -> None:
    much = "x" * 20_000_000
    echo = "SELECT $1::text"
    ((got,),) = connection.execute(echo, [much], [(echo, [much]), (echo, [much])]).fetchall()
    assert got == much


def test_a_write_returns_its_row_count(connection: LibpqConnection) -> None:
    connection.execute("CREATE TEMPORARY TABLE numbers AS SELECT generate_series(1, 7) AS number")
    assert connection.execute("UPDATE numbers SET number = $1 WHERE number < $1", [5]).rowcount == 4
    assert connection.execute("DELETE FROM numbers WHERE number = $1", [4]).rowcount == 0
    assert connection.execute("BEGIN").rowcount == -1


def prepared_statements(connection: LibpqConnection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT statement FROM pg_prepared_statements").fetchall()]


def test_a_statement_is_prepared_once(connection: LibpqConnection) -> None:
    for number in range(10):
        assert connection.execute("SELECT $1::bigint", [number], [("SELECT $1::bigint", [0])]).fetchall() == [(number,)]
    assert prepared_statements(connection).count("SELECT $1::bigint") == 1


def test_the_number_of_prepared_statements_is_bounded(connection: LibpqConnection) -> None:
    for _ in range(2):
        for number in range(300):
            assert connection.execute(f"SELECT {number} + $1::bigint", [1]).fetchall() == [(number + 1,)]
    assert 100 < len(prepared_statements(connection)) < 250


def test_a_statement_whose_preparation_failed_is_prepared_later(connection: LibpqConnection) -> None:
    later = "SELECT * FROM pg_temp.later WHERE number = $1"
    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute(later, [7])
    connection.execute("CREATE TEMPORARY TABLE later AS SELECT 7 AS number")
    assert connection.execute(later, [7]).fetchall() == [(7,)]


@pytest.mark.parametrize("pooler", [True, False])
def test_no_statement_is_prepared_behind_a_pooler(postgresql_url: str, *, pooler: bool) -> None:
    url = f"{postgresql_url}&options=" if pooler else postgresql_url
    with closing(SqlStore(url, connections=1)) as store:
        store.migrate()
        for _ in range(10):
            with store() as stores:
                assert list(stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=1, published_after=NOON)) == []
        (connection,) = store._pool._idle
        assert isinstance(connection, LibpqConnection)
        statements = [statement for statement in prepared_statements(connection) if "posts" in statement]
        assert len(statements) == (0 if pooler else 1)


def test_an_error_has_the_class_of_psycopg_and_the_statement(connection: LibpqConnection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero) as told:
        connection.execute("SELECT 1", (), [("SELECT 2", ()), ("SELECT 1 / $1::integer", [0]), ("SELECT 3", ())])
    assert told.value.sqlstate == "22012"
    assert told.value.__notes__ == ["SELECT 1 / $1::integer"]
    assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_an_interrupted_caller_leaves_no_result_to_the_next(connection: LibpqConnection) -> None:
    thread = main_thread().ident
    assert thread is not None
    interruption = Timer(0.2, signal.pthread_kill, [thread, signal.SIGINT])
    interruption.start()
    with pytest.raises(KeyboardInterrupt):
        connection.execute("SELECT pg_sleep(3)")
    interruption.join()
    assert connection.closed
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        connection.rollback()
