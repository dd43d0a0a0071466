"""One unit of work in memory.

A unit keeps its changes to itself until it ends; then they are laid on what is kept, all in one moment.
So a unit costs what it does, however much is stored, and one that fails has nothing to undo.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice
from threading import Lock
from time import monotonic
from typing import Any, Final, Generic, TypeVar

from sortedcontainers import SortedDict

from blog.domain.cancellation import Cancellation
from blog.domain.errors import Unavailable

Key = TypeVar("Key", bound=Any)
Row = TypeVar("Row")
Item = TypeVar("Item")


_POLL_INTERVAL: Final = 0.1
"""Seconds after which a wait for another unit looks whether this one was cancelled."""


class Table(Generic[Key, Row]):
    """What all finished units have kept of one kind, for whoever holds the guard, and the numbers of new rows.

    A row is kept at once, and put in order when somebody first asks for rows in order: a write does not pay for it.
    In each of `followers` the keys are noted of which rows have changed: see `Derived`.
    """

    def __init__(self) -> None:
        self.numbers: Iterator[int] = count(1)
        self.followers: list[set[Key]] = []
        self._rows: SortedDict[Key, Row] = SortedDict()
        self._recent: dict[Key, Row] = {}

    def find(self, key: Key) -> Row | None:
        return self._recent[key] if key in self._recent else self._rows.get(key)

    def apply(self, changes: Mapping[Key, Row | None]) -> None:
        """Keep rows; one of None is taken away."""
        for key, row in changes.items():
            if row is None:
                self._recent.pop(key, None)
                self._rows.pop(key, None)
            else:
                self._recent[key] = row
        for changed in self.followers:
            changed.update(changes)

    @property
    def rows(self) -> "SortedDict[Key, Row]":
        """All rows, in the order of their keys."""
        if self._recent:
            self._rows.update(self._recent)
            self._recent.clear()
        return self._rows


class Unit:
    """Its view of every shelf it touches, and from its first write on the only place among the writers.

    Args:
        guard: held only while rows are read or laid down.
        writer: held by the one unit that writes.
        patience: seconds to wait for it.
        cancellation: cancels the unit, until it begins to store what it did.
    """

    def __init__(self, guard: Lock, writer: Lock, patience: float, cancellation: Cancellation | None = None) -> None:
        self.guard = guard
        self._writer = writer
        self._patience = patience
        self._cancellation = cancellation
        self._writing = False
        self._views: dict[Table[Any, Any], View[Any, Any]] = {}

    def on(self, shelf: Table[Key, Row]) -> "View[Key, Row]":
        """The shelf as this unit sees it.

        Raises:
            Cancelled.
        """
        self._check()
        view = self._views.get(shelf)
        if view is None:
            view = self._views[shelf] = View(shelf, self)
        return view

    def find(self, shelf: Table[Key, Row], key: Key) -> Row | None:
        """One row, as this unit sees it.

        Raises:
            Cancelled.
        """
        self._check()
        view = self._views.get(shelf)
        if view is not None and key in view.own:
            found: Row | None = view.own[key]
            return found
        with self.guard:
            return shelf.find(key)

    def begin(self) -> None:
        """Wait until no other unit writes.

        Raises:
            Cancelled: before or while it waits.
            Unavailable: one still does after some seconds.
        """
        self._check()
        if not self._writing:
            deadline = monotonic() + self._patience
            while not self._writer.acquire(timeout=self._wait_at_once(deadline)):
                self._check()
                if monotonic() >= deadline:
                    raise Unavailable("Another change has not ended in time.")
            self._writing = True

    def each(self, items: Iterable[Item]) -> Iterable[Item]:
        """The items. Before each it is looked whether the unit was cancelled: for what may be long.

        Raises:
            Cancelled.
        """
        return items if self._cancellation is None else self._each(items, self._cancellation)

    def _each(self, items: Iterable[Item], cancellation: Cancellation) -> Iterator[Item]:
        for item in items:
            cancellation.check()
            yield item

    def _check(self) -> None:
        if self._cancellation is not None:
            self._cancellation.check()

    def _wait_at_once(self, deadline: float) -> float:
        """Seconds to wait before it is looked again whether the unit was cancelled."""
        left = max(deadline - monotonic(), 0)
        return left if self._cancellation is None else min(left, _POLL_INTERVAL)

    def keep(self) -> bool:
        """Make the unit's changes everybody's, and say whether there can be any.

        Raises:
            Cancelled: then nothing is kept.
        """
        self._check()
        if self._writing:
            with self.guard:
                for shelf, view in self._views.items():
                    if view.own:
                        shelf.apply(view.own)
        return self._writing

    def end(self) -> None:
        """Let others write."""
        if self._writing:
            self._writing = False
            self._writer.release()


class View(Generic[Key, Row]):
    """A shelf as one unit sees it: what is kept, under the unit's own changes. A row of None is one taken away."""

    __slots__ = ("_each", "_guard", "_shelf", "own")

    def __init__(self, shelf: Table[Key, Row], unit: Unit) -> None:
        self._shelf = shelf
        self._guard = unit.guard
        self._each = unit.each
        self.own: dict[Key, Row | None] = {}

    def seen(self, key: Key) -> Row | None:
        """The row, to whoever holds the guard."""
        return self.own[key] if key in self.own else self._shelf.find(key)

    def put(self, key: Key, row: Row) -> None:
        self.own[key] = row

    def drop(self, key: Key) -> None:
        self.own[key] = None

    def ascending(self, limit: int, *, after: Key | None = None) -> list[Row]:
        """Up to `limit` rows whose keys are above `after`."""
        with self._guard:
            rows = self._untouched(self._shelf.rows.irange(after, inclusive=(False, False)), limit)
        rows |= {key: row for key, row in self._own() if after is None or key > after}
        return [rows[key] for key in sorted(rows)[:limit]]

    def descending(self, limit: int, *, before: Key | None = None) -> list[Row]:
        """Up to `limit` rows whose keys are below `before`, the highest first."""
        with self._guard:
            rows = self._untouched(self._shelf.rows.irange(None, before, inclusive=(False, False), reverse=True), limit)
        rows |= {key: row for key, row in self._own() if before is None or key < before}
        return [rows[key] for key in sorted(rows, reverse=True)[:limit]]

    def between(self, lowest: Any, end: Any) -> list[Row]:
        """All rows whose keys are at least `lowest` and below `end`, in the order of their keys."""
        with self._guard:
            rows = self._untouched(self._shelf.rows.irange(lowest, end, inclusive=(True, False)), None)
        rows |= {key: row for key, row in self._own() if lowest <= key < end}
        return [rows[key] for key in sorted(rows)]

    def everything(self) -> list[Row]:
        """All rows, in the order of their keys."""
        with self._guard:
            rows = self._untouched(iter(self._shelf.rows), None)
        rows |= dict(self._own())
        return [rows[key] for key in sorted(rows)]

    def _untouched(self, keys: Iterator[Key], limit: int | None) -> dict[Key, Row]:
        rows = self._shelf.rows
        return {key: rows[key] for key in islice((key for key in self._each(keys) if key not in self.own), limit)}

    def _own(self) -> Iterator[tuple[Key, Row]]:
        return ((key, row) for key, row in self.own.items() if row is not None)
