"""One unit of work in memory.

A unit keeps its changes to itself until it ends; then they are laid on what is kept, all in one moment.
So a unit costs what it does, however much is stored, and one that fails has nothing to undo.
"""

from collections.abc import Iterator
from itertools import count, islice
from threading import Lock
from typing import Any, Generic, TypeVar

from sortedcontainers import SortedDict

from blog.domain.errors import Unavailable

Key = TypeVar("Key", bound=Any)
Row = TypeVar("Row")


class Shelf(Generic[Key, Row]):
    """What all finished units have kept of one kind, and the numbers that are given to new rows."""

    def __init__(self) -> None:
        self.rows: SortedDict[Key, Row] = SortedDict()
        self.numbers: Iterator[int] = count(1)


class Unit:
    """Its view of every shelf it touches, and from its first write on the only place among the writers.

    Args:
        guard: held only while rows are read or laid down.
        writer: held by the one unit that writes.
        patience: seconds to wait for it.
    """

    def __init__(self, guard: Lock, writer: Lock, patience: float) -> None:
        self._guard = guard
        self._writer = writer
        self._patience = patience
        self._writing = False
        self._views: dict[Shelf[Any, Any], View[Any, Any]] = {}

    def on(self, shelf: Shelf[Key, Row]) -> "View[Key, Row]":
        """The shelf as this unit sees it."""
        view = self._views.get(shelf)
        if view is None:
            view = self._views[shelf] = View(shelf.rows, self._guard)
        return view

    def begin(self) -> None:
        """Wait until no other unit writes.

        Raises:
            Unavailable: one still does after some seconds.
        """
        if not self._writing:
            if not self._writer.acquire(timeout=self._patience):
                raise Unavailable("Another change has not ended in time.")
            self._writing = True

    def keep(self) -> None:
        """Make the unit's changes everybody's."""
        if self._writing:
            with self._guard:
                for view in self._views.values():
                    view.lay_down()

    def end(self) -> None:
        """Let others write."""
        if self._writing:
            self._writing = False
            self._writer.release()


class View(Generic[Key, Row]):
    """A shelf as one unit sees it: what is kept, under the unit's own changes. A row of None is one taken away."""

    def __init__(self, kept: "SortedDict[Key, Row]", guard: Lock) -> None:
        self._kept = kept
        self._guard = guard
        self._changes: dict[Key, Row | None] = {}

    def find(self, key: Key) -> Row | None:
        if key in self._changes:
            return self._changes[key]
        with self._guard:
            return self._kept.get(key)

    def put(self, key: Key, row: Row) -> None:
        self._changes[key] = row

    def drop(self, key: Key) -> None:
        self._changes[key] = None

    def ascending(self, limit: int, *, after: Key | None = None) -> list[Row]:
        """Up to `limit` rows whose keys are above `after`."""
        with self._guard:
            rows = self._untouched(self._kept.irange(after, inclusive=(False, False)), limit)
        rows |= {key: row for key, row in self._own() if after is None or key > after}
        return [rows[key] for key in sorted(rows)[:limit]]

    def descending(self, limit: int, *, before: Key | None = None) -> list[Row]:
        """Up to `limit` rows whose keys are below `before`, the highest first."""
        with self._guard:
            rows = self._untouched(self._kept.irange(None, before, inclusive=(False, False), reverse=True), limit)
        rows |= {key: row for key, row in self._own() if before is None or key < before}
        return [rows[key] for key in sorted(rows, reverse=True)[:limit]]

    def between(self, lowest: Any, end: Any) -> list[Row]:
        """All rows whose keys are at least `lowest` and below `end`, in the order of their keys."""
        with self._guard:
            rows = self._untouched(self._kept.irange(lowest, end, inclusive=(True, False)), None)
        rows |= {key: row for key, row in self._own() if lowest <= key < end}
        return [rows[key] for key in sorted(rows)]

    def everything(self) -> list[Row]:
        """All rows, in the order of their keys."""
        with self._guard:
            rows = self._untouched(iter(self._kept), None)
        rows |= dict(self._own())
        return [rows[key] for key in sorted(rows)]

    def lay_down(self) -> None:
        for key, row in self._changes.items():
            if row is None:
                self._kept.pop(key, None)
            else:
                self._kept[key] = row

    def _untouched(self, keys: Iterator[Key], limit: int | None) -> dict[Key, Row]:
        return {key: self._kept[key] for key in islice((key for key in keys if key not in self._changes), limit)}

    def _own(self) -> Iterator[tuple[Key, Row]]:
        return ((key, row) for key, row in self._changes.items() if row is not None)
