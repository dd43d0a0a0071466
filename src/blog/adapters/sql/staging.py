"""Staging of a backup: its rows are copied into a new database of our own before they are restored.

A backup is data, and never a program: only rows of the tables of this blog are read. Its views, triggers, generated
columns and virtual tables never run, and indexes are built anew.
"""

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, Final

from blog.adapters.sql.engine.dialect import DEFAULT_TIMEOUT
from blog.adapters.sql.engine.sqlite_file import SqliteFile
from blog.adapters.sql.schema.tables import INDEX_TABLES
from blog.domain.errors import FieldError, Unavailable, ValidationFailed

from .row_checks import RowErrors, is_id

_MAX_VALUE_BYTES: Final = 64 * 1024 * 1024
"""The largest value that is read."""

_revision = re.compile("[0-9]{4}")
_AT_ONCE: Final = 1000
"""Rows that are in memory at a time."""

_REPEATED: Final = "repeats what another row has, and must not"
_NO_TABLES: Final = "has no tables of a blog"

_PYTHON_TYPES: Final[Mapping[str, tuple[type, str]]] = {
    "BIGINT": (int, "must be a whole number"),
    "BLOB": (bytes, "must be bytes"),
    "BOOLEAN": (int, "must be a whole number"),
    "INTEGER": (int, "must be a whole number"),
    "TEXT": (str, "must be text"),
    "VARCHAR": (str, "must be text"),
}
"""By a column's type in our migrations, the Python type and the message. SQLite stores any type in any column."""


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a database file and its log for reading, as a consistent snapshot.

    Raises:
        FileNotFoundError: there is no such file.
        ValidationFailed: it is not a database, or it is damaged.
        Unavailable: it was changed while it was read without a lock.
    """
    file.stat()
    source = SqliteFile(file)
    if problem := source.path_error():
        raise _refused(problem)
    try:
        with _opened(source) as connection:
            yield connection
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise Unavailable(
                "The disk is full.", cause=f"TMPDIR can name another folder than {gettempdir()}."
            ) from error
        raise _refused(f"cannot be read ({getattr(error, 'sqlite_errorname', None) or 'damaged text'})") from error
    source.check_unchanged()


@contextmanager
def _opened(source: SqliteFile) -> Iterator[sqlite3.Connection]:
    try:
        connection = _connected(source.reading_uri())
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
            raise
        with TemporaryDirectory() as folder, closing(_connected(_copied(source, Path(folder)))) as connection:
            yield connection
        return
    with closing(connection):
        yield connection


def _copied(source: SqliteFile, folder: Path) -> str:
    """Copy a file and its log, and return the URI of the copy.

    SQLite must recover a file whose log was left by a process that was killed, and cannot do so in a read-only folder.
    """
    for path in (source.path, *source.logs()):
        shutil.copyfile(path, folder / path.name)
    return SqliteFile(folder / source.path.name).uri("rw")


def _connected(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=DEFAULT_TIMEOUT, isolation_level=None)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        for pragma in ("trusted_schema=OFF", "ignore_check_constraints=ON", "cell_size_check=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the first read fixes the snapshot
    except BaseException:
        connection.close()
        raise
    return connection


def revision_in(source: sqlite3.Connection) -> str:
    """Return the revision of the schema of a backup.

    Raises:
        ValidationFailed: it has no tables of a blog.
    """
    if not _is_table(source, "alembic_version", {"version_num"}):
        raise _refused(_NO_TABLES)
    found = source.execute("SELECT version_num FROM alembic_version LIMIT 2").fetchall()
    if len(found) != 1 or not _revision.fullmatch(str(found[0][0])):
        raise _refused(_NO_TABLES)
    return str(found[0][0])


def check_whole(source: sqlite3.Connection, tables: Sequence[str]) -> None:
    """Let SQLite check each of these tables.

    Raises:
        ValidationFailed: a table is damaged.
    """
    for table in tables:
        for (said,) in source.execute(f'PRAGMA quick_check("{table}")'):
            if said != "ok":
                raise _refused(f"is damaged in the table {table}")


def take_rows(source: sqlite3.Connection, file: Path) -> None:
    """Copy all rows of a backup into an empty database of the same revision.

    Raises:
        ValidationFailed: some rows have the wrong types, or refer to missing rows.
    """
    errors = RowErrors()
    with closing(sqlite3.connect(file, isolation_level=None)) as target:
        target.execute("BEGIN")
        for table in _tables_of(target):
            if not _is_table(source, table, set(_columns_of(target, table))):
                raise _refused(f"has no table {table} of a blog")
            check_whole(source, [table])
            _take_table(source, target, table, errors)
            errors.raise_if_many()
        errors.raise_if_any()  # before the foreign keys: a missing row would be reported again
        for table, row_id, parent, _ in target.execute("PRAGMA foreign_key_check"):
            errors.add(table, row_id, "", f"belongs to a row of {parent} that is not there")
        _take_numbers(source, target, errors)
        errors.raise_if_any()
        target.execute("COMMIT")


def _take_table(source: sqlite3.Connection, target: sqlite3.Connection, table: str, errors: RowErrors) -> None:
    columns = _columns_of(target, table)
    names = ", ".join(f'"{name}"' for name in columns)
    places = ", ".join("?" for _ in columns)
    insert = f'INSERT OR IGNORE INTO "{table}" ({names}) VALUES ({places})'  # noqa: S608 - names of our own tables
    checks = list(columns.items())
    rows = source.execute(f'SELECT {names} FROM "{table}" NOT INDEXED')  # noqa: S608 - as above
    while some := rows.fetchmany(_AT_ONCE):
        good = []
        for row in some:
            wrong = [(name, error) for (name, check), value in zip(checks, row, strict=True) if (error := check(value))]
            for name, error in wrong:
                errors.add(table, row[0], name, error)
            if not wrong:
                good.append(row)
        _insert(target, insert, good, lambda row_id: errors.add(table, row_id, "", _REPEATED))


def _insert(
    target: sqlite3.Connection, insert: str, rows: Sequence[Sequence[Any]], refuse: Callable[[object], None]
) -> None:
    """Insert rows at once; one by one if some of them break a unique index, to report which."""
    before = target.total_changes
    target.execute("SAVEPOINT some")
    target.executemany(insert, rows)
    if target.total_changes - before < len(rows):
        target.execute("ROLLBACK TO some")
        for row in rows:
            if not target.execute(insert, row).rowcount:
                refuse(row[0])
    target.execute("RELEASE some")


def _take_numbers(source: sqlite3.Connection, target: sqlite3.Connection, errors: RowErrors) -> None:
    """Copy the last id of each table: later rows may have been deleted."""
    if not source.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").fetchone():
        return
    tables = set(_tables_of(target))
    for table, last in source.execute("SELECT name, seq FROM sqlite_sequence").fetchall():
        if table not in tables or last == 0:
            continue
        if not is_id(last):
            errors.add(table, None, "", "goes on from an id that no row can have")
            continue
        (now,) = target.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        target.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        target.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, max(now, last)))


def _tables_of(target: sqlite3.Connection) -> list[str]:
    """Return the tables of our own database, without those of the full-text index and of the tags."""
    listed = target.execute("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    left_out = {"alembic_version", *(table.name for table in INDEX_TABLES)}
    return sorted(name for (name,) in listed if not name.startswith("sqlite_") and name not in left_out)


def _columns_of(target: sqlite3.Connection, table: str) -> "dict[str, _Column]":
    described = target.execute(
        "SELECT name, type, \"notnull\" FROM pragma_table_info(?) ORDER BY name <> 'id'", (table,)
    )
    return {name: _Column(declared, is_needed=bool(needed)) for name, declared, needed in described}


class _Column:
    """Checks that a value has the type that our own tables declare for its column."""

    def __init__(self, declared: str, *, is_needed: bool) -> None:
        self._kind, self._message = _PYTHON_TYPES[declared.partition("(")[0]]
        self._is_needed = is_needed

    def __call__(self, value: Any) -> str | None:
        if value is None:
            return "must not be empty" if self._is_needed else None
        if not isinstance(value, self._kind):
            return self._message
        if isinstance(value, str) and ("\0" in value or not _is_unicode(value)):
            return "must not contain U+0000 or broken UTF-8"
        return None


def _is_unicode(text: str) -> bool:
    """Return whether a text that was decoded with `surrogateescape` was UTF-8."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _is_table(source: sqlite3.Connection, name: str, columns: set[str]) -> bool:
    """Return whether a backup has an ordinary table of this name with these columns, none of them generated."""
    kinds = source.execute("SELECT type, rootpage FROM sqlite_schema WHERE name = ? COLLATE NOCASE", (name,)).fetchall()
    if len(kinds) != 1 or kinds[0][0] != "table" or not kinds[0][1]:  # a virtual table has no root page
        return False
    stored = source.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (name,))
    return columns <= {column for (column,) in stored}


def _refused(message: str) -> ValidationFailed:
    return ValidationFailed([FieldError("backup", message)])
