"""The driver's connections, of which each is lent to one unit of work at a time."""

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


_ROWS_AT_ONCE: Final = 8
"""How many rows are read before their texts are counted, where a statement may give only so much."""

_PAUSE: Final = 0.005
"""Seconds before a statement that met a lock is run again: some locks fail without any wait."""

Result = TypeVar("Result")


class ConnectionPool:
    """Some connections that SQLAlchemy opens, and that nobody else gets: lending one costs less than a microsecond.

    Args:
        engine: opens them. Its own pool has no part in it.
        dialect: what their errors mean.
        limit: how many there are at most.
        timeout: seconds to wait for one.
        text_limit: how many characters a statement may give, if that is limited.
    """

    def __init__(
        self, engine: Engine, dialect: Dialect, *, limit: int, timeout: float, text_limit: int | None = None
    ) -> None:
        self.dialect: Final = dialect
        self.compiler: Final = engine.dialect
        self._engine = engine
        self.timeout: Final = timeout
        self._text_limit = text_limit
        self._idle: deque[DriverConnection] = deque()
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(limit):
            self._places.put(None)

    def acquire(self, cancellation: Cancellation | None = None) -> DriverConnection:
        """The one that was given back last, or a new one.

        Raises:
            Cancelled: while waiting for one.
            Unavailable: all are lent for too long, or none can be opened.
        """
        self._wait_for_place(cancellation)
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return self.open()
        except BaseException:
            self._places.put(None)
            raise

    def _wait_for_place(self, cancellation: Cancellation | None) -> None:
        """Wait until fewer connections are lent than may be.

        Raises:
            Cancelled: while waiting.
            Unavailable: all are lent for too long.
        """
        deadline = monotonic() + self.timeout
        at_once = self.timeout if cancellation is None else min(self.timeout, _POLL_INTERVAL)
        while True:
            try:
                self._places.get(timeout=at_once)
            except Empty:
                if cancellation is not None:
                    cancellation.check()
                if monotonic() >= deadline:
                    raise Unavailable("The database is too busy.") from None
            else:
                return

    def release(self, connection: DriverConnection, *, reset: bool) -> None:
        """Lend it to others; with `reset`, without what it has not committed. One that fails at that is thrown away."""
        try:
            if reset:
                connection.rollback()
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is closed, and what it did not commit is gone
            close(connection)
        else:
            self._idle.append(connection)
        finally:
            self._places.put(None)

    def commit(self, connection: DriverConnection, told: Pending) -> None:
        """Keep what was done since the transaction was begun, and what was told.

        Raises:
            Unavailable: it may not be kept.
        """
        if not self.dialect.can_commit(connection):
            raise Unavailable("The change was not kept.")
        try:
            if told:
                connection.commit(told)
            else:
                self._commit(connection)
        except Exception as error:
            raise self.failure(error, "COMMIT") from error

    def _commit(self, connection: DriverConnection) -> None:
        try:
            connection.commit()
        except Exception as error:  # noqa: BLE001 - which is raised again, unless it tells of a lock
            self.unlocked(error, connection.commit, None)

    def fetch(self, cursor: Any, long_texts: Sequence[int]) -> list[Sequence[Any]]:
        """All rows, of which these places hold texts that can be long.

        Raises:
            Unavailable: they hold more text than a statement may give. The rest of it is not read.
        """
        if self._text_limit is None or not long_texts:
            rows: list[Sequence[Any]] = cursor.fetchall()
            return rows
        left, rows = self._text_limit, []
        while some := cursor.fetchmany(_ROWS_AT_ONCE):
            for place in long_texts:
                left -= sum([len(row[place]) for row in some])
            if left < 0:
                cursor.close()
                raise Unavailable("There is too much to read at once.")
            rows += some
        return rows

    def unlocked(self, error: Exception, run: Callable[[], Result], cancellation: Cancellation | None) -> Result:
        """Run a statement again that met a lock, as long as somebody holds it, and no longer than is waited for locks.

        Args:
            error: what it raised at first. Unless it tells of a lock, it is raised again.
            run: runs it.
            cancellation: ends the wait.

        Raises:
            Cancelled: while waiting for the lock.
        """
        deadline = monotonic() + self.timeout - self.dialect.lock_poll_interval
        while self.dialect.is_locked(error) and monotonic() < deadline:
            if cancellation is not None:
                cancellation.check()
            sleep(_PAUSE)
            try:
                return run()
            except Exception as again:  # noqa: BLE001 - which is raised below, unless it tells of a lock
                error = again
        raise error

    def is_lost(self, connection: DriverConnection) -> bool:
        """Whether a connection that has failed is dead, but for one that was waited for in vain: its time is used up.

        Those that rest may have died with it, of either death, and are thrown away.
        """
        if not self.dialect.is_dead(connection):
            return False
        self.close()
        return not self.dialect.timed_out(connection)

    def replace_for(self, lost: DriverConnection) -> DriverConnection:
        """A new connection in the place of one that is lost.

        Raises:
            Unavailable: none can be opened.
        """
        connection = self.open()
        close(lost)
        return connection

    def close(self) -> None:
        """Close all that are not lent."""
        while True:
            try:
                close(self._idle.pop())
            except IndexError:
                return

    def failure(self, error: Exception, statement: str | None = None) -> Exception:
        """What the domain or SQLAlchemy calls an error of the driver: without what the statement was given."""
        return self.dialect.translate_error(error) or DBAPIError.instance(
            statement, None, error, self.compiler.loaded_dbapi.Error, hide_parameters=True, dialect=self.compiler
        )

    def open(self) -> DriverConnection:
        """One that is not lent, but kept by whoever asks.

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
    """Let go of it, whatever is wrong with it."""
    with suppress(Exception):
        connection.close()
