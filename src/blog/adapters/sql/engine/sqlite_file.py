"""The file of an SQLite database: its permissions, read-only access, and what is wrong with it.

Only SQLite opens a database file here. Closing a file drops all POSIX locks that the process has on it, also those of
SQLite. Another process would then delete the log of a running server (sqlite.org/howtocorrupt.html, 2.2).
"""

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from blog.domain.errors import Unavailable

_SIDE_FILES: Final = ("-wal", "-shm", "-journal")

_USES_FILE: Final = frozenset(
    {
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)
"""The primary result codes that are about the file (sqlite.org/rescode.html)."""


class SqliteFile:
    """A database file, known by its path. A path is never read as a URL: `?` and `%41` are part of its name.

    Args:
        path: the path of the file, which need not exist. A relative path starts in the working directory.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path.absolute()
        self._frozen: tuple[int, ...] | None = None

    def path_error(self) -> str | None:
        """Return why this path cannot be a database, or None."""
        try:
            return next(self._path_errors(), None)
        except OSError as error:
            return f"{self.path} cannot be read: {error.strerror}"

    def _path_errors(self) -> Iterator[str]:
        if self.path.is_dir():
            yield f"{self.path} is a folder, and must be a file"
        if not self.path.parent.is_dir():
            yield f"the folder {self.path.parent} does not exist"
        if self.path.is_file():
            if not _may(os.R_OK, self.path):
                yield f"{self.path} cannot be read: {os.strerror(errno.EACCES)}"
            if not self._is_database():
                yield f"{self.path} is something else than a database"
        elif (decoded := unquote(str(self.path))) != str(self.path) and Path(decoded).is_file():
            yield f"{self.path} is not there, but {decoded} is: a path is written as it is, without percent-encoding"

    def _is_database(self) -> bool:
        """Return whether the file begins as a database does, or is empty. No lock is needed: that never changes."""
        try:
            with closing(sqlite3.connect(f"{self.uri('ro')}&immutable=1", uri=True)) as connection:
                connection.execute("PRAGMA schema_version").fetchone()
        except sqlite3.Error as error:
            return getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_NOTADB  # other errors are reported later
        return True

    def create(self) -> None:
        """Create an empty file that only its owner can read, if there is no file.

        SQLite gives `-wal`, `-shm` and `-journal` the permissions of the database file. The permissions of an existing
        file stay: its owner may have opened it to a group on purpose.

        Raises:
            OSError: it cannot be created.
        """
        if self.path.exists():
            return
        with suppress(FileExistsError):  # another process, or thread, was faster
            try:
                os.mknod(self.path, stat.S_IFREG | 0o600)  # which opens nothing
            except PermissionError:  # macOS lets only root do that
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def is_read_only(self) -> bool:
        """Return whether the file exists, and this process cannot write to it."""
        if not self.path.exists():
            return False
        has_log = all(self._side(suffix).exists() for suffix in ("-wal", "-shm"))
        needed = [self._side("-wal"), self._side("-shm")] if has_log else [self.path.parent]
        return not all(_is_writable(each) for each in (self.path, *needed))

    def reading_uri(self) -> str:
        """Return the URI by which SQLite only reads the file (sqlite.org/uri.html), and creates no file beside it.

        A file that is not open and was closed cleanly is read as immutable, without a lock and without a log: both
        need a writable folder. `check_unchanged` finds out afterwards whether the file was changed meanwhile.
        """
        if any(self._side(suffix).exists() for suffix in _SIDE_FILES):
            return self.uri("ro")
        self._frozen = self._frozen or self._state()
        return f"{self.uri('ro')}&immutable=1"

    def uri(self, mode: str) -> str:
        """Return the URI by which SQLite opens the file in a mode such as `ro`."""
        return f"file:{quote(os.fsencode(self.path))}?mode={mode}"

    def logs(self) -> list[Path]:
        """Return the logs beside the file: changes that are not in it yet, or that can be rolled back."""
        return [side for side in map(self._side, ("-wal", "-journal")) if side.exists()]

    def check_unchanged(self) -> None:
        """Check that a file that was read as immutable has not changed.

        Raises:
            Unavailable: it has, so the rows that were read may be wrong.
        """
        if self._frozen is not None and self._frozen != self._state():
            raise Unavailable("The database was changed while it was read.", cause=f"Read {self.path} once more.")

    def cause(self, error: BaseException) -> str:
        """Return what is wrong with the file, for an error of SQLite that is about the file; else an empty text."""
        code = getattr(error, "sqlite_errorcode", None)
        if code is None or code & 0xFF not in _USES_FILE:
            return ""
        needs_recovery = code & 0xFF == sqlite3.SQLITE_CANTOPEN and bool(self.logs())
        is_damaged = code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
        try:
            reason = None if is_damaged else next(self._reasons(needs_recovery=needs_recovery), None)
        except OSError as found:
            reason = found.strerror
        return f"{self.path}: {reason or getattr(error, 'sqlite_errorname', 'unknown')}."

    def _reasons(self, *, needs_recovery: bool) -> Iterator[str]:
        """Yield the problems of the file. Raise OSError for a problem that the system reports."""
        folder = self.path.parent
        unclosed = ""
        if needs_recovery:
            unclosed = (
                f", and it was not closed cleanly: copy {self.path.name} and {self.path.name}-* to another folder"
            )
        if not folder.is_dir():
            yield f"the folder {folder} does not exist"
        if self.path.is_dir():
            yield "it is a folder"
        where = os.statvfs(folder)
        if where.f_flag & os.ST_RDONLY:
            yield f"the disk is read-only{unclosed}"
        if not where.f_bavail:
            yield "the disk is full"
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))  # there may be too many open files
        if self.path.exists() and not _may(os.R_OK, self.path):
            yield "it cannot be read (permission denied)"
        if not _is_writable(folder):
            yield f"the folder {folder} cannot be written to (permission denied){unclosed}"
        if self.path.exists() and not _is_writable(self.path):
            yield "it cannot be written to (permission denied)"

    def _side(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _state(self) -> tuple[int, ...]:
        """Return a value that changes when another process writes to the file."""
        found = self.path.stat()
        logs = [side.stat().st_size for side in self.logs()]
        return (found.st_ino, found.st_size, found.st_mtime_ns, *logs)


def _is_writable(path: Path) -> bool:
    """Return whether this process may write there. On a read-only disk not even root may."""
    return _may(os.W_OK, path)


def _may(what: int, path: Path) -> bool:
    return os.access(path, what, effective_ids=os.access in os.supports_effective_ids)
