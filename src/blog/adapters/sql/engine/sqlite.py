"""The dialect of SQLite: a file on this machine."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from blog.domain.blog import ConcurrencyConflict
from blog.domain.errors import BlogError, Unavailable

from .dialect import DEFAULT_TIMEOUT, DriverConnection
from .sqlite_file import SqliteFile

_ERRORS: Final = {
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
"""Errors of the file or the disk, and not of the statement."""

_log = logging.getLogger(__name__)


_LOCK_POLL_INTERVAL: Final = 0.2
"""Seconds that one statement waits for a lock. The unit of work then runs it again, unless it was cancelled."""


class _Connection(sqlite3.Connection):
    """A connection whose statements can be interrupted, also before they have begun."""

    def interruptible(self) -> AbstractContextManager[object]:
        """Return a block for the statements of one unit. No `interrupt` is lost in it, and none outlives it.

        SQLite forgets an interrupt when a statement begins while no other is active (sqlite.org/c3ref/interrupt.html).
        So a half-read query stays active in the block: an interrupt between two statements then stops the second one.
        SQLite forgets the interrupt when all statements have ended.
        """
        return closing(self.execute("SELECT 1 UNION ALL SELECT 2"))


class SqliteDialect:
    """The dialect of SQLite.

    Args:
        path: the database file. It is created, readable for its owner only, when it is first opened.
        timeout: seconds to wait for a lock.
    """

    data_version_query: Final = "PRAGMA data_version"
    begin: Final = "BEGIN IMMEDIATE"  # locks at once: a transaction that has read first may be refused the lock
    advisory_lock: Final = ""
    table_lock: Final = ""
    has_pipeline: Final = False
    has_group_commit: Final = False
    interrupts_all: Final = False  # an interrupted write ends the transaction, which units may share

    def __init__(self, path: Path, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.file: Final = SqliteFile(path)
        self._timeout = timeout
        self.lock_poll_interval = min(timeout, _LOCK_POLL_INTERVAL)
        self._says_read_only = True

    def new_engine(self) -> Engine:
        """Return an engine whose connections enforce foreign keys, and sync each commit to the disk.

        Raises:
            ValueError: the database cannot be that file.
        """
        if error := self.file.path_error():
            raise ValueError(error)
        engine = create_engine(
            URL.create("sqlite", database=str(self.file.path)),
            poolclass=NullPool,
            connect_args={
                "timeout": self._timeout,
                "isolation_level": None,
                "check_same_thread": False,
                "factory": _Connection,
            },
            hide_parameters=True,
        )
        event.listen(engine, "do_connect", self._before_connecting)
        event.listen(engine, "connect", _set_up)
        return engine

    def _before_connecting(self, _dialect: Any, _entry: Any, places: list[Any], options: dict[str, Any]) -> None:
        """Make the file private before SQLite makes it readable for all, or open it to read only."""
        if not self.file.is_read_only():
            with suppress(OSError):  # SQLite fails for the same reason, and `translate_error` reports it
                self.file.create()
            return
        places[0], options["uri"] = self.file.reading_uri(), True
        if self._says_read_only:
            self._says_read_only = False
            _log.warning("%s cannot be written to, so it is only read.", self.file.path)

    @property
    def is_read_only(self) -> bool:
        """Whether this process can only read the file."""
        return self.file.is_read_only()

    def check_unchanged(self) -> None:
        self.file.check_unchanged()

    def for_units(self, opened: Any) -> DriverConnection:
        opened.execute(f"PRAGMA busy_timeout={round(self.lock_poll_interval * 1000)}")
        connection: DriverConnection = opened
        return connection

    def is_locked(self, error: Exception) -> bool:
        """Return whether waiting helps: not with SQLITE_BUSY_SNAPSHOT."""
        return getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY}

    def can_commit(self, connection: Any) -> bool:
        """Return whether the transaction is open: a full disk may end it (sqlite.org/lang_transaction.html)."""
        return bool(connection.in_transaction)

    def is_dead(self, connection: DriverConnection) -> bool:  # noqa: ARG002 - the protocol names it
        """Return False: a file does not die."""
        return False

    def timed_out(self, connection: DriverConnection) -> bool:  # noqa: ARG002 - as above
        return False

    @contextmanager
    def migration_transaction(self, engine: Engine) -> Iterator[Connection]:
        """Open the transaction with foreign keys off: tables are changed by copies. They are checked at the end."""
        self._use_wal(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            try:
                connection.exec_driver_sql(self.begin)
                yield connection
                if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                    raise RuntimeError("a migration left a foreign key without its row")
                connection.commit()
            finally:
                connection.rollback()
                connection.exec_driver_sql("PRAGMA foreign_keys=ON")

    @contextmanager
    def snapshot(self, engine: Engine) -> Iterator[Connection]:
        """Open a transaction that sees the database as of its first read, as WAL mode has it."""
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
        self.check_unchanged()

    def last_id(self, connection: Connection, table: str) -> int:
        """Return the id from the table that SQLite has for AUTOINCREMENT."""
        row = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).first()
        return 0 if row is None else int(row[0])

    def set_last_id(self, connection: Connection, table: str, last: int) -> None:
        """Replace the id in the same table."""
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last))

    def translate_error(self, error: BaseException) -> BlogError | None:
        """Translate by SQLite's primary result code (sqlite.org/rescode.html)."""
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:  # to a row that another transaction has removed meanwhile
            return ConcurrencyConflict("Another change conflicts with this one.")
        message = None if code is None else _ERRORS.get(code & 0xFF)
        return None if message is None else Unavailable(message, cause=self.file.cause(error))

    def _use_wal(self, engine: Engine) -> None:
        """Switch to WAL mode, in which readers do not block the writer. SQLite itself does not wait for the lock."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                with engine.connect() as connection:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


def _set_up(connection: Any, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")  # a commit is on the disk before it is acknowledged
    cursor.execute("PRAGMA temp_store=MEMORY")  # the rollback journal of savepoints: a third of all writes to files
    cursor.execute("PRAGMA cache_size=-8000")  # KiB: the default of 2000 is too small for the indexes
    cursor.close()
