"""The data version changes with every commit, of this process or another."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from tests.adapters.cache_model import World, runs

from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.adapters.system import TimedDataVersion
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.blog import DataVersion, OpenBlog
from blog.domain.errors import Unavailable
from blog.testing.contracts import DataVersionContract, FrozenClock
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


class LateProbe(TimedDataVersion):
    """A wrong order: the next publication is looked for before the data version is read."""

    def __call__(self) -> int:
        until = self._next_publication(self._now())
        version, now = self._data_version(), self._now()
        if version != self._known or (self._until is not None and now >= self._until):
            self._until, self._known = until, version
            self._count += 1
        return self._count


def timed(kind: type[TimedDataVersion]) -> Callable[[World], DataVersion]:
    return lambda world: kind(world.data_version, world.now, world.next_publication)


def untimed(world: World) -> DataVersion:
    return world.data_version


SCENES: Final[dict[str, dict[str, Any]]] = {
    "a post is scheduled already": {"published_at": {1}, "writes": [], "ticks": 1, "requests": 3},
    "a write schedules a post": {"published_at": set(), "writes": [{1}], "ticks": 1, "requests": 2},
    "a write schedules an earlier post": {"published_at": {2}, "writes": [{1, 2}], "ticks": 1, "requests": 2},
    "a write unpublishes a post": {"published_at": {1}, "writes": [set()], "ticks": 1, "requests": 2},
    "two posts are scheduled": {"published_at": {1, 2}, "writes": [], "ticks": 2, "requests": 2},
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_no_interleaving_shows_a_cached_response_that_was_never_right(scene: dict[str, Any]) -> None:
    assert all(runs(timed(TimedDataVersion), **scene))


@pytest.mark.parametrize("kind", [untimed, timed(LateProbe)], ids=["without the clock", "in a wrong order"])
def test_some_interleaving_finds_a_wrong_data_version(kind: Callable[[World], DataVersion]) -> None:
    assert not all(right for scene in SCENES.values() for right in runs(kind, **scene))


def test_the_next_publication_is_looked_for_once_for_each_change(sqlite: SqlStore) -> None:
    looked: list[datetime] = []
    clock = FrozenClock()
    assert sqlite.data_version

    def next_publication(after: datetime) -> datetime | None:
        looked.append(after)
        with sqlite() as stores:
            return stores.posts.next_publication(after)

    with create_blog(sqlite, now=clock)() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", "a long pass phrase"))
        blog.posts.create(ann, title="Hello", body="World", published_at=clock() + timedelta(hours=1))
    version = TimedDataVersion(sqlite.data_version, clock, next_publication)
    before = [version() for _ in range(3)]
    clock.move(timedelta(hours=1) - timedelta(microseconds=1))
    assert {*before, version()} == {before[0]}
    clock.move(timedelta(microseconds=1))
    after = [version() for _ in range(3)]
    assert set(after) == {after[0]} != {before[0]}
    assert len(looked) == 2


def test_a_data_version_that_cannot_be_read_is_not_taken_for_known() -> None:
    results: Iterator[datetime | Exception | None] = iter([Unavailable("Later."), None, None])

    def next_publication(_: datetime) -> datetime | None:
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return result

    version = TimedDataVersion(lambda: "a version", FrozenClock(), next_publication)
    with pytest.raises(Unavailable):
        version()
    assert version() == version() == 1
    assert next(results) is None
