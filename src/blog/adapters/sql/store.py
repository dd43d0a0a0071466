"""A database as a whole."""

import shutil
from contextlib import AbstractContextManager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from blog.domain.blog import Edition, OpenStores, Stores, Together
from blog.domain.cancellation import Cancellation
from blog.domain.errors import BlogError, Fault, Invalid

from .answers import SqlIdempotencyStore
from .attempts import SqlAttemptStore
from .audit import SqlAuditLog
from .backup import transfer
from .connections import Connections
from .dialect import PATIENCE, Dialect
from .edition import Editions
from .group import Groups
from .index import SqlPostIndex
from .invitations import SqlInvitationStore
from .posts import SqlPostRepository
from .tables import REVISION, revision_of
from .tokens import SqlTokenStore
from .unit import Unit
from .users import SqlUserRepository


class SqlStore:
    """Everything a blog keeps, in a database. Calling it opens the stores for one unit of work; many threads may.

    Args:
        url: `sqlite:///PATH` or `postgresql://…`, as libpq reads it.
        connections: how many units of work there are at once; further ones wait.
        patience: seconds to wait for them, or for a lock. With 0, what is locked is `Unavailable` at once.
        text_limit: how many characters one statement may read; more is `Unavailable`. Without, there is no limit.

    Attributes:
        engine: SQLAlchemy's own, for what is not done in units of work.
        together: keeps several units at once, or None where the database does that by itself.
        edition: tells whether anything has been kept since, or None where the database does not.

    Raises:
        ValueError: there can be no database at the URL.
    """

    def __init__(
        self, url: str, *, connections: int = 8, patience: float = PATIENCE, text_limit: int | None = None
    ) -> None:
        self.dialect = _dialect_of(url, patience)
        self.engine = self.dialect.new_engine()
        event.listen(self.engine, "handle_error", self._translated)
        self._connections = Connections(
            self.engine, self.dialect, limit=connections, patience=patience, text_limit=text_limit
        )
        self._groups = Groups(self._connections)
        self._editions = Editions(self._connections, self.dialect.edition)
        self.edition: Edition | None = self._editions if self.dialect.edition else None
        self.together: Together | None = None if self.dialect.shares_syncs else self._groups.together

    def __call__(self) -> AbstractContextManager[Stores]:
        """Open the stores for one unit of work."""
        return _Opened(self._groups.unit(), self.dialect.index)

    def cancellable(self, cancellation: Cancellation) -> OpenStores:
        """The same stores, for units of work that are cancelled with this."""
        return lambda: _Opened(self._groups.unit(cancellation), self.dialect.index)

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to what this version needs, or to another revision; several processes may do so at once.

        Raises:
            ForeignTables: the tables are of a newer version, or of something else.
            Unavailable: the database cannot be opened, or stays locked.
        """
        if revision == "head" and self.is_migrated():
            return
        from . import schema  # noqa: PLC0415 - Alembic takes its time to import, and is needed only here

        with self.dialect.changing_tables(self.engine) as connection:
            schema.migrate(connection, revision)

    def is_migrated(self) -> bool:
        """Whether the tables are what this version needs.

        Raises:
            Unavailable: the database cannot be opened.
        """
        with self.engine.connect() as connection:
            return revision_of(connection) == REVISION

    def has_tables(self) -> bool:
        """Whether there are tables of this blog, of whatever version.

        Raises:
            Unavailable: the database cannot be opened.
        """
        with self.engine.connect() as connection:
            return revision_of(connection) is not None

    def back_up(self, file: Path) -> None:
        """Write everything as it is at one moment to a new file, while others read and write.

        Raises:
            FileExistsError: the file is there already.
            Unavailable: the database, or the file, cannot be read or written.
        """
        file.touch(mode=0o600, exist_ok=False)
        try:
            with closing(SqlStore(f"sqlite:///{file}", connections=1)) as copy:
                copy.migrate()
                transfer(self.dialect, self.engine, copy.dialect, copy.engine)
        except BaseException:
            file.unlink()
            raise

    def restore(self, file: Path, *, replace: bool = False) -> None:
        """Take everything from a backup, of this version or an older one: all of it, or nothing.

        Raises:
            FileNotFoundError: there is no such file.
            Invalid: the file is no backup.
            NotEmpty: there is something in this database, and it is not to be replaced.
            Unavailable: the database, or the file, cannot be read or written.
        """
        with TemporaryDirectory() as folder:
            copied = shutil.copy(file, folder)  # which may have to be migrated
            try:
                backup = SqlStore(f"sqlite:///{copied}", connections=1)
            except ValueError as error:
                raise Invalid([Fault("backup", str(error))]) from None
            with closing(backup) as copy:
                if not copy.has_tables():
                    raise Invalid([Fault("backup", "has no tables of a blog")])
                copy.migrate()
                self.migrate()
                transfer(copy.dialect, copy.engine, self.dialect, self.engine, replace=replace)

    def close(self) -> None:
        """Close all connections that no unit of work is using."""
        self._editions.close()
        self._connections.close()

    def _translated(self, context: ExceptionContext) -> BlogError | None:
        return self.dialect.meaning(context.original_exception)


class _Opened(AbstractContextManager[Stores]):
    """The stores of one unit of work. `contextmanager` would take as long as putting them together."""

    def __init__(self, unit: Unit, index: type[SqlPostIndex]) -> None:
        self._unit, self._index = unit, index

    def __enter__(self) -> Stores:
        unit = self._unit.__enter__()
        users = SqlUserRepository(unit)
        return Stores(
            users=users,
            tokens=SqlTokenStore(unit, users),
            invitations=SqlInvitationStore(unit),
            attempts=SqlAttemptStore(unit),
            posts=SqlPostRepository(unit),
            index=self._index(unit),
            answers=SqlIdempotencyStore(unit),
            audit=SqlAuditLog(unit),
        )

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unit.__exit__(kind, failure, trace)


def _dialect_of(url: str, patience: float) -> Dialect:
    """The dialect of the database at this URL. A driver is imported only where it is used: it may be an extra."""
    if url.startswith("postgresql:"):
        from .postgresql import PostgresqlDialect  # noqa: PLC0415 - see above

        return PostgresqlDialect(url, patience)
    from .sqlite import SqliteDialect  # noqa: PLC0415 - see above

    return SqliteDialect(url, patience)
