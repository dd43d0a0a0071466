"""One unit of work on a database: a connection, and the transaction on it. Several can be committed together.

A unit that waits for the disk alone spends most of its time so. In a group commit, the units of one thread share a
transaction, in which each is a savepoint: it can still fail alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import local
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Table

from blog.domain.blog import UnitOfWorkNotOpen
from blog.domain.cancellation import Cancellation, Cancelled
from blog.domain.errors import BlogError, Unavailable

from .dialect import DriverConnection, Pending
from .interruption import Interruption
from .pool import ConnectionPool
from .statement import CompiledStatement, Row, Statement, WriteStatement


@dataclass(slots=True)
class SharedTransaction:
    """The transaction of a group commit, on one connection. Units of work begin it, and are savepoints in it."""

    connection: DriverConnection | None = None
    has_begun: bool = False
    has_unit: bool = False
    """Whether a unit of work is open in it."""
    is_lost: bool = False
    """Whether a unit could not be rolled back alone."""


class CurrentTransaction(local):
    """The shared transaction in which a thread is, if any."""

    shared: SharedTransaction | None = None


@contextmanager
def group_commit(pool: ConnectionPool, current: CurrentTransaction) -> Iterator[None]:
    """Commit the units of the block together, as `GroupCommit` promises. An exception rolls all of them back.

    The database must be one whose connections do not die.

    Raises:
        RuntimeError: this thread is in such a block already, or opens one unit within another.
        Unavailable: the transaction is lost, or the outcome of its commit is unknown.
    """
    if current.shared is not None:
        raise RuntimeError("a group commit is open on this thread already")
    shared = current.shared = SharedTransaction()
    try:
        yield
        if shared.is_lost:
            raise _lost()
        if shared.connection is not None and shared.has_begun:
            pool.commit(shared.connection, [])
    finally:
        current.shared = None
        if shared.connection is not None:
            pool.release(shared.connection)


def _lost() -> Unavailable:
    return Unavailable("The transaction of the group commit is lost.")


def _check_kept(shared: SharedTransaction, pool: ConnectionPool) -> None:
    """Check that the transaction is still there: an error such as a full disk may have ended it.

    Raises:
        Unavailable: it is lost.
    """
    if shared.is_lost or (shared.connection is not None and not pool.dialect.can_commit(shared.connection)):
        raise _lost()


class SqlUnitOfWork:
    """Reads in the driver's autocommit mode, which holds no lock; the first write begins the transaction.

    The connection is acquired for the first statement and released at the end. Each method raises the domain's error
    for an error of the driver or, if there is none, an error of `sqlalchemy.exc`.

    Args:
        pool: lends the connection.
        cancellation: cancels the unit until it begins to commit.
        shared: the transaction in which the unit is a savepoint; None for a transaction of its own.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        cancellation: Cancellation | None = None,
        shared: SharedTransaction | None = None,
    ) -> None:
        self._pool = pool
        self._cancellation = cancellation
        self._shared = shared
        self._connection: DriverConnection | None = None
        self._interruption: Interruption | None = None
        self._pending: Pending = []
        self._has_begun = self._has_ended = False

    def find(self, statement: Statement[Row], **params: Any) -> Row | None:
        """Return the first row, or None. The statement finds it by a key: if it may take long, use `find_all`."""
        compiled = self._prepare(statement, params)
        rows = self._run(*compiled.bind(params), long_text_columns=())
        return compiled.row_factory(rows[0]) if rows else None

    def find_all(self, statement: Statement[Row], **params: Any) -> list[Row]:
        """Return every row."""
        compiled = self._prepare(statement, params)
        sql, values = compiled.bind(params)
        rows = self._run(sql, values, long_text_columns=compiled.long_texts, may_take_long=not statement.writes)
        return list(map(compiled.row_factory, rows))

    def execute(self, statement: WriteStatement, **params: Any) -> int:
        """Return the number of rows that were inserted, updated or deleted."""
        count: int = self._run(*self._prepare(statement, params).bind(params))
        return count

    def execute_deferred(self, statement: WriteStatement, **params: Any) -> None:
        """Insert, update or delete without waiting for the result, where the database has a pipeline.

        An error is raised by a later statement or at the end of the unit. Then the unit is rolled back.
        """
        sql, values = self._prepare(statement, params).bind(params)
        if self._pool.dialect.has_pipeline:
            self._pending.append((sql, values))
        else:
            self._run(sql, values)

    def add(self, statement: WriteStatement, **params: Any) -> int:
        """Insert a row, and return its id."""
        compiled = self._prepare(statement, params)
        ((row_id,),) = self._run(*compiled.bind(params), long_text_columns=())
        return int(row_id)

    def count(self, statement: Statement[dict[str, int]], **params: Any) -> int:
        """Return the number that the statement counts, in its column `posts`."""
        (counted,) = self.find_all(statement, **params)
        return counted["posts"]

    def advisory_lock(self, *names: str) -> None:
        """Lock these names until the unit ends."""
        self.begin()
        if statement := self._pool.dialect.advisory_lock:
            for name in sorted(names):  # in one order, so that no two units wait for each other
                self._defer(statement, [name])
            self._flush()

    def table_lock(self, table: Table) -> None:
        """Let nobody else write into a table until the unit ends. The unit must not have written into it before."""
        self.begin()
        if statement := self._pool.dialect.table_lock:
            self._defer(statement.format(table.name))

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
        """Begin the transaction, and the savepoint of a unit in a group, if they have not begun.

        Raises:
            Cancelled.
            UnitOfWorkNotOpen.
        """
        self._check()
        if self._has_begun:
            return
        shared = self._shared
        if shared is None or not shared.has_begun:
            self._defer(self._pool.dialect.begin)
        if shared is not None:
            shared.has_begun = True
            self._run("SAVEPOINT unit")
        self._has_begun = True

    def __enter__(self) -> Self:
        if self._shared is not None:
            if self._shared.has_unit:
                raise RuntimeError("units of work in a group commit cannot be nested")
            self._shared.has_unit = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._interruption is not None:
            self._end_interruption()
        try:
            if self._shared is not None:
                self._end_savepoint(self._shared, has_failed=kind is not None)
            elif self._has_begun and kind is None:
                self._check()  # last check: the outcome of a cancelled COMMIT would be unknown
                self._commit()
        finally:
            self._has_ended = True
            if self._connection is not None and self._shared is None:
                self._pool.release(self._connection)
                self._connection = None

    def _commit(self) -> None:
        if self._connection is None:
            self._flush()  # before COMMIT: these can be repeated on another connection, COMMIT cannot
        if self._connection is not None:
            self._pool.commit(self._connection, self._pending)

    def _end_savepoint(self, shared: SharedTransaction, *, has_failed: bool) -> None:
        """Release the savepoint, or roll back to it after a failure of the unit."""
        shared.has_unit = False
        if not self._has_begun:
            return
        try:
            if not has_failed:
                self._check()
                _check_kept(shared, self._pool)
                self._run("RELEASE SAVEPOINT unit")
                return
        except BaseException:
            self._roll_back_to_savepoint(shared)
            raise
        self._roll_back_to_savepoint(shared)

    def _roll_back_to_savepoint(self, shared: SharedTransaction) -> None:
        try:
            self._run("ROLLBACK TO SAVEPOINT unit")
            self._run("RELEASE SAVEPOINT unit")
        except Exception:  # noqa: BLE001 - a unit that cannot be rolled back alone is rolled back with all the others
            shared.is_lost = True

    def _prepare(self, statement: Statement[Row], params: Mapping[str, Any]) -> CompiledStatement[Row]:
        """Return the compiled statement, in the transaction if it writes.

        Raises:
            Cancelled.
            UnitOfWorkNotOpen.
        """
        if self._has_ended or (self._cancellation is not None and self._cancellation.is_cancelled):
            self._check()  # which raises the error: most statements do without the call
        if statement.writes and not self._has_begun:
            self.begin()
        compiler = self._pool.compiler
        return statement.compiled.get((compiler.name, *params)) or statement.compile(compiler, *params)

    def _check(self) -> None:
        if self._has_ended:
            raise UnitOfWorkNotOpen
        if self._cancellation is not None and self._cancellation.is_cancelled:
            raise Cancelled

    def _acquire(self) -> DriverConnection:
        shared = self._shared
        if shared is None:
            return self._pool.acquire(self._cancellation)
        if shared.connection is None:
            shared.connection = self._pool.acquire(self._cancellation)
        elif shared.has_begun:
            _check_kept(shared, self._pool)
        return shared.connection

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
        may_take_long: bool = False,
    ) -> Any:
        """Return the rows, or their number.

        Args:
            sql: the statement, in the driver's parameter style.
            values: its positional parameters.
            long_text_columns: the positions of columns that can hold long texts; None if no rows are fetched.
            may_take_long: whether the cancellation interrupts the statement. It must not write.
        """
        connection = self._connection
        is_first = connection is None
        if connection is None:
            connection = self._connection = self._acquire()
        pending = self._pending.copy()
        arguments = (sql, values, self._pending) if pending else (sql, values)
        try:
            if self._cancellation is not None:
                is_interruptible = may_take_long or self._pool.dialect.interrupts_all
                if is_interruptible is (self._interruption is None):
                    self._toggle_interruption(self._cancellation, connection)
            try:
                cursor = connection.execute(*arguments)
            except Exception as error:  # noqa: BLE001 - it is raised again, unless it is about a lock
                execute = partial(connection.execute, *arguments)
                cursor = self._pool.retry_locked(error, execute, self._cancellation)
            if long_text_columns is None:
                return cursor.rowcount
            return self._pool.fetch(cursor, long_text_columns) if long_text_columns else cursor.fetchall()
        except BlogError:
            raise
        except Exception as error:
            if self._cancellation is not None and self._cancellation.is_cancelled:
                raise Cancelled from error
            if not (self._pool.is_lost(connection) and is_first):
                raise self._pool.failure(error, sql) from error
        self._end_interruption()
        self._connection, self._pending = self._pool.replace(connection), pending
        # safe: it is the unit's first statement
        return self._run(sql, values, long_text_columns=long_text_columns, may_take_long=may_take_long)

    def _toggle_interruption(self, cancellation: Cancellation, connection: DriverConnection) -> None:
        """Let the cancellation interrupt the next statements, or no longer."""
        if self._interruption is None:
            interruption = Interruption(cancellation, connection)
            interruption.__enter__()
            self._interruption = interruption
        else:
            self._end_interruption()

    def _end_interruption(self) -> None:
        if self._interruption is not None:
            self._interruption.__exit__(None, None, None)
            self._interruption = None


class SqlRepository:
    """Base class of the repositories in SQL, over one unit of work."""

    def __init__(self, unit: SqlUnitOfWork) -> None:
        self._unit = unit
