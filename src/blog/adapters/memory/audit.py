"""The audit log in memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Unpack

from blog.domain.audit import AuditEntry, AuditFilter, Seal
from blog.domain.shared import EntryId, SealId

from .tables import MemoryRepository

_MATCHES: Final[dict[str, Callable[[AuditEntry, Any], bool]]] = {
    "about_user": lambda entry, user_id: entry.subject == "user" and entry.subject_id == user_id,
    "since": lambda entry, since: entry.at >= since,
    "until": lambda entry, until: entry.at < until,
}
"""The filters that compare otherwise than for equality with the field of their name."""


class MemoryAuditLog(MemoryRepository):
    """An `AuditLog` over one unit of work in memory."""

    def add(self, entry: AuditEntry) -> None:
        self._unit.begin()
        entry = entry.with_id(EntryId(self._unit.new_id(self._tables.audit_entries)))
        self._unit.put(self._tables.audit_entries, entry.id, entry)

    def page(
        self, *, limit: int, before: EntryId | None = None, **filters: Unpack[AuditFilter]
    ) -> Sequence[AuditEntry]:
        newest_first = self._unit.iterate(reversed(self._entries()))
        found = [entry for entry in newest_first if (before is None or entry.id < before) and _passes(entry, filters)]
        return found[:limit]

    def unsealed(self, *, limit: int) -> Sequence[AuditEntry]:
        self._unit.begin()
        seals = self._unit.visible_rows(self._tables.entry_seals)
        return [entry for entry in self._entries() if entry.id not in seals][:limit]

    def seal(self, seal: Seal, entries: Sequence[AuditEntry]) -> Seal:
        self._unit.begin()
        seal = replace(seal, id=SealId(self._unit.new_id(self._tables.seals)))
        self._unit.put(self._tables.seals, seal.id, seal)
        for entry in entries:
            self._unit.put(self._tables.entry_seals, entry.id, seal.id)
        return seal

    def last_seal(self) -> Seal | None:
        seals = self._unit.visible_rows(self._tables.seals)
        return seals[max(seals)] if seals else None

    def seals(self, *, limit: int, after: SealId | None = None) -> Sequence[Seal]:
        seals = sorted(self._unit.visible_rows(self._tables.seals).values(), key=lambda seal: seal.id)
        return [seal for seal in seals if after is None or seal.id > after][:limit]

    def sealed_by(self, seal_id: SealId) -> Sequence[AuditEntry]:
        with self._unit.lock:  # a consistent snapshot
            entries, seals = self._entries(), self._unit.visible_rows(self._tables.entry_seals)
        return [entry for entry in entries if seals.get(entry.id) == seal_id]

    def counts(self) -> tuple[int, int]:
        with self._unit.lock:  # as above
            entries, seals = self._entries(), self._unit.visible_rows(self._tables.entry_seals)
        sealed = sum(entry.id in seals for entry in entries)
        return sealed, len(entries) - sealed

    def _entries(self) -> list[AuditEntry]:
        """Return all entries by ascending id."""
        return sorted(self._unit.visible_rows(self._tables.audit_entries).values(), key=lambda entry: entry.id)


def _passes(entry: AuditEntry, filters: AuditFilter) -> bool:
    return all(
        _MATCHES[name](entry, value) if name in _MATCHES else getattr(entry, name) == value
        for name, value in filters.items()
    )
