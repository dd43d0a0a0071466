"""Slugs in memory."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from blog.domain.posts.slug_assignment import SlugEntry
from blog.domain.shared import PostId

from .tables import MemoryRepository


class MemorySlugStore(MemoryRepository):
    """A `SlugStore` over one unit of work in memory. The key is a digest, which stays when the text is deleted."""

    def add(self, entry: SlugEntry) -> SlugEntry:
        self._unit.begin()
        found = self.find(entry.slug)
        if found is None:
            self.put(entry)
        return found or entry

    def put(self, entry: SlugEntry) -> None:
        self._unit.begin()
        self._unit.put(self._tables.slugs, _digest(entry.slug), entry)

    def remove(self, slug: str) -> None:
        self._unit.begin()
        self._unit.delete(self._tables.slugs, _digest(slug))

    def find(self, slug: str) -> SlugEntry | None:
        found = self._unit.find(self._tables.slugs, _digest(slug))
        return found and replace(found, slug=slug)

    def of_post(self, post_id: PostId) -> Sequence[SlugEntry]:
        entries = [entry for entry in self._rows().values() if entry.post_id == post_id and entry.slug]
        return sorted(entries, key=lambda entry: (entry.since, entry.slug))

    def forget(self, post_ids: Collection[PostId], now: datetime) -> None:
        self._unit.begin()
        for digest, entry in list(self._rows().items()):
            if entry.post_id in post_ids and entry.since > now:
                self._unit.delete(self._tables.slugs, digest)
            elif entry.post_id in post_ids:
                self._unit.put(self._tables.slugs, digest, replace(entry, slug=""))

    def _rows(self) -> dict[bytes, SlugEntry]:
        return self._unit.visible_rows(self._tables.slugs)


def _digest(slug: str) -> bytes:
    return hashlib.sha256(slug.encode()).digest()
