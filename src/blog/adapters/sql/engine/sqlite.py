"""SQLite: a file on this machine."""

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
"""What can be wrong with SQLite's surroundings, whatever the statement."""

_log = logging.getLogger(__name__)


_LOCK_POLL_INTERVAL: Final = 0.2
"""Seconds that SQLite waits for a lock at once. A unit of work waits again, unless it was cancelled meanwhile."""


class _Connection(sqlite3.Connection):
    """A connection whose statements can be interrupted, also before they have begun."""

    def interruptible(self) -> AbstractContextManager[object]:
        """A block for statements of one unit, in which no `interrupt` is lost, and which none outlives.

        SQLite forgets an interrupt when a statement begins while no other runs (sqlite.org/c3ref/interrupt.html). So
        another one runs meanwhile, half read: an interrupt that comes between two statements then counts for the
        second. It is forgotten once all have ended.
        """
        return closing(self.execute("SELECT 1 UNION ALL SELECT 2"))


class SqliteDialect:
    """What is special about SQLite.

    Args:
        path: the database file. It is made, for its owner only, when it is first opened.
        timeout: seconds to wait for a lock.
    """

    data_version_query: Final = "PRAGMA data_version"
    begin: Final = "BEGIN IMMEDIATE"  # asks for the lock at once: a transaction that has only read may be refused it
    advisory_lock: Final = ""
    has_pipeline: Final = False
    has_group_commit: Final = False
    interrupts_writes: Final = False  # an interrupted write ends the transaction, which units may share

    def __init__(self, path: Path, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.file: Final = SqliteFile(path)
        self._timeout = timeout
        self.lock_poll_interval = min(timeout, _LOCK_POLL_INTERVAL)
        self._says_read_only = True

    def new_engine(self) -> Engine:
        """An engine whose connections keep foreign keys, and write to the disk before they acknowledge.

        Raises:
            ValueError: the database cannot be that file.
        """
        if fault := self.file.fault():
            raise ValueError(fault)
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
            with suppress(OSError):  # SQLite fails likewise, and `meaning` says why
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
        """But for a lock that no waiting would free: SQLITE_BUSY_SNAPSHOT."""
        return getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY}

    def can_commit(self, connection: Any) -> bool:
        """A full disk, among others, ends a transaction (sqlite.org/lang_transaction.html)."""
        return bool(connection.in_transaction)

    def is_dead(self, connection: DriverConnection) -> bool:  # noqa: ARG002 - the protocol names it
        """A file does not die."""
        return False

    def timed_out(self, connection: DriverConnection) -> bool:  # noqa: ARG002 - as above
        return False

    @contextmanager
    def migration_transaction(self, engine: Engine) -> Iterator[Connection]:
        """Foreign keys rest meanwhile, for a table is changed by making it anew, and are checked at the end."""
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
        """A reading transaction, which in WAL mode sees what was there when it first read."""
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
        self.check_unchanged()

    def last_id(self, connection: Connection, table: str) -> int:
        """SQLite keeps it for each table that is declared AUTOINCREMENT, in a table of its own."""
        row = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).first()
        return 0 if row is None else int(row[0])

    def set_last_id(self, connection: Connection, table: str, last: int) -> None:
        """The same table, in which each name stands once at most."""
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last))

    def translate_error(self, error: BaseException) -> BlogError | None:
        """By SQLite's primary result code (sqlite.org/rescode.html)."""
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:  # to a row that another transaction has removed meanwhile
            return ConcurrencyConflict("Another change came between.")
        message = None if code is None else _ERRORS.get(code & 0xFF)
        return None if message is None else Unavailable(message, cause=self.file.cause(error))

    def _use_wal(self, engine: Engine) -> None:
        """Let readers and a writer work side by side. SQLite does not wait for another process here, so we do."""
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
    cursor.execute("PRAGMA temp_store=MEMORY")  # what a savepoint may have to undo: a third of all writes to files
    cursor.execute("PRAGMA cache_size=-8000")  # KiB: SQLite's own 2000 are read again and again
    cursor.close()
