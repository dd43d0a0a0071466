"""Group commit: several units of work are committed by one write to the disk.

A unit that waits for the disk alone spends most of its time so. The units of one thread share a transaction, in which
each unit is a savepoint: it can still fail alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local
from types import TracebackType
from typing import Self

from blog.domain.cancellation import Cancellation
from blog.domain.errors import Unavailable

from .dialect import DriverConnection
from .pool import ConnectionPool
from .unit_of_work import SqlUnitOfWork


class SqlGroupCommit:
    """Opens units of work: each alone or, within `group_commit`, in the shared transaction of their thread.

    Args:
        pool: lends a connection to each unit, or to each group. Groups need a database whose connections do not die.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._threads = local()

    def unit(self, cancellation: Cancellation | None = None) -> SqlUnitOfWork:
        """Return a unit of work, to be entered on this thread."""
        group: _SharedTransaction | None = getattr(self._threads, "group", None)
        return SqlUnitOfWork(self._pool, cancellation) if group is None else _SavepointUnit(group, cancellation)

    @contextmanager
    def group_commit(self) -> Iterator[None]:
        """Commit the units of the block together, as `GroupCommit` promises. An exception rolls all of them back.

        Raises:
            RuntimeError: this thread is in such a block already, or opens one unit within another.
        """
        if getattr(self._threads, "group", None) is not None:
            raise RuntimeError("a group commit is open on this thread already")
        with _SharedTransaction(self._pool) as group:
            self._threads.group = group
            try:
                yield
            finally:
                self._threads.group = None


class _SharedTransaction:
    """One connection for several units of work. The first unit that writes begins its transaction."""

    def __init__(self, pool: ConnectionPool) -> None:
        self.pool = pool
        self.is_writing = self.is_entered = self.is_lost = False
        self._connection: DriverConnection | None = None

    def connection(self) -> DriverConnection:
        """Return the connection.

        Raises:
            Unavailable: none can be had, or the transaction is lost.
        """
        if self._connection is None:
            self._connection = self.pool.acquire()
        elif self.is_writing:
            self.check()
        return self._connection

    def check(self) -> None:
        """Check that the transaction is still there: an error such as a full disk may have ended it.

        Raises:
            Unavailable: it is lost.
        """
        if self.is_lost or (self._connection is not None and not self.pool.dialect.can_commit(self._connection)):
            raise Unavailable("The transaction of the group commit is lost.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._connection is not None:
            try:
                if kind is None and self.is_writing:
                    self.check()
                    self.pool.commit(self._connection, [])
            finally:
                self.pool.release(self._connection, reset=True)


class _SavepointUnit(SqlUnitOfWork):
    """A unit of work as a savepoint of the shared transaction."""

    def __init__(self, group: _SharedTransaction, cancellation: Cancellation | None) -> None:
        super().__init__(group.pool, cancellation)
        self._group = group

    def begin(self) -> None:
        """Begin the shared transaction and this unit's savepoint, if they have not begun."""
        self._check()
        if self._has_begun:
            return
        if not self._group.is_writing:
            super().begin()
            self._group.is_writing = True
        self._run("SAVEPOINT unit")
        self._has_begun = True

    def __enter__(self) -> Self:
        if self._group.is_entered:
            raise RuntimeError("units of work in a group commit cannot be nested")
        self._group.is_entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._group.is_entered = False
        self._end_interruption()
        try:
            if self._has_begun and kind is None:
                self._check()
                self._group.check()
                self._run("RELEASE SAVEPOINT unit")
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._has_ended = True
        if self._has_begun and kind is not None:
            self._roll_back()

    def _acquire(self) -> DriverConnection:
        return self._group.connection()

    def _roll_back(self) -> None:
        try:
            self._run("ROLLBACK TO SAVEPOINT unit")
            self._run("RELEASE SAVEPOINT unit")
        except Exception:  # noqa: BLE001 - a unit that cannot be rolled back alone is rolled back with all the others
            self._group.is_lost = True
