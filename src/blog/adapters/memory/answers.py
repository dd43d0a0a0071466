"""Kept answers in memory."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import TypeAlias

from blog.domain.idempotency import IdempotencyRecord
from blog.domain.shared import UserId

from .unit import Table, Unit

Age: TypeAlias = tuple[datetime, UserId, bytes]


@dataclass(frozen=True, slots=True)
class IdempotencyTables:
    """Answers by whom they were for and under which key, and by when they were kept."""

    by_key: Table[tuple[UserId, bytes], IdempotencyRecord] = field(default_factory=Table)
    by_age: Table[Age, IdempotencyRecord] = field(default_factory=Table)


class MemoryIdempotencyStore:
    """An `IdempotencyStore` over one unit of work in memory."""

    def __init__(self, unit: Unit, shelves: IdempotencyTables) -> None:
        self._unit = unit
        self._shelves = shelves

    def find_for_update(self, user_id: UserId, key: bytes) -> IdempotencyRecord | None:
        self._unit.begin()
        return self._unit.find(self._shelves.by_key, (user_id, key))

    def put(self, kept: IdempotencyRecord) -> None:
        before = self.find_for_update(kept.user_id, kept.key)
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

    def _remove(self, kept: IdempotencyRecord) -> None:
        self._unit.on(self._shelves.by_key).drop((kept.user_id, kept.key))
        self._unit.on(self._shelves.by_age).drop(_age(kept))


def _age(kept: IdempotencyRecord) -> Age:
    return kept.at, kept.user_id, kept.key
