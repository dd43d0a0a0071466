"""The tables of every database are brought to what this version needs, from wherever they are."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from blog.adapters.sql import SqlStore
from blog.adapters.sql.schema import ForeignTables
from blog.adapters.sql.tables import metadata
from blog.domain.accounts import Operator
from blog.domain.blog import OpenBlog

AN_ORPHAN = """
INSERT INTO posts (title, body, author_id, created_at, updated_at, version) VALUES ('', '', 99, '', '', 1)
"""
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def as_before(store: SqlStore) -> Iterator[None]:
    yield
    store.migrate()


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # which SQLAlchemy cannot compare on SQLite
def test_the_steps_make_just_the_tables_that_the_blog_uses(store: SqlStore) -> None:
    with store.engine.connect() as connection:
        compared = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(compared, metadata) == []


def test_what_is_kept_outlives_a_migration_that_has_nothing_to_do(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = blog.accounts.add(Operator(), "ann", PASSWORD)
        _, issued = blog.accounts.log_in("ann", PASSWORD)
        post = blog.posts.create(ann, title="Hello", body="World")
    store.migrate("head")
    with open_blog() as blog:
        assert blog.accounts.authenticate(issued.secret) == ann
        assert blog.posts.get(post.id) == post


def test_stepping_all_the_way_down_leaves_nothing(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        blog.posts.create(blog.accounts.add(Operator(), "ann", PASSWORD), title="Hello", body="World")
    store.migrate("base")
    assert not store.is_migrated()
    with store.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
    store.migrate()
    assert store.is_migrated()
    with open_blog() as blog:
        assert blog.posts.newest().posts == []


def fail_after(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)
    raise ZeroDivisionError


def test_a_step_that_fails_changes_nothing(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = blog.accounts.add(Operator(), "ann", PASSWORD)
    with pytest.raises(ZeroDivisionError), store.dialect.changing_tables(store.engine) as connection:
        fail_after(connection, "DROP TABLE posts", "DELETE FROM users")
    with open_blog() as blog:
        assert list(blog.accounts.page(Operator())) == [ann]
        assert blog.posts.newest().posts == []


def test_a_step_must_leave_every_foreign_key_with_its_row(sqlite: SqlStore) -> None:
    with (
        pytest.raises(RuntimeError, match="foreign key"),
        sqlite.dialect.changing_tables(sqlite.engine) as connection,
    ):
        connection.exec_driver_sql(AN_ORPHAN)
    with sqlite.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_tables_of_a_newer_version_are_left_alone(store: SqlStore) -> None:
    def set_revision(revision: str) -> None:
        with store.dialect.changing_tables(store.engine) as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")

    set_revision("9999")
    with pytest.raises(ForeignTables, match="newer version"):
        store.migrate()
    assert not store.is_migrated()
    set_revision("0001")


def test_tables_of_others_are_left_alone(file: Path, store: SqlStore) -> None:
    other = SqlStore(f"sqlite:///{file.parent / 'others.db'}")
    with other.dialect.changing_tables(other.engine) as connection:
        connection.exec_driver_sql("CREATE TABLE users (name TEXT)")
    with pytest.raises(ForeignTables, match="not this blog's"):
        other.migrate()
    other.close()


def migrate(url: str) -> bool:
    store = SqlStore(url)
    try:
        store.migrate()
        return store.is_migrated()
    finally:
        store.close()


def test_several_processes_may_migrate_an_empty_postgresql_at_once(postgresql_url: str, postgresql: SqlStore) -> None:
    postgresql.migrate("base")
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("DROP TABLE alembic_version")
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as processes:
        assert list(processes.map(migrate, [postgresql_url] * 3)) == [True] * 3
