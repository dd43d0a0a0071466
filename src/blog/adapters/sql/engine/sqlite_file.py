"""The file of an SQLite database on this machine: making it private, opening it to read only, and why it cannot be.

Nothing here opens a database file but SQLite. To close a file drops all POSIX locks that the process has on it, also
those of SQLite; another process would then delete the log under a running server (sqlite.org/howtocorrupt.html, 2.2).
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
"""The primary result codes that say something about the file (sqlite.org/rescode.html)."""


class SqliteFile:
    """A database file, known by its path. A path is never read as a URL: `?` and `%41` are part of its name.

    Args:
        path: where the file is, or is to be. A relative path counts from the present working folder.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path.absolute()
        self._frozen: tuple[int, ...] | None = None

    def fault(self) -> str | None:
        """Why this path cannot be the database; None if it can."""
        try:
            return next(self._faults(), None)
        except OSError as error:
            return f"{self.path} cannot be read: {error.strerror}"

    def _faults(self) -> Iterator[str]:
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
        """Whether the file begins as a database does, or is empty. No lock is taken: the beginning never changes."""
        try:
            with closing(sqlite3.connect(f"{self.uri('ro')}&immutable=1", uri=True)) as connection:
                connection.execute("PRAGMA schema_version").fetchone()
        except sqlite3.Error as error:
            return getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_NOTADB  # other errors are told later
        return True

    def create(self) -> None:
        """Make an empty file that only its owner can read, unless there is a file.

        SQLite gives `-wal`, `-shm` and `-journal` the permissions of the database file. A file that is there keeps its
        own: somebody may have opened it to a group on purpose.

        Raises:
            OSError: it cannot be made.
        """
        if self.path.exists():
            return
        with suppress(FileExistsError):  # another process, or thread, was faster
            try:
                os.mknod(self.path, stat.S_IFREG | 0o600)  # which opens nothing
            except PermissionError:  # macOS lets only root do that
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def is_read_only(self) -> bool:
        """Whether this process cannot write to the database that is there."""
        if not self.path.exists():
            return False
        has_log = all(self._side(suffix).exists() for suffix in ("-wal", "-shm"))
        needed = [self._side("-wal"), self._side("-shm")] if has_log else [self.path.parent]
        return not all(_is_writable(each) for each in (self.path, *needed))

    def reading_uri(self) -> str:
        """The URI by which SQLite only reads the file (sqlite.org/uri.html), and leaves nothing beside it.

        Where no process has the file open and it was closed cleanly, it is read as immutable, without a lock and
        without a log: those would need a folder that can be written to. `check_unchanged` tells afterwards if that was
        wrong.
        """
        if any(self._side(suffix).exists() for suffix in _SIDE_FILES):
            return self.uri("ro")
        self._frozen = self._frozen or self._state()
        return f"{self.uri('ro')}&immutable=1"

    def uri(self, mode: str) -> str:
        """The file as SQLite opens it in a mode such as `ro`."""
        return f"file:{quote(os.fsencode(self.path))}?mode={mode}"

    def logs(self) -> list[Path]:
        """The files beside it that hold changes which are not in the database file yet, or undo some that are."""
        return [side for side in map(self._side, ("-wal", "-journal")) if side.exists()]

    def check_unchanged(self) -> None:
        """Tell whether a file that was read as immutable is still as it was.

        Raises:
            Unavailable: it is not, so what was read may be wrong.
        """
        if self._frozen is not None and self._frozen != self._state():
            raise Unavailable("The database was changed while it was read.", cause=f"Read {self.path} once more.")

    def cause(self, error: BaseException) -> str:
        """What is wrong with the file, where an error of SQLite says that something is."""
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
        """What hinders SQLite; raises OSError where the system itself says so."""
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
        """What is different once somebody has written to the file, or has begun to."""
        found = self.path.stat()
        logs = [side.stat().st_size for side in self.logs()]
        return (found.st_ino, found.st_size, found.st_mtime_ns, *logs)


def _is_writable(path: Path) -> bool:
    """Whether this process may write there. On a read-only disk not even root may."""
    return _may(os.W_OK, path)


def _may(what: int, path: Path) -> bool:
    return os.access(path, what, effective_ids=os.access in os.supports_effective_ids)
