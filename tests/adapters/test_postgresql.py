"""PostgreSQL: translation of errors, timeouts and lost connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.adapters.sql.engine.unit_of_work import SqlUnitOfWork
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Member, Operator
from blog.domain.blog import ConcurrencyConflict, OpenBlog
from blog.domain.errors import Unavailable, ValidationFailed
from blog.domain.posts.pagination import SortOrder
from blog.domain.shared import PostId
from blog.testing.contracts.fixtures import EVERYBODY, as_member

PASSWORD = "correct horse battery staple"


@pytest.fixture
def store(postgresql: SqlStore) -> SqlStore:
    return postgresql


@pytest.fixture
def unit(store: SqlStore) -> Iterator[SqlUnitOfWork]:
    with SqlUnitOfWork(store._pool) as unit:
        yield unit


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("08006", Unavailable),
        ("22021", ValidationFailed),
        ("25006", Unavailable),
        ("40001", ConcurrencyConflict),
        ("40P01", ConcurrencyConflict),
        ("53300", Unavailable),
        ("55P03", Unavailable),
        ("57014", Unavailable),
        ("57P01", Unavailable),
        ("42703", None),
        ("23503", ConcurrencyConflict),
    ],
)
def test_an_error_is_translated_by_its_sqlstate(
    unit: SqlUnitOfWork, state: str, meaning: type[Exception] | None
) -> None:
    raised = f"DO $$ BEGIN RAISE EXCEPTION 'as asked' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(Exception) as told:  # noqa: PT011 - which one is the question
        unit._run(raised)
    assert type(told.value) is meaning or (
        meaning is None and not isinstance(told.value, (ValidationFailed, Unavailable))
    )


def test_a_wrong_statement_raises_a_programming_error(unit: SqlUnitOfWork) -> None:
    with pytest.raises(Exception, match=r"relation .* does not exist") as told:
        unit._run("SELECT * FROM nowhere")
    assert not isinstance(told.value, Unavailable)


def test_one_of_two_conflicting_units_gets_a_concurrency_conflict(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        one, other = (blog.posts.create(ann, title="Hello", body="World") for _ in range(2))

    met = Barrier(2)

    def change(first: PostId, second: PostId) -> type[Exception] | None:
        try:
            with open_blog() as blog:
                blog.posts.update(ann, first, title="changed")
                met.wait()
                blog.posts.update(ann, second, title="changed")
        except Unavailable as error:
            return type(error)
        return None

    with ThreadPoolExecutor() as beside:
        ends = [beside.submit(change, one.id, other.id), beside.submit(change, other.id, one.id)]
        assert {end.result() for end in ends} == {None, ConcurrencyConflict}


@pytest.fixture
def short_timeout_blog(postgresql_url: str, store: SqlStore) -> Iterator[OpenBlog]:
    """The same database, with a timeout of a second."""
    hasty = SqlStore(postgresql_url, connections=1, timeout=1)
    yield create_blog(hasty, hasher=Argon2PasswordHasher(memory=8, iterations=1))
    hasty.close()


@pytest.fixture
def ann(open_blog: OpenBlog) -> Member:
    with open_blog() as blog:
        return as_member(blog.users.add(Operator(), "ann", PASSWORD))


def test_a_lock_of_another_process_makes_only_writes_unavailable(
    postgresql_url: str, ann: Member, short_timeout_blog: OpenBlog
) -> None:
    with psycopg.connect(postgresql_url) as foreign:
        foreign.execute("LOCK TABLE posts IN SHARE MODE")
        with pytest.raises(Unavailable), short_timeout_blog() as blog:
            blog.posts.create(ann, title="Hello", body="World")
        with short_timeout_blog() as blog:
            assert blog.posts.page().posts == []
    with short_timeout_blog() as blog:
        assert blog.posts.create(ann, title="Hello", body="World").version == 1


def test_a_silent_server_times_out(short_timeout_blog: OpenBlog) -> None:
    with short_timeout_blog() as blog:
        unit = blog.posts.repository._unit  # type: ignore[attr-defined]
        unit._run("SET statement_timeout = 0")
        with pytest.raises(Unavailable):
            unit._run("SELECT pg_sleep(60)")
    with short_timeout_blog() as blog:
        assert blog.posts.page().posts == []


def test_more_units_than_connections_get_unavailable(short_timeout_blog: OpenBlog) -> None:
    with short_timeout_blog() as blog:
        blog.posts.page()
        with pytest.raises(Unavailable), short_timeout_blog() as another:
            another.posts.page()


def test_an_idle_connection_that_died_is_replaced_without_an_error(
    postgresql_url: str, ann: Member, open_blog: OpenBlog
) -> None:
    for _ in range(5):
        with open_blog() as blog:
            blog.posts.create(ann, title="Hello", body="World")
        terminate_connections(postgresql_url)
    with open_blog() as blog:
        assert len(blog.posts.page().posts) == 5


def terminate_connections(url: str) -> None:
    """Terminate every connection of the blog, like a restart of the server."""
    ours = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'blog'"
    with psycopg.connect(url, autocommit=True) as connection:
        assert set(connection.execute(ours).fetchall()) == {(True,)}


@pytest.mark.parametrize("first", ["SELECT 1", "BEGIN"])
def test_after_one_dead_idle_connection_the_other_idle_connections_are_discarded(
    postgresql_url: str, store: SqlStore, first: str
) -> None:
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(SqlUnitOfWork(store._pool))._run("SELECT 1")
    terminate_connections(postgresql_url)
    with SqlUnitOfWork(store._pool) as unit:
        unit._run(first)
        assert list(store._pool._idle) == []


@pytest.mark.parametrize("more", [True, False], ids=["more to do", "nothing but COMMIT"])
def test_a_unit_whose_connection_dies_is_rolled_back_and_not_retried(
    postgresql_url: str, ann: Member, open_blog: OpenBlog, *, more: bool
) -> None:
    def write() -> None:
        with open_blog() as blog:
            blog.posts.create(ann, title="Hello", body="World")
            terminate_connections(postgresql_url)
            if more:
                blog.posts.create(ann, title="Hello", body="World")

    with pytest.raises(Unavailable):
        write()
    with open_blog() as blog:
        assert blog.posts.page().posts == []


def test_a_timed_out_statement_is_not_retried(store: SqlStore) -> None:
    with SqlUnitOfWork(store._pool) as unit:
        unit._run("SET statement_timeout = 0")
        connection: Any = unit._connection
    connection.timeout = 0.2
    with pytest.raises(Unavailable), SqlUnitOfWork(store._pool) as unit:
        unit._run("SELECT pg_sleep(9)")
    assert connection.closed
    assert list(store._pool._idle) == [], "it was asked again, on another connection"


def test_a_unit_with_a_failed_statement_does_not_seem_to_commit(
    store: SqlStore, ann: Member, open_blog: OpenBlog
) -> None:
    def ignore_error() -> None:
        with open_blog() as blog:
            blog.posts.create(ann, title="Hello", body="World")
            with pytest.raises(ProgrammingError):
                blog.posts.repository._unit._run("SELECT * FROM nowhere")  # type: ignore[attr-defined]

    with pytest.raises(Unavailable):
        ignore_error()
    with open_blog() as blog:
        assert blog.posts.page().posts == []


def test_a_missing_server_is_unavailable() -> None:
    store = SqlStore("postgresql://nobody@127.0.0.1:9/nowhere")
    with pytest.raises(Unavailable):
        store.migrate()
    store.close()


def test_the_first_writable_host_is_used(postgresql_url: str, store: SqlStore) -> None:
    ours = psycopg.conninfo.conninfo_to_dict(postgresql_url)
    hosts = f"127.0.0.1:9,{ours['host']}:{ours['port']}"
    several = SqlStore(f"postgresql://{ours['user']}@{hosts}/{ours['dbname']}?target_session_attrs=read-write")
    with several() as stores:
        assert stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=1) == []
    several.close()
