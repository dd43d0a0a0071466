"""One unit of work on a database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Final, NoReturn, Self, cast

from blog.domain.blog import UnitOfWorkNotOpen
from blog.domain.cancellation import Cancellation, Cancelled
from blog.domain.errors import BlogError

from .dialect import DriverConnection, Pending
from .interruption import Interruption
from .pool import ConnectionPool
from .statement import Row, Statement, WriteStatement


class _EndedUnit:
    """The connections of a unit that has ended: there are none."""

    def __getattr__(self, _: str) -> NoReturn:
        raise UnitOfWorkNotOpen


_ENDED: Final = cast("ConnectionPool", _EndedUnit())


class Unit:
    """Reads in the driver's autocommit, so that they hold no lock, until the first write begins the transaction.

    The connection is taken at the first statement and given back at the end. Each method raises what the domain calls
    the driver's error or, where it has no word for it, one of `sqlalchemy.exc`.

    Args:
        connections: where one is had.
        cancellation: cancels the unit, until it begins to store what it did.
    """

    def __init__(self, connections: ConnectionPool, cancellation: Cancellation | None = None) -> None:
        self.runs = 0
        """How many statements it has run, or will before the next."""
        self._connections = connections
        self._connection: DriverConnection | None = None
        self._cancellation = cancellation
        self._interruption: Interruption | None = None
        self._pending: Pending = []
        self._writing = self._failed = False

    def find(self, statement: Statement[Row], **given: Any) -> Row | None:
        """The first row, or None."""
        self._begin_for(statement)
        prepared = statement.prepared(self._connections.compiler, given)
        rows = self._run(*prepared.bind(given), fetched=prepared.long_texts, writes=statement.writes)
        return prepared.row_factory(rows[0]) if rows else None

    def all(self, statement: Statement[Row], **given: Any) -> list[Row]:
        """Every row."""
        self._begin_for(statement)
        prepared = statement.prepared(self._connections.compiler, given)
        rows = self._run(*prepared.bind(given), fetched=prepared.long_texts, writes=statement.writes)
        return [prepared.row_factory(row) for row in rows]

    def execute(self, statement: WriteStatement, **given: Any) -> int:
        """How many rows were inserted, updated or deleted."""
        self.begin()
        changed: int = self._run(*statement.prepared(self._connections.compiler, given).bind(given))
        return changed

    def execute_deferred(self, statement: WriteStatement, **given: Any) -> None:
        """Insert, update or delete, for whoever needs no answer: that it failed is heard when the unit ends, at the
        latest, and then nothing is kept.
        """
        self.begin()
        self._defer(*statement.prepared(self._connections.compiler, given).bind(given))

    def add(self, statement: WriteStatement, **given: Any) -> int:
        """The id that is returned for a row that is inserted."""
        (row,) = self.all(statement, **given)
        number: int = row["id"]
        return number

    def advisory_lock(self, *names: str) -> None:
        """Let no other unit hold one of these names before this one ends."""
        self.begin()
        if statement := self._connections.dialect.advisory_lock:
            for name in sorted(names):  # in one order, so that no two wait for each other
                self._defer(statement, [name])
            self._flush()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of the unit that may fail, and then keeps nothing: PostgreSQL would refuse all that follows."""
        self.begin()
        self._run("SAVEPOINT attempt")  # where it is heard if what was told before has failed
        try:
            yield
            self._run("RELEASE SAVEPOINT attempt")
        except BaseException:
            self._pending.clear()
            with suppress(Exception):  # nothing is left to be undone where the whole transaction is gone
                self._run("ROLLBACK TO SAVEPOINT attempt")
            raise

    def begin(self) -> None:
        """Begin the transaction, if it has not begun.

        Raises:
            Cancelled.
        """
        if self._cancellation is not None and self._cancellation.is_cancelled:
            raise Cancelled
        if not self._writing:
            self._defer(self._connections.dialect.begin)
            self._writing = True

    def _begin_for(self, statement: Statement[Row]) -> None:
        if statement.writes:
            self.begin()
        elif self._cancellation is not None and self._cancellation.is_cancelled:
            raise Cancelled

    def _check(self) -> None:
        if self._cancellation is not None:
            self._cancellation.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._interrupt_no_more()
        try:
            if self._writing and kind is None:
                self._check()  # from here on it is not cancelled: nobody could say whether it was stored
                self._keep()
        finally:
            if self._connection is not None:
                self._connections.release(self._connection, reset=self._writing or self._failed or kind is not None)
                self._connection = None
            self._connections = _ENDED

    def _keep(self) -> None:
        if self._connection is None:
            self._flush()  # alone: it can be run once more on another connection, and a COMMIT cannot
        if self._connection is not None:
            self._connections.commit(self._connection, self._pending)

    def _take(self) -> DriverConnection:
        return self._connections.acquire(self._cancellation)

    def _defer(self, statement: str, values: Any = ()) -> None:
        """Run it with what is run next, where the database has a pipeline."""
        if self._connections.dialect.has_pipeline:
            self.runs += 1
            self._pending.append((statement, values))
        else:
            self._run(statement, values)

    def _flush(self) -> None:
        """Wait for the answers to what was told."""
        if self._pending:
            self._run(*self._pending.pop())

    def _run(
        self, statement: str, values: Any = (), *, fetched: Sequence[int] | None = None, writes: bool = True
    ) -> Any:
        """The rows, or how many there were. A cancellation interrupts it, if that harms nobody else.

        Args:
            statement: in the words of the driver.
            values: for its places.
            fetched: which places of the rows can hold long texts; without, no rows are fetched.
            writes: whether it does more than read.
        """
        self.runs += 1
        connection = self._connection
        is_first = connection is None
        if connection is None:
            connection = self._connection = self._take()
        told = self._pending.copy()
        wanted = (statement, values, self._pending) if told else (statement, values)
        try:
            if self._cancellation is not None:
                self._let_interrupt(self._cancellation, connection, writes=writes)
            return self._executed(connection, wanted, fetched)
        except BlogError:
            self._failed = True
            raise
        except Exception as error:
            self._failed = True
            if self._cancellation is not None and self._cancellation.is_cancelled:
                raise Cancelled from error
            if not (self._connections.is_lost(connection) and is_first):
                raise self._connections.failure(error, statement) from error
        self._interrupt_no_more()
        self._connection, self._pending = self._connections.replace_for(connection), told
        return self._run(statement, values, fetched=fetched, writes=writes)  # nothing was done in this unit before

    def _let_interrupt(self, cancellation: Cancellation, connection: DriverConnection, *, writes: bool) -> None:
        """Have a cancellation interrupt what is run from here on, as long as that harms nobody else."""
        harms_others = writes and not self._connections.dialect.interrupts_writes
        if harms_others:
            self._interrupt_no_more()
        elif self._interruption is None:
            interruption = Interruption(cancellation, connection)
            interruption.__enter__()
            self._interruption = interruption

    def _interrupt_no_more(self) -> None:
        if self._interruption is not None:
            self._interruption.__exit__(None, None, None)
            self._interruption = None

    def _executed(self, connection: DriverConnection, wanted: tuple[Any, ...], fetched: Sequence[int] | None) -> Any:
        """The rows, or how many there were. As long as somebody else holds a lock, it is tried again."""
        try:
            cursor = connection.execute(*wanted)
        except Exception as error:  # noqa: BLE001 - which is raised again, unless it tells of a lock
            cursor = self._connections.unlocked(error, lambda: connection.execute(*wanted), self._cancellation)
        return cursor.rowcount if fetched is None else self._connections.fetch(cursor, fetched)
