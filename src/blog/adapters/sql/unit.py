"""One unit of work on a database."""

from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import TimeoutError as PoolExhausted

from blog.domain.errors import Unavailable

from .dialect import Dialect


class Unit:
    """Reads in the driver's autocommit, so that they hold no lock, until the first write begins the transaction.

    The connection is taken from the pool at the first statement and given back at the end.

    Args:
        engine: where connections are had.
        dialect: how a transaction that will write begins.
    """

    def __init__(self, engine: Engine, dialect: Dialect) -> None:
        self._engine = engine
        self._dialect = dialect
        self._connection: Connection | None = None
        self._writing = False

    @property
    def reading(self) -> Connection:
        """A connection to read by: outside any transaction, or in this unit's own once it has begun."""
        if self._connection is None:
            try:
                self._connection = self._engine.connect()
            except PoolExhausted as error:
                raise Unavailable("The database is too busy.") from error
        return self._connection

    @property
    def writing(self) -> Connection:
        """A connection to write by, in this unit's transaction."""
        connection = self.reading
        if not self._writing:
            connection.exec_driver_sql(self._dialect.begin)
            self._writing = True
        return connection

    def hold(self, *names: str) -> None:
        """Let no other unit hold one of these names before this one ends."""
        for name in sorted(names):  # in one order, so that no two wait for each other
            self._dialect.hold(self.writing, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._connection is not None:
            with self._connection:  # closing it rolls back what is not committed
                if self._writing and kind is None:
                    self._connection.commit()
            self._connection = None
