"""The audit in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final, Unpack

from blog.domain.audit import AuditEntry, AuditFilter, Seal
from blog.domain.shared import EntryId, SealId

from .unit import Table, Unit


@dataclass(frozen=True, slots=True)
class AuditTables:
    """Entries and seals by number; the entries that have no seal, and those that have one."""

    entries: Table[EntryId, AuditEntry] = field(default_factory=Table)
    unsealed: Table[EntryId, AuditEntry] = field(default_factory=Table)
    sealed: Table[tuple[SealId, int], AuditEntry] = field(default_factory=Table)
    seals: Table[SealId, Seal] = field(default_factory=Table)


_ALL: Final = float("inf")
_MATCHES: Final[dict[str, Callable[[AuditEntry, Any], bool]]] = {
    "about_user": lambda entry, user_id: entry.subject == "user" and entry.subject_id == user_id,
    "since": lambda entry, since: entry.at >= since,
    "until": lambda entry, until: entry.at < until,
}
"""How an entry is held against what is asked for, where it is not by being equal."""


class MemoryAuditLog:
    """An `AuditLog` over one unit of work in memory."""

    def __init__(self, unit: Unit, shelves: AuditTables) -> None:
        self._unit = unit
        self._shelves = shelves

    def add(self, entry: AuditEntry) -> None:
        self._unit.begin()
        entry = entry.with_id(EntryId(next(self._shelves.entries.numbers)))
        self._unit.on(self._shelves.entries).put(entry.id, entry)
        self._unit.on(self._shelves.unsealed).put(entry.id, entry)

    def page(
        self, *, limit: int, before: EntryId | None = None, **filters: Unpack[AuditFilter]
    ) -> Sequence[AuditEntry]:
        entries = self._unit.on(self._shelves.entries)
        if not filters:
            return entries.descending(limit, before=before)
        older = reversed(entries.between(0, _ALL if before is None else before))
        return list(islice((entry for entry in older if _is_of(entry, filters)), limit))

    def unsealed(self, *, limit: int) -> Sequence[AuditEntry]:
        self._unit.begin()
        return self._unit.on(self._shelves.unsealed).ascending(limit)

    def seal(self, seal: Seal, entries: Sequence[AuditEntry]) -> Seal:
        self._unit.begin()
        seal = replace(seal, id=SealId(next(self._shelves.seals.numbers)))
        self._unit.on(self._shelves.seals).put(seal.id, seal)
        for entry in entries:
            self._unit.on(self._shelves.unsealed).drop(entry.id)
            self._unit.on(self._shelves.sealed).put((seal.id, entry.id), entry)
        return seal

    def last_seal(self) -> Seal | None:
        return next(iter(self._unit.on(self._shelves.seals).descending(1)), None)

    def seals(self, *, limit: int, after: SealId | None = None) -> Sequence[Seal]:
        return self._unit.on(self._shelves.seals).ascending(limit, after=after)

    def sealed_by(self, seal_id: SealId) -> Sequence[AuditEntry]:
        return self._unit.on(self._shelves.sealed).between((seal_id, 0), (seal_id, _ALL))

    def counts(self) -> tuple[int, int]:
        sealed = len(self._unit.on(self._shelves.sealed).everything())
        return sealed, len(self._unit.on(self._shelves.unsealed).everything())


def _is_of(entry: AuditEntry, filters: AuditFilter) -> bool:
    return all(
        _MATCHES[name](entry, value) if name in _MATCHES else getattr(entry, name) == value
        for name, value in filters.items()
    )
