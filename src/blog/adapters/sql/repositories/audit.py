"""The audit log in a database."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from operator import attrgetter
from typing import Any, Final, Unpack

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, select, update

from blog.adapters.sql.engine.statement import ReadStatement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository
from blog.adapters.sql.schema.tables import IS_ABOUT_A_USER, BigIntId, entries, seals
from blog.domain.audit import AuditEntry, AuditFilter, Event, Seal
from blog.domain.shared import EntryId, SealId

_FIELDS: Final = [column for column in entries.c if column is not entries.c.seal_id]
_given: Final = [column.name for column in _FIELDS if column is not entries.c.id]
_values_of: Final = attrgetter(*_given)


def _entry(*, event: str, **fields: Any) -> AuditEntry:
    return AuditEntry(event=Event(event), **fields)


_add = WriteStatement(insert(entries))
_newest = ReadStatement(select(*_FIELDS).order_by(entries.c.id.desc()).limit(bindparam("limit")), _entry)
_unsealed = ReadStatement(
    select(*_FIELDS).where(entries.c.seal_id.is_(None)).order_by(entries.c.id).limit(bindparam("limit")), _entry
)
_sealed_by = ReadStatement(
    select(*_FIELDS).where(entries.c.seal_id == bindparam("by_seal")).order_by(entries.c.id), _entry
)
_counts: ReadStatement[dict[str, int]] = ReadStatement(
    select(func.count(entries.c.seal_id).label("sealed"), func.count().label("all")).select_from(entries), dict
)
_put_seal = WriteStatement(update(entries).where(entries.c.id.in_(bindparam("entry_ids", expanding=True))))
_seal_given: Final = [column.name for column in seals.c if column is not seals.c.id]
_add_seal = WriteStatement(insert(seals).returning(seals.c.id))
_last_seal = ReadStatement(select(seals).order_by(seals.c.id.desc()).limit(1), Seal)
_seals = ReadStatement(select(seals).order_by(seals.c.id).limit(bindparam("limit")), Seal)
_seals_after = ReadStatement(_seals.core.where(seals.c.id > bindparam("after")), Seal)

_MATCHES: Final[dict[str, ColumnElement[bool]]] = {
    "about_user": and_(IS_ABOUT_A_USER, entries.c.subject_id == bindparam("about_user", type_=BigIntId)),
    "since": entries.c.at >= bindparam("since"),
    "until": entries.c.at < bindparam("until"),
    "before": entries.c.id < bindparam("before"),
}
"""The filters that compare otherwise than for equality with the column of their name."""


@cache
def _newest_of(*asked: str) -> ReadStatement[AuditEntry]:
    """Return the statement for the newest entries that pass these filters. There are few sets of names."""
    wanted = [_MATCHES[name] if name in _MATCHES else entries.c[name] == bindparam(name) for name in asked]
    return ReadStatement(_newest.core.where(*wanted), _entry)


class SqlAuditLog(SqlRepository):
    """An `AuditLog` over one unit of work on a database."""

    def add(self, entry: AuditEntry) -> None:
        self._unit.execute_deferred(_add, **dict(zip(_given, _values_of(entry), strict=True)))

    def page(
        self, *, limit: int, before: EntryId | None = None, **filters: Unpack[AuditFilter]
    ) -> Sequence[AuditEntry]:
        asked = filters if before is None else {**filters, "before": before}
        return self._unit.find_all(_newest_of(*sorted(asked)), limit=limit, **asked)

    def unsealed(self, *, limit: int) -> Sequence[AuditEntry]:
        self._unit.advisory_lock("seals")
        return self._unit.find_all(_unsealed, limit=limit)

    def seal(self, seal: Seal, entries: Sequence[AuditEntry]) -> Seal:
        row = {name: getattr(seal, name) for name in _seal_given}
        seal = replace(seal, id=SealId(self._unit.add(_add_seal, **row)))
        self._unit.execute(_put_seal, entry_ids=[entry.id for entry in entries], seal_id=seal.id)
        return seal

    def last_seal(self) -> Seal | None:
        return self._unit.find(_last_seal)

    def seals(self, *, limit: int, after: SealId | None = None) -> Sequence[Seal]:
        if after is None:
            return self._unit.find_all(_seals, limit=limit)
        return self._unit.find_all(_seals_after, limit=limit, after=after)

    def sealed_by(self, seal_id: SealId) -> Sequence[AuditEntry]:
        return self._unit.find_all(_sealed_by, by_seal=seal_id)

    def counts(self) -> tuple[int, int]:
        (counted,) = self._unit.find_all(_counts)
        return counted["sealed"], counted["all"] - counted["sealed"]
