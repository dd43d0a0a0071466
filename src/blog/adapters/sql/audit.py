"""The audit in a database."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Unpack

from sqlalchemy import ColumnElement, Row, bindparam, func, insert, select, update

from blog.domain.audit import Entry, EntryFilter, Event, Seal
from blog.domain.ids import EntryId, SealId

from .tables import entries, seals
from .unit import Unit

_FIELDS: Final = [column for column in entries.c if column is not entries.c.seal_id]

_add = insert(entries).returning(entries.c.id)
_newest = select(*_FIELDS).order_by(entries.c.id.desc()).limit(bindparam("limit"))
_unsealed = select(*_FIELDS).where(entries.c.seal_id.is_(None)).order_by(entries.c.id).limit(bindparam("limit"))
_sealed_by = select(*_FIELDS).where(entries.c.seal_id == bindparam("by_seal")).order_by(entries.c.id)
_counts = select(func.count(entries.c.seal_id), func.count())
_put_seal = update(entries).where(entries.c.id.in_(bindparam("entry_ids", expanding=True)))
_add_seal = insert(seals).returning(seals.c.id)
_last_seal = select(seals).order_by(seals.c.id.desc()).limit(1)
_seals = select(seals).order_by(seals.c.id).limit(bindparam("limit"))
_seals_after = _seals.where(seals.c.id > bindparam("after"))

_MATCHES: Final[dict[str, Callable[[Any], ColumnElement[bool]]]] = {
    "since": lambda since: entries.c.at >= since,
    "until": lambda until: entries.c.at < until,
}
"""How an entry is held against what is asked for, where it is not by being equal."""


class SqlAuditLog:
    """An `AuditLog` over one unit of work on a database."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def add(self, entry: Entry) -> Entry:
        row = {column.name: getattr(entry, column.name) for column in _FIELDS if column is not entries.c.id}
        return replace(entry, id=EntryId(self._unit.writing.execute(_add, row).scalar_one()))

    def page(self, *, limit: int, before: EntryId | None = None, **those: Unpack[EntryFilter]) -> Sequence[Entry]:
        wanted = [
            _MATCHES[name](value) if name in _MATCHES else entries.c[name] == value for name, value in those.items()
        ]
        if before is not None:
            wanted.append(entries.c.id < before)
        return [_entity(row) for row in self._unit.reading.execute(_newest.where(*wanted), {"limit": limit})]

    def unsealed(self, *, limit: int) -> Sequence[Entry]:
        self._unit.hold("seals")
        return [_entity(row) for row in self._unit.writing.execute(_unsealed, {"limit": limit})]

    def seal(self, seal: Seal, entries: Sequence[Entry]) -> Seal:
        row = {"at": seal.at, "entries": seal.entries, "previous": seal.previous, "digest": seal.digest}
        seal = replace(seal, id=SealId(self._unit.writing.execute(_add_seal, row).scalar_one()))
        self._unit.writing.execute(_put_seal, {"entry_ids": [entry.id for entry in entries], "seal_id": seal.id})
        return seal

    def last_seal(self) -> Seal | None:
        row = self._unit.reading.execute(_last_seal).first()
        return None if row is None else Seal(**row._mapping)

    def seals(self, *, limit: int, after: SealId | None = None) -> Sequence[Seal]:
        statement = _seals if after is None else _seals_after
        return [Seal(**row._mapping) for row in self._unit.reading.execute(statement, {"limit": limit, "after": after})]

    def sealed_by(self, seal_id: SealId) -> Sequence[Entry]:
        return [_entity(row) for row in self._unit.reading.execute(_sealed_by, {"by_seal": seal_id})]

    def counts(self) -> tuple[int, int]:
        sealed, entries_at_all = self._unit.reading.execute(_counts.select_from(entries)).one()
        return sealed, entries_at_all - sealed


def _entity(row: Row[Any]) -> Entry:
    return Entry(**{**row._mapping, "event": Event(row.event)})
