"""Kept answers in memory."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import TypeAlias

from blog.domain.idempotency import KeptAnswer
from blog.domain.ids import UserId

from .unit import Shelf, Unit

Age: TypeAlias = tuple[datetime, UserId, bytes]


@dataclass(frozen=True, slots=True)
class AnswerShelves:
    """Answers by whom they were for and under which key, and by when they were kept."""

    by_key: Shelf[tuple[UserId, bytes], KeptAnswer] = field(default_factory=Shelf)
    by_age: Shelf[Age, KeptAnswer] = field(default_factory=Shelf)


class MemoryIdempotencyStore:
    """An `IdempotencyStore` over one unit of work in memory."""

    def __init__(self, unit: Unit, shelves: AnswerShelves) -> None:
        self._unit = unit
        self._shelves = shelves

    def find_for_change(self, user_id: UserId, key: bytes) -> KeptAnswer | None:
        self._unit.begin()
        return self._unit.find(self._shelves.by_key, (user_id, key))

    def put(self, kept: KeptAnswer) -> None:
        before = self.find_for_change(kept.user_id, kept.key)
        if before is not None:
            self._remove(before)
        self._unit.on(self._shelves.by_key).put((kept.user_id, kept.key), kept)
        self._unit.on(self._shelves.by_age).put(_age(kept), kept)

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.begin()
        for kept in self._unit.on(self._shelves.by_key).between((user_id, b""), (UserId(user_id + 1), b"")):
            self._remove(kept)

    def purge(self, *, until: datetime, limit: int) -> int:
        self._unit.begin()
        oldest = self._unit.on(self._shelves.by_age).ascending(limit)
        old = list(takewhile(lambda kept: kept.at <= until, oldest))
        for kept in old:
            self._remove(kept)
        return len(old)

    def _remove(self, kept: KeptAnswer) -> None:
        self._unit.on(self._shelves.by_key).drop((kept.user_id, kept.key))
        self._unit.on(self._shelves.by_age).drop(_age(kept))


def _age(kept: KeptAnswer) -> Age:
    return kept.at, kept.user_id, kept.key
