"""Idempotency records in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from blog.domain.idempotency import IdempotencyRecord
from blog.domain.shared import PostId, UserId

from .tables import MemoryRepository


class MemoryIdempotencyStore(MemoryRepository):
    """An `IdempotencyStore` over one unit of work in memory."""

    def find_for_update(self, user_id: UserId, key: bytes) -> IdempotencyRecord | None:
        self._unit.begin()
        return self._unit.find(self._tables.idempotency_records, (user_id, key))

    def put(self, record: IdempotencyRecord, post_ids: Collection[PostId] = ()) -> None:
        key = record.user_id, record.key
        self._unit.put(self._tables.idempotency_records, key, record)
        self._unit.put(self._tables.response_posts, key, frozenset(post_ids))

    def forget_posts(self, post_ids: Collection[PostId]) -> None:
        self._unit.begin()
        records = self._unit.visible_rows(self._tables.idempotency_records)
        for key, shown in self._unit.visible_rows(self._tables.response_posts).items():
            if not shown.isdisjoint(post_ids):
                self._unit.put(self._tables.idempotency_records, key, replace(records[key], response=None))

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.begin()
        self._remove([record for record in self._oldest_first() if record.user_id == user_id])

    def purge(self, *, until: datetime, limit: int) -> int:
        self._unit.begin()
        return self._remove([record for record in self._oldest_first() if record.at <= until][:limit])

    def _oldest_first(self) -> list[IdempotencyRecord]:
        return sorted(self._unit.visible_rows(self._tables.idempotency_records).values(), key=lambda record: record.at)

    def _remove(self, records: Sequence[IdempotencyRecord]) -> int:
        for record in records:
            self._unit.delete(self._tables.idempotency_records, (record.user_id, record.key))
            self._unit.delete(self._tables.response_posts, (record.user_id, record.key))
        return len(records)
