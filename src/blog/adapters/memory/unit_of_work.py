"""A unit of work in memory: its own changes on top of the committed rows."""

from collections.abc import Iterable, Iterator
from threading import Lock, RLock
from time import monotonic
from typing import Any, Final, Generic, TypeVar

from blog.domain.blog import UnitOfWorkNotOpen
from blog.domain.cancellation import Cancellation
from blog.domain.errors import Unavailable

Key = TypeVar("Key")
Row = TypeVar("Row")
Item = TypeVar("Item")

_POLL_INTERVAL: Final = 0.1
"""Seconds between two checks of the cancellation while a unit waits for the writer lock."""


class Table(Generic[Key, Row]):
    """The committed rows of one kind by key, and the highest id that a row has had."""

    def __init__(self) -> None:
        self.rows: dict[Key, Row] = {}
        self.last_id = 0


class MemoryUnitOfWork:
    """Reads committed rows and its own changes; from its first write on, it holds the writer lock.

    Args:
        lock: guards the committed rows. It is held for a moment only: to copy rows, or to commit.
        writer: the lock of the one unit that writes.
        timeout: seconds to wait for the writer lock.
        cancellation: cancels the unit until it begins to commit.
    """

    def __init__(self, lock: RLock, writer: Lock, timeout: float, cancellation: Cancellation | None = None) -> None:
        self.lock = lock
        self._writer = writer
        self._timeout = timeout
        self._cancellation = cancellation
        self._is_writing = self._is_closed = False
        self._changes: dict[Table[Any, Any], dict[Any, Any]] = {}
        """By table and key, the rows that the unit has written. None is a deleted row."""
        self._last_ids: dict[Table[Any, Any], int] = {}

    def find(self, table: Table[Key, Row], key: Key) -> Row | None:
        """Return one row as this unit sees it, or None.

        Raises:
            Cancelled.
        """
        self._check()
        changes: dict[Key, Row | None] = self._changes.get(table, {})
        with self.lock:
            return changes[key] if key in changes else table.rows.get(key)

    def visible_rows(self, table: Table[Key, Row]) -> dict[Key, Row]:
        """Return a copy of all rows as this unit sees them, in no particular order.

        Raises:
            Cancelled.
        """
        self._check()
        changes: dict[Key, Row | None] = self._changes.get(table, {})
        with self.lock:
            rows = table.rows | changes
        return {key: row for key, row in rows.items() if row is not None}

    def iterate(self, items: Iterable[Item]) -> Iterator[Item]:
        """Iterate over the items, and stop when the unit is cancelled.

        Raises:
            Cancelled.
        """
        for item in items:
            self._check()
            yield item

    def put(self, table: Table[Key, Row], key: Key, row: Row) -> None:
        """Insert or replace a row."""
        self.begin()
        self._changes.setdefault(table, {})[key] = row

    def delete(self, table: Table[Key, Row], key: Key) -> None:
        """Delete a row if it is there."""
        self.begin()
        self._changes.setdefault(table, {})[key] = None

    def new_id(self, table: Table[Any, Any]) -> int:
        """Return an id that no row has had. Other units get it again if this one fails, as in SQLite."""
        self.begin()
        self._last_ids[table] = self._last_ids.get(table, table.last_id) + 1
        return self._last_ids[table]

    def begin(self) -> None:
        """Wait until no other unit writes.

        Raises:
            Cancelled: before or during the wait.
            Unavailable: the other unit did not end in time.
        """
        self._check()
        if self._is_writing:
            return
        deadline = monotonic() + self._timeout
        while not self._writer.acquire(timeout=min(max(deadline - monotonic(), 0), _POLL_INTERVAL)):
            self._check()
            if monotonic() >= deadline:
                raise Unavailable("Another change has not ended in time.")
        self._is_writing = True

    def commit(self) -> bool:
        """Make the unit's changes visible to all other units. Return True if there was a write.

        Raises:
            Cancelled: nothing was committed.
        """
        self._check()
        with self.lock:
            for table, last_id in self._last_ids.items():
                table.last_id = last_id
            for table, changes in self._changes.items():
                table.rows.update(changes)
                for key in [key for key, row in changes.items() if row is None]:
                    del table.rows[key]
        return self._is_writing

    def close(self) -> None:
        """Release the writer lock. The unit cannot be used any more."""
        self._is_closed = True
        if self._is_writing:
            self._is_writing = False
            self._writer.release()

    def _check(self) -> None:
        if self._is_closed:
            raise UnitOfWorkNotOpen
        if self._cancellation is not None:
            self._cancellation.check()
