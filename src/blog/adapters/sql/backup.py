"""Copy a whole database into a backup file, and back.

A backup is an SQLite database, also that of a PostgreSQL database. Any SQLite tool reads it, `blog serve` serves it,
and it can be restored into either database.
"""

from datetime import UTC, datetime
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select

from blog.adapters.sql.engine.dialect import Dialect
from blog.adapters.sql.repositories.posts import indexed_posts
from blog.adapters.sql.repositories.tagging import rebuild_tags
from blog.adapters.sql.schema.tables import STORED_TABLES, metadata
from blog.adapters.sql.search.index import SqlPostIndex
from blog.domain.errors import Conflict

_AT_ONCE: Final = 1000
"""Rows that are in memory at a time."""


class NotEmpty(Conflict):
    """The database into which a backup would be restored is not empty."""

    def __init__(self) -> None:
        super().__init__("The database is not empty: what is in it would be lost.")


class Database(Protocol):
    """A database as a backup needs it."""

    dialect: Dialect
    engine: Engine
    index: type[SqlPostIndex]


def transfer(source: Database, target: Database, *, replace: bool = False) -> None:
    """Copy everything, as of one point in time, from one database into another: all of it, or nothing.

    No id is used twice: each table continues after the highest id that it ever had in either database.

    Raises:
        NotEmpty: there is something in the target, and it is not to be replaced.
    """
    with (
        source.dialect.snapshot(source.engine) as reader,
        target.dialect.migration_transaction(target.engine) as writer,
    ):
        last = {table.name: _last_id(writer, target.dialect, table) for table in STORED_TABLES}
        _clear(writer, replace=replace)
        _copy(reader, writer)
        for table in STORED_TABLES:
            last_id = max(last[table.name], _last_id(reader, source.dialect, table))
            target.dialect.set_last_id(writer, table.name, last_id)
        rebuild_tags(writer, datetime.now(UTC))
        target.index.rebuild(writer, indexed_posts(writer))


def _last_id(connection: Connection, dialect: Dialect, table: Table) -> int:
    """Return the highest id that a table ever gave or has: a row that was inserted by hand may have a higher one."""
    highest: int | None = connection.execute(select(func.max(table.c.id))).scalar_one()
    return max(highest or 0, dialect.last_id(connection, table.name))


def _copy(source: Connection, target: Connection) -> None:
    """Copy every row between transactions of two databases.

    Raises:
        RuntimeError: not as many rows arrived as were sent.
    """
    for table in STORED_TABLES:
        rows = source.execution_options(yield_per=_AT_ONCE).execute(select(table).order_by(table.c.id)).mappings()
        for some in rows.partitions():
            target.execute(insert(table), [dict(row) for row in some])
        count = select(func.count()).select_from(table)
        if source.execute(count).scalar_one() != target.execute(count).scalar_one():
            raise RuntimeError(f"not all rows of {table.name} were copied")


def _clear(target: Connection, *, replace: bool) -> None:
    """Delete all rows.

    Raises:
        NotEmpty: there are rows, and they are not to be replaced.
    """
    if not replace and any(target.execute(select(table.c.id).limit(1)).first() for table in STORED_TABLES):
        raise NotEmpty
    for table in reversed(metadata.sorted_tables):
        target.execute(delete(table))
