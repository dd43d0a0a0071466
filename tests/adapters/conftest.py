"""Databases for tests: an SQLite file for each test, and one PostgreSQL server for all."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from fault_tests.postgres import Node, make_database, query, url_of
from fault_tests.processes import public_folder
from tests.database import FIRST_PARAGRAPH, empty_store

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.adapters.sql.schema.tables import REVISION, metadata
from blog.bootstrap import create_blog
from blog.domain.blog import OpenBlog


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A server for this session, unless `BLOG_TEST_POSTGRES_URL` names a database to be emptied."""
    if given := os.environ.get("BLOG_TEST_POSTGRES_URL"):
        yield given
        return
    with public_folder("blog-postgresql-") as folder:
        node = Node("postgresql", folder / "node")
        node.initialise()
        node.start()
        try:
            make_database(node.port)
            query(node.port, "ALTER SYSTEM SET fsync = off")  # what outlives a power cut is tested elsewhere
            query(node.port, "SELECT pg_reload_conf()")
            yield url_of([node.port])
        finally:
            node.kill()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "blog.db"


@pytest.fixture
def sqlite(file: Path) -> Iterator[SqlStore]:
    store = empty_store(file)
    yield store
    store.close()


@pytest.fixture(scope="session")
def observer(postgresql_url: str) -> Iterator[psycopg.Connection]:
    """A connection that is none of the blog's: to connect and to migrate take longer than most tests."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def postgresql(postgresql_url: str, observer: psycopg.Connection) -> Iterator[SqlStore]:
    store = SqlStore(postgresql_url, first_paragraph=FIRST_PARAGRAPH)
    try:
        empty(observer)
    except psycopg.errors.UndefinedTable:  # in the first test, and after one that takes tables away
        store.migrate()
        empty(observer)
    yield store
    store.close()


def empty(connection: psycopg.Connection) -> None:
    """Delete all rows, if the tables are those of this version.

    Raises:
        UndefinedTable: they are not.
    """
    version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if version != (REVISION,):
        raise psycopg.errors.UndefinedTable
    tables = reversed(metadata.sorted_tables)  # of tables with next to nothing TRUNCATE takes longer
    connection.execute(";".join(f"DELETE FROM {table.name}" for table in tables).encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> SqlStore:
    """Each database in turn, empty."""
    found: SqlStore = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def open_blog(store: SqlStore) -> OpenBlog:
    return create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1))
