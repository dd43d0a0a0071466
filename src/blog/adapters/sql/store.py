"""The SQL store: a database, its units of work, migration, backup and restore."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from blog.adapters.sql.engine.data_version import DataVersionProbe
from blog.adapters.sql.engine.dialect import DEFAULT_TIMEOUT, Dialect
from blog.adapters.sql.engine.pool import ConnectionPool
from blog.adapters.sql.engine.sqlite_file import SqliteFile
from blog.adapters.sql.engine.unit_of_work import CurrentTransaction, SqlUnitOfWork, group_commit
from blog.adapters.sql.repositories.audit import SqlAuditLog
from blog.adapters.sql.repositories.idempotency import SqlIdempotencyStore
from blog.adapters.sql.repositories.invitations import SqlInvitationStore
from blog.adapters.sql.repositories.login_attempts import SqlAttemptStore
from blog.adapters.sql.repositories.posts import SqlPostRepository
from blog.adapters.sql.repositories.previews import SqlPreviewStore
from blog.adapters.sql.repositories.revisions import SqlRevisionStore
from blog.adapters.sql.repositories.slugs import SqlSlugStore
from blog.adapters.sql.repositories.tokens import SqlTokenStore
from blog.adapters.sql.repositories.users import SqlUserRepository
from blog.adapters.sql.repositories.working_copies import SqlWorkingCopyStore
from blog.adapters.sql.schema.tables import REVISION, metadata, revision_of
from blog.adapters.sql.search.index import SqlPostIndex
from blog.domain.blog import DataVersion, GroupCommit, OpenStores, Stores
from blog.domain.cancellation import Cancellation
from blog.domain.errors import BlogError, Conflict, Unavailable, ValidationFailed

from .backup import transfer
from .row_checks import check_rows
from .staging import check_whole, reading, revision_in, take_rows

_SQLITE: Final = "sqlite:///"


class NotMigrated(Conflict):
    """The tables are those of an older version of the blog."""

    def __init__(self) -> None:
        super().__init__("The tables are those of an older version: run blog migrate first, or open with migrate=True.")


class SqlStore:
    """Everything that a blog stores, in a database. Call it to open the stores for one unit of work, on any thread.

    Args:
        url: `sqlite:///PATH`, where the path is taken as it is written, or `postgresql://…`, as libpq reads it; or the
            path of an SQLite file.
        connections: the largest number of concurrent units of work. Further units wait.
        timeout: seconds to wait for a connection or a lock. With 0, a lock raises `Unavailable` at once.
        text_limit: the largest number of characters of bodies that one statement may read before it raises
            `Unavailable`; None for no limit.
        first_paragraph: returns the first paragraph of a body, for `migrate`: posts of an older version have none
            stored. Without it, they get one with the next change of their body.

    Attributes:
        engine: SQLAlchemy's engine, for everything outside of units of work.
        group_commit: commits several units together; None if the database does so itself.
        data_version: changes with every commit; None if the database has no such value.

    Raises:
        ValueError: the URL is not that of a database.
    """

    def __init__(
        self,
        url: str | Path,
        *,
        connections: int = 8,
        timeout: float = DEFAULT_TIMEOUT,
        text_limit: int | None = None,
        first_paragraph: Callable[[str], str] | None = None,
    ) -> None:
        self._first_paragraph = first_paragraph
        self.dialect, self.index = _dialect_of(url, timeout)
        self.engine = self.dialect.new_engine()
        event.listen(self.engine, "handle_error", self._translated)
        self._pool = ConnectionPool(
            self.engine, self.dialect, limit=connections, timeout=timeout, text_limit=text_limit
        )
        self._current = CurrentTransaction()
        self._data_version_probe = DataVersionProbe(self._pool, self.dialect.data_version_query)
        self.data_version: DataVersion | None = self._data_version_probe if self.dialect.data_version_query else None
        self.group_commit: GroupCommit | None = None
        if not self.dialect.has_group_commit:
            self.group_commit = partial(group_commit, self._pool, self._current)

    def __call__(self, cancellation: Cancellation | None = None) -> AbstractContextManager[Stores]:
        """Open the stores for one unit of work, which `cancellation` cancels."""
        unit = _OpenStores(self._pool, cancellation, self._current.shared)
        unit.index = self.index
        return unit

    def cancellable(self, cancellation: Cancellation) -> OpenStores:
        """Return the same stores for units of work that `cancellation` cancels."""
        return partial(self, cancellation)

    def migrate(self, revision: str = "head") -> None:
        """Migrate the tables to this version or to another revision. Several processes may do so at once.

        Raises:
            ForeignTables: the tables are of a newer version, or of another program.
            Unavailable: the database cannot be opened, or stays locked.
        """
        if revision == "head" and self.is_migrated():
            return
        from .schema import migrate as schema  # noqa: PLC0415 - importing Alembic is slow

        with self.dialect.migration_transaction(self.engine) as connection:
            schema.migrate(connection, revision, self._first_paragraph)

    def check_migrated(self) -> None:
        """Check that the tables are those of this version.

        Raises:
            NotMigrated: they are those of an older version, or there are none.
            ForeignTables: they are those of a newer version.
            Unavailable: the database cannot be opened.
        """
        with self.engine.connect() as connection:
            revision = revision_of(connection)
        if revision == REVISION:
            return
        if revision is not None:
            from .schema import migrate as schema  # noqa: PLC0415 - Alembic takes its time to import

            schema.check_known(revision)
        raise NotMigrated

    def is_migrated(self) -> bool:
        """Return whether the tables are those of this version.

        Raises:
            Unavailable: the database cannot be opened.
        """
        with self.engine.connect() as connection:
            return revision_of(connection) == REVISION

    def has_tables(self) -> bool:
        """Return whether there are tables of this blog, of any version.

        Raises:
            Unavailable: the database cannot be opened.
        """
        with self.engine.connect() as connection:
            return revision_of(connection) is not None

    @property
    def is_read_only(self) -> bool:
        """Whether this process can only read: a file on a read-only disk, or a file of another user."""
        return self.dialect.is_read_only

    def check_unchanged(self) -> None:
        """Check that all reads belong together: a file that can only be read is read without a lock.

        Raises:
            Unavailable: the file was changed meanwhile.
        """
        self.dialect.check_unchanged()

    def back_up(self, file: Path) -> None:
        """Write a consistent snapshot to a new file, while others read and write.

        The file is created empty, so that nobody else uses its name, and is replaced when the copy is complete. So an
        incomplete copy is never taken for a backup.

        Raises:
            FileExistsError: the file is there already.
            Unavailable: the database, or the file, cannot be read or written.
        """
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            with TemporaryDirectory(prefix=".blog-backup-", dir=file.parent) as folder:
                copied = Path(folder, "backup.db")
                with closing(SqlStore(copied, connections=1)) as copy:
                    copy.migrate()
                    transfer(self, copy)
                _check_alone(copied)
                copied.replace(file)
            _sync_folder(file.parent)
            _check_backup(file)
        except BaseException:
            file.unlink()
            raise

    def restore(self, file: Path, *, replace: bool = False) -> None:
        """Restore everything from a backup, of this version or an older one: all of it, or nothing.

        The file may be a database that is being served, or whose server was killed. Its rows are copied into a new
        database and checked. Then this database is changed in one transaction.

        Raises:
            FileNotFoundError: there is no such file.
            ValidationFailed: the file is not a backup, or has rows that this blog could not have written.
            NotEmpty: this database is not empty, and is not to be replaced.
            ForeignTables: the backup is of a newer version.
            Unavailable: the database, or the file, cannot be read or written.
        """
        with TemporaryDirectory(prefix="blog-restore-") as folder:
            staged = Path(folder, "staged.db")
            with closing(SqlStore(staged, connections=1, first_paragraph=self._first_paragraph)) as copy:
                with reading(file) as source:
                    copy.migrate(revision_in(source))
                    take_rows(source, staged)
                copy.migrate()
                check_rows(staged)
                self.migrate()
                transfer(copy, self, replace=replace)

    def close(self) -> None:
        """Close all connections that no unit of work uses."""
        self._data_version_probe.close()
        self._pool.close()

    def _translated(self, context: ExceptionContext) -> BlogError | None:
        return self.dialect.translate_error(context.original_exception)


class _OpenStores(SqlUnitOfWork):
    """One unit of work, whose block gives the stores."""

    index: type[SqlPostIndex]

    def __enter__(self) -> Stores:  # type: ignore[override] # the block gives the stores instead of the unit
        unit = super().__enter__()
        return Stores(
            users=SqlUserRepository(unit),
            tokens=SqlTokenStore(unit),
            invitations=SqlInvitationStore(unit),
            attempts=SqlAttemptStore(unit),
            posts=SqlPostRepository(unit),
            index=self.index(unit),
            revisions=SqlRevisionStore(unit),
            slugs=SqlSlugStore(unit),
            working_copies=SqlWorkingCopyStore(unit),
            previews=SqlPreviewStore(unit),
            idempotency=SqlIdempotencyStore(unit),
            audit=SqlAuditLog(unit),
        )


def _sync_folder(folder: Path) -> None:
    """Sync a folder, so that the name of a new file survives a power failure."""
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _check_alone(file: Path) -> None:
    """Check that no log is left beside a database file.

    Raises:
        Unavailable: there is a log.
    """
    if logs := SqliteFile(file).logs():
        raise Unavailable("The backup was not closed.", cause=f"{logs[0]} is still there.")


def _check_backup(file: Path) -> None:
    """Read a new backup once more.

    Raises:
        Unavailable: it is missing or damaged.
    """
    try:
        with reading(file) as backup:
            check_whole(backup, sorted(metadata.tables))
            is_whole = revision_in(backup) == REVISION
    except (ValidationFailed, OSError) as error:
        raise Unavailable("The backup cannot be read again.", cause=f"{file}: {error}.") from error
    if not is_whole:
        raise Unavailable("The backup cannot be read again.", cause=f"{file}: something else was written to it.")


def _dialect_of(url: str | Path, timeout: float) -> tuple[Dialect, type[SqlPostIndex]]:
    """Return the dialect and the search index for this URL. They are imported here, since a driver may be an extra."""
    if isinstance(url, str) and url.startswith("postgresql:"):
        from .engine.postgresql import PostgresqlDialect  # noqa: PLC0415 - see above
        from .search.tsvector import TsvectorPostIndex  # noqa: PLC0415 - see above

        return PostgresqlDialect(url, timeout), TsvectorPostIndex
    from .engine.sqlite import SqliteDialect  # noqa: PLC0415 - see above
    from .search.fts5 import Fts5PostIndex  # noqa: PLC0415 - see above

    if isinstance(url, str) and not url.startswith(_SQLITE):
        raise ValueError("must be sqlite:///PATH or postgresql://...")
    path = Path(url.removeprefix(_SQLITE)) if isinstance(url, str) else url
    return SqliteDialect(path, timeout), Fts5PostIndex
