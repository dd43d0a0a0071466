"""Connections set up to keep what this blog promises, and a database's failures told in the domain's words."""

import sqlite3
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext

from blog.domain.errors import Unavailable

PATIENCE: Final = 5
"""Seconds to wait for another unit's lock, or for a connection, before the caller is told to come back later."""

_UNAVAILABLE: Final = {
    sqlite3.SQLITE_BUSY: "The database is locked by another change.",
    sqlite3.SQLITE_LOCKED: "The database is locked by another change.",
    sqlite3.SQLITE_READONLY: "The database cannot be written to.",
    sqlite3.SQLITE_IOERR: "The database file cannot be read or written.",
    sqlite3.SQLITE_CORRUPT: "The database file is damaged.",
    sqlite3.SQLITE_FULL: "The disk is full.",
    sqlite3.SQLITE_CANTOPEN: "The database file cannot be opened.",
    sqlite3.SQLITE_PROTOCOL: "The database is locked by another change.",
    sqlite3.SQLITE_NOTADB: "The file is not a database.",
}
"""What can be wrong with SQLite's surroundings, whatever the statement."""


def new_engine(url: URL, connections: int) -> Engine:
    """An engine whose connections the driver keeps in autocommit: `Unit` begins transactions itself."""
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=PATIENCE,
        connect_args={"timeout": PATIENCE, "isolation_level": None, "check_same_thread": False},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "handle_error", _translated)
    return engine


def _set_up(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")  # a commit is on the disk before it is acknowledged
    cursor.close()


def _translated(context: ExceptionContext) -> Unavailable | None:
    """What the domain calls this error, or None to let it pass as it is."""
    code = getattr(context.original_exception, "sqlite_errorcode", None)
    message = None if code is None else _UNAVAILABLE.get(code & 0xFF)
    return None if message is None else Unavailable(message)
