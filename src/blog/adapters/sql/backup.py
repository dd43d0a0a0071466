"""Copies of a whole database, into a file and back.

A backup is an SQLite database, whatever it was made of: it can be looked into with any SQLite, served as it is, and
restored into any database that the blog knows.
"""

from typing import Final

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select

from blog.adapters.sql.engine.dialect import Dialect
from blog.adapters.sql.repositories.posts import every_post
from blog.adapters.sql.schema.tables import metadata
from blog.domain.errors import Conflict

_AT_ONCE: Final = 1000
"""Rows that are held in memory at a time."""

_TABLES: Final = metadata.sorted_tables


class NotEmpty(Conflict):
    """There is something where a backup would be restored."""

    def __init__(self) -> None:
        super().__init__("The database is not empty: what is in it would be lost.")


def transfer(
    source: Dialect, source_engine: Engine, target: Dialect, target_engine: Engine, *, replace: bool = False
) -> None:
    """Copy everything, as it is at one moment, from one database into another: all of it, or nothing.

    No id is given twice: each table goes on after the highest id that either of the two ever gave.

    Raises:
        NotEmpty: there is something in the other, and it is not to be replaced.
    """
    with source.snapshot(source_engine) as giver, target.migration_transaction(target_engine) as taker:
        last = {table.name: _last_id(taker, target, table) for table in _TABLES}
        _clear(taker, replace=replace)
        _copy(giver, taker)
        for table in _TABLES:
            target.set_last_id(taker, table.name, max(last[table.name], _last_id(giver, source, table)))
        target.index.rebuild(taker, every_post(taker))


def _last_id(connection: Connection, dialect: Dialect, table: Table) -> int:
    """The highest id that a table ever gave or holds: a row that was put there by hand may have a higher one."""
    highest: int | None = connection.execute(select(func.max(table.c.id))).scalar_one()
    return max(highest or 0, dialect.last_id(connection, table.name))


def _copy(source: Connection, target: Connection) -> None:
    """Copy every row between transactions of two databases.

    Raises:
        RuntimeError: not as many rows arrived as were sent.
    """
    for table in _TABLES:
        rows = source.execution_options(yield_per=_AT_ONCE).execute(select(table).order_by(table.c.id)).mappings()
        for some in rows.partitions():
            target.execute(insert(table), [dict(row) for row in some])
        count = select(func.count()).select_from(table)
        if source.execute(count).scalar_one() != target.execute(count).scalar_one():
            raise RuntimeError(f"not all rows of {table.name} were copied")


def _clear(target: Connection, *, replace: bool) -> None:
    """Make room.

    Raises:
        NotEmpty: there is something, and it is not to be replaced.
    """
    if not replace and any(target.execute(select(table.c.id).limit(1)).first() for table in _TABLES):
        raise NotEmpty
    for table in reversed(_TABLES):
        target.execute(delete(table))
