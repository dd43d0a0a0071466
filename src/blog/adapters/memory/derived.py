"""What is made of rows so that they are found by something else than their key, when somebody first looks for them.

So a write costs no more for it than a note of what it changed, and whoever looks does what has come together.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

from .unit import Key, Table

Row = TypeVar("Row")


class Derived(ABC, Generic[Key, Row]):
    """Follows what finished units have kept on a shelf. It is read under the guard, after it has caught up."""

    def __init__(self, shelf: Table[Key, Row]) -> None:
        self._shelf = shelf
        self._known: dict[Key, Row] = {}
        self._changed: set[Key] = set()
        shelf.followers.append(self._changed)

    def catch_up(self) -> None:
        """Take over what has changed since this was last called."""
        if not self._changed:
            return
        self._forget([self._known.pop(key) for key in self._changed if key in self._known])
        found = ((key, self._shelf.find(key)) for key in sorted(self._changed))
        new = {key: row for key, row in found if row is not None}
        self._take(new.values())
        self._known |= new
        self._changed.clear()

    @abstractmethod
    def _take(self, rows: Iterable[Row]) -> None:
        """Take over rows that are new, by ascending keys."""

    @abstractmethod
    def _forget(self, rows: Iterable[Row]) -> None:
        """Take out rows that are gone, or are about to come anew."""
