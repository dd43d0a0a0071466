"""One unit of work on a database: a connection, and the transaction on it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

from blog.domain.blog import UnitOfWorkNotOpen
from blog.domain.cancellation import Cancellation, Cancelled
from blog.domain.errors import BlogError

from .dialect import DriverConnection, Pending
from .interruption import Interruption
from .pool import ConnectionPool
from .statement import CompiledStatement, Row, Statement, WriteStatement


class SqlUnitOfWork:
    """Reads in the driver's autocommit mode, which holds no lock; the first write begins the transaction.

    The connection is acquired for the first statement and released at the end. Each method raises the domain's error
    for an error of the driver or, if there is none, an error of `sqlalchemy.exc`.

    Args:
        pool: lends the connection.
        cancellation: cancels the unit until it begins to commit.
    """

    def __init__(self, pool: ConnectionPool, cancellation: Cancellation | None = None) -> None:
        self._pool = pool
        self._cancellation = cancellation
        self._connection: DriverConnection | None = None
        self._interruption: Interruption | None = None
        self._pending: Pending = []
        self._has_begun = self._has_failed = self._has_ended = False

    def find(self, statement: Statement[Row], **params: Any) -> Row | None:
        """Return the first row, or None."""
        compiled = self._prepare(statement, params)
        rows = self._run(*compiled.bind(params), long_text_columns=compiled.long_texts, writes=statement.writes)
        return compiled.row_factory(rows[0]) if rows else None

    def find_all(self, statement: Statement[Row], **params: Any) -> list[Row]:
        """Return every row."""
        compiled = self._prepare(statement, params)
        rows = self._run(*compiled.bind(params), long_text_columns=compiled.long_texts, writes=statement.writes)
        return list(map(compiled.row_factory, rows))

    def execute(self, statement: WriteStatement, **params: Any) -> int:
        """Return the number of rows that were inserted, updated or deleted."""
        count: int = self._run(*self._prepare(statement, params).bind(params))
        return count

    def execute_deferred(self, statement: WriteStatement, **params: Any) -> None:
        """Insert, update or delete without waiting for the result, where the database has a pipeline.

        An error is raised by a later statement or at the end of the unit. Then the unit is rolled back.
        """
        self._defer(*self._prepare(statement, params).bind(params))

    def add(self, statement: WriteStatement, **params: Any) -> int:
        """Insert a row, and return its id."""
        (row,) = self.find_all(statement, **params)
        row_id: int = row["id"]
        return row_id

    def advisory_lock(self, *names: str) -> None:
        """Lock these names until the unit ends."""
        self.begin()
        if statement := self._pool.dialect.advisory_lock:
            for name in sorted(names):  # in one order, so that no two units wait for each other
                self._defer(statement, [name])
            self._flush()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Roll back only this block if it fails. Without it, PostgreSQL would refuse every later statement."""
        self.begin()
        self._run("SAVEPOINT attempt")  # raises an error of the statements that were deferred before
        try:
            yield
            self._run("RELEASE SAVEPOINT attempt")
        except BaseException:
            self._pending.clear()
            with suppress(Exception):  # the transaction may be gone already
                self._run("ROLLBACK TO SAVEPOINT attempt")
            raise

    def begin(self) -> None:
        """Begin the transaction, if it has not begun.

        Raises:
            Cancelled.
            UnitOfWorkNotOpen.
        """
        self._check()
        if not self._has_begun:
            self._defer(self._pool.dialect.begin)
            self._has_begun = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end_interruption()
        try:
            if self._has_begun and kind is None:
                self._check()  # last check: the outcome of a cancelled COMMIT would be unknown
                self._commit()
        finally:
            if self._connection is not None:
                self._pool.release(self._connection, reset=self._has_begun or self._has_failed or kind is not None)
                self._connection = None
            self._has_ended = True

    def _commit(self) -> None:
        if self._connection is None:
            self._flush()  # before COMMIT: these can be repeated on another connection, COMMIT cannot
        if self._connection is not None:
            self._pool.commit(self._connection, self._pending)

    def _prepare(self, statement: Statement[Row], params: Mapping[str, Any]) -> CompiledStatement[Row]:
        """Return the compiled statement, in the transaction if it writes.

        Raises:
            Cancelled.
            UnitOfWorkNotOpen.
        """
        self._check()
        if statement.writes and not self._has_begun:
            self.begin()
        return statement.compiled(self._pool.compiler, params)

    def _check(self) -> None:
        if self._has_ended:
            raise UnitOfWorkNotOpen
        if self._cancellation is not None:
            self._cancellation.check()

    def _acquire(self) -> DriverConnection:
        return self._pool.acquire(self._cancellation)

    def _defer(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Send the statement with the next one, where the database has a pipeline; else run it."""
        if self._pool.dialect.has_pipeline:
            self._pending.append((sql, values))
        else:
            self._run(sql, values)

    def _flush(self) -> None:
        """Wait for the results of the deferred statements."""
        if self._pending:
            self._run(*self._pending.pop())  # the last one carries the others

    def _run(
        self,
        sql: str,
        values: Sequence[Any] = (),
        *,
        long_text_columns: Sequence[int] | None = None,
        writes: bool = True,
    ) -> Any:
        """Return the rows, or their number.

        Args:
            sql: the statement, in the driver's parameter style.
            values: its positional parameters.
            long_text_columns: the positions of columns that can hold long texts; None if no rows are fetched.
            writes: False for a statement that only reads.
        """
        connection = self._connection
        is_first = connection is None
        if connection is None:
            connection = self._connection = self._acquire()
        pending = self._pending.copy()
        arguments = (sql, values, self._pending) if pending else (sql, values)
        try:
            if self._cancellation is not None:
                self._interrupt_by(self._cancellation, connection, writes=writes)
            try:
                cursor = connection.execute(*arguments)
            except Exception as error:  # noqa: BLE001 - it is raised again, unless it is about a lock
                execute = partial(connection.execute, *arguments)
                cursor = self._pool.retry_locked(error, execute, self._cancellation)
            return cursor.rowcount if long_text_columns is None else self._pool.fetch(cursor, long_text_columns)
        except BlogError:
            self._has_failed = True
            raise
        except Exception as error:
            self._has_failed = True
            if self._cancellation is not None and self._cancellation.is_cancelled:
                raise Cancelled from error
            if not (self._pool.is_lost(connection) and is_first):
                raise self._pool.failure(error, sql) from error
        self._end_interruption()
        self._connection, self._pending = self._pool.replace(connection), pending
        # safe: it is the unit's first statement
        return self._run(sql, values, long_text_columns=long_text_columns, writes=writes)

    def _interrupt_by(self, cancellation: Cancellation, connection: DriverConnection, *, writes: bool) -> None:
        """Let the cancellation interrupt the next statement, unless that would harm other units."""
        if writes and not self._pool.dialect.interrupts_writes:
            if self._interruption is not None:
                self._end_interruption()
        elif self._interruption is None:
            interruption = Interruption(cancellation, connection)
            interruption.__enter__()
            self._interruption = interruption

    def _end_interruption(self) -> None:
        if self._interruption is not None:
            self._interruption.__exit__(None, None, None)
            self._interruption = None


class SqlRepository:
    """Base class of the repositories in SQL, over one unit of work."""

    def __init__(self, unit: SqlUnitOfWork) -> None:
        self._unit = unit
