"""The data version changes with every commit, of this process or another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.blog import DataVersion, OpenBlog
from blog.domain.errors import Unavailable
from blog.testing.contracts import DataVersionContract
from blog.testing.contracts.blog import newest
from blog.testing.contracts.fixtures import as_member


class TestDataVersionInMemory(DataVersionContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def open_blog(self, store: MemoryStore) -> OpenBlog:
        return create_blog(store)

    @pytest.fixture
    def data_version(self, store: MemoryStore) -> DataVersion:
        return store.data_version


class TestDataVersionOfSqlite(DataVersionContract):
    @pytest.fixture
    def open_blog(self, sqlite: SqlStore) -> OpenBlog:
        return create_blog(sqlite)

    @pytest.fixture
    def data_version(self, sqlite: SqlStore) -> DataVersion:
        assert sqlite.data_version
        return sqlite.data_version


@pytest.fixture
def other(file: Path, sqlite: SqlStore) -> Iterator[SqlStore]:
    """A second store on the same file, like one of another process."""
    store = SqlStore(f"sqlite:///{file}", connections=1, timeout=0)
    yield store
    store.close()


def test_a_commit_of_another_store_changes_the_data_version(sqlite: SqlStore, other: SqlStore) -> None:
    assert other.data_version
    before = other.data_version()
    with create_blog(sqlite)() as blog:
        blog.posts.create(
            as_member(blog.users.add(Operator(), "ann", "a long pass phrase")), title="Hello", body="World"
        )
    assert other.data_version() != before
    assert len(newest(create_blog(other))) == 1


def test_a_restore_changes_the_data_version(sqlite: SqlStore, other: SqlStore, tmp_path: Path) -> None:
    assert other.data_version
    sqlite.back_up(tmp_path / "backup")
    before = other.data_version()
    sqlite.restore(tmp_path / "backup", replace=True)
    assert other.data_version() != before


def test_reading_the_data_version_does_not_wait_for_a_lock(sqlite: SqlStore, other: SqlStore) -> None:
    assert other.data_version
    with sqlite.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA locking_mode=EXCLUSIVE")
        connection.exec_driver_sql("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable):
            other.data_version()
    before = other.data_version()
    assert other.data_version() == before


def test_postgresql_has_no_data_version(postgresql: SqlStore) -> None:
    assert postgresql.data_version is None
