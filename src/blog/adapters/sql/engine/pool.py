"""A pool of the driver's connections, each of which is lent to one unit of work at a time."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import Any, Final, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from blog.domain.cancellation import Cancellation
from blog.domain.errors import Unavailable

from .dialect import Dialect, DriverConnection, Pending

_POLL_INTERVAL: Final = 0.2
"""Seconds after which a wait for a connection looks whether the unit of work was cancelled."""

_FIRST_ROWS: Final = 8
"""Rows that are read before their texts are counted, where a statement may read only so much. Then twice as many are
read, and so on: most lists need two steps.
"""

_RETRY_INTERVAL: Final = 0.005
"""Seconds before a statement that met a lock is run again: SQLite reports some locks without waiting."""

Result = TypeVar("Result")


class ConnectionPool:
    """Connections that SQLAlchemy opens. Acquiring one takes less than a microsecond.

    Args:
        engine: opens them. Its own pool is not used.
        dialect: translates their errors.
        limit: the largest number of connections that are lent at once.
        timeout: seconds to wait for a connection, and for a lock.
        text_limit: the largest number of characters that a statement may read; None for no limit.
    """

    def __init__(
        self, engine: Engine, dialect: Dialect, *, limit: int, timeout: float, text_limit: int | None = None
    ) -> None:
        self.dialect: Final = dialect
        self.compiler: Final = engine.dialect
        self.timeout: Final = timeout
        self._engine = engine
        self._text_limit = text_limit
        self._idle: deque[DriverConnection] = deque()
        self._permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(limit):
            self._permits.put(None)

    def acquire(self, cancellation: Cancellation | None = None) -> DriverConnection:
        """Return the connection that was released last, or a new one.

        Raises:
            Cancelled: during the wait.
            Unavailable: all are lent for too long, or none can be opened.
        """
        try:
            self._permits.get_nowait()
        except Empty:
            self._wait_for_permit(cancellation)
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return self.open()
        except BaseException:
            self._permits.put(None)
            raise

    def _wait_for_permit(self, cancellation: Cancellation | None) -> None:
        """Wait until fewer connections are lent than the limit.

        Raises:
            Cancelled: during the wait.
            Unavailable: the timeout is over.
        """
        deadline = monotonic() + self.timeout
        interval = self.timeout if cancellation is None else min(self.timeout, _POLL_INTERVAL)
        while True:
            try:
                self._permits.get(timeout=interval)
            except Empty:
                if cancellation is not None:
                    cancellation.check()
                if monotonic() >= deadline:
                    raise Unavailable("The database is too busy.") from None
            else:
                return

    def release(self, connection: DriverConnection) -> None:
        """Take a connection back, and roll back what is open on it. A connection that fails to roll back is closed."""
        try:
            connection.rollback()
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is closed, and its transaction is gone
            close(connection)
        else:
            self._idle.append(connection)
        finally:
            self._permits.put(None)

    def commit(self, connection: DriverConnection, pending: Pending) -> None:
        """Run the pending statements, and commit the transaction.

        Raises:
            Unavailable: the outcome of the commit is unknown.
        """
        if not self.dialect.can_commit(connection):
            raise Unavailable("The change was not kept.")
        arguments = (pending,) if pending else ()
        try:
            try:
                connection.commit(*arguments)
            except Exception as error:  # noqa: BLE001 - it is raised again, unless it is about a lock
                self.retry_locked(error, connection.commit, None)
        except Exception as error:
            raise self.failure(error, "COMMIT") from error

    def fetch(self, cursor: Any, long_texts: Sequence[int]) -> list[Sequence[Any]]:
        """Return all rows, in which the columns at the positions `long_texts` can hold long texts.

        Raises:
            Unavailable: the texts are longer than the text limit. The rest is not read.
        """
        if self._text_limit is None:
            rows: list[Sequence[Any]] = cursor.fetchall()
            return rows
        remaining, rows, at_once = self._text_limit, [], _FIRST_ROWS
        while True:
            some = cursor.fetchmany(at_once)
            for position in long_texts:
                remaining -= sum([len(row[position]) for row in some])
            if remaining < 0:
                cursor.close()
                raise Unavailable("There is too much to read at once.")
            rows += some
            if len(some) < at_once:
                return rows
            at_once *= 2

    def retry_locked(self, error: Exception, run: Callable[[], Result], cancellation: Cancellation | None) -> Result:
        """Run a statement again that met a lock, until the lock is released or the timeout is over.

        Args:
            error: raised by the first run. It is raised again unless it is about a lock.
            run: runs the statement.
            cancellation: ends the wait.

        Raises:
            Cancelled: during the wait.
        """
        deadline = monotonic() + self.timeout - self.dialect.lock_poll_interval
        while self.dialect.is_locked(error) and monotonic() < deadline:
            if cancellation is not None:
                cancellation.check()
            sleep(_RETRY_INTERVAL)
            try:
                return run()
            except Exception as again:  # noqa: BLE001 - it is raised below, unless it is about a lock
                error = again
        raise error

    def is_lost(self, connection: DriverConnection) -> bool:
        """Return whether a connection that has failed is dead, and its statement may be run on another.

        The idle connections may have died for the same reason, and are closed. After a timeout, the time for a second
        run is used up.
        """
        if not self.dialect.is_dead(connection):
            return False
        self.close()
        return not self.dialect.timed_out(connection)

    def replace(self, lost: DriverConnection) -> DriverConnection:
        """Return a new connection in the place of one that is lost.

        Raises:
            Unavailable: none can be opened.
        """
        connection = self.open()
        close(lost)
        return connection

    def close(self) -> None:
        """Close the idle connections."""
        while True:
            try:
                close(self._idle.pop())
            except IndexError:
                return

    def failure(self, error: Exception, sql: str | None = None) -> Exception:
        """Translate an error of the driver to one of the domain or of SQLAlchemy, without the parameters."""
        return self.dialect.translate_error(error) or DBAPIError.instance(
            sql, None, error, self.compiler.loaded_dbapi.Error, hide_parameters=True, dialect=self.compiler
        )

    def open(self) -> DriverConnection:
        """Open a connection that belongs to the caller, and not to the pool.

        Raises:
            Unavailable: none can be opened.
        """
        try:
            opened = self._engine.raw_connection()
        except Exception as error:
            raise self.failure(error) from error
        connection = opened.driver_connection
        opened.detach()
        return self.dialect.for_units(connection)


def close(connection: DriverConnection) -> None:
    """Close a connection, and ignore all errors."""
    with suppress(Exception):
        connection.close()
