"""Copies of a whole database, into a file and back.

A backup is an SQLite database, whatever it was made of: it can be looked into with any SQLite, served as it is, and
restored into any database that the blog knows.
"""

from typing import Final

from sqlalchemy import Connection, Engine, delete, func, insert, select

from blog.domain.errors import Conflict

from .dialect import Dialect
from .posts import every_post
from .tables import metadata

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

    Raises:
        NotEmpty: there is something in the other, and it is not to be replaced.
    """
    with source.snapshot(source_engine) as giver, target.changing_tables(target_engine) as taker:
        _clear(taker, replace=replace)
        _copy(giver, source, taker, target)
        target.index.rebuild(taker, every_post(taker))


def _copy(source: Connection, source_dialect: Dialect, target: Connection, target_dialect: Dialect) -> None:
    """Copy every row, and from which number on the next ones are numbered, between transactions of two databases.

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
        target_dialect.number_after(target, table.name, source_dialect.last_number(source, table.name))


def _clear(target: Connection, *, replace: bool) -> None:
    """Make room.

    Raises:
        NotEmpty: there is something, and it is not to be replaced.
    """
    if not replace and any(target.execute(select(table.c.id).limit(1)).first() for table in _TABLES):
        raise NotEmpty
    for table in reversed(_TABLES):
        target.execute(delete(table))
