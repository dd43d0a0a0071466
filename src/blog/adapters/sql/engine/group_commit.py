"""Several units of work that are kept with one write to the disk.

Where each unit waits for the disk by itself, that is most of what it does. Here, those of one thread share a
transaction, in which each is a savepoint: it can still fail alone.
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
from .unit_of_work import Unit


class SqlGroupCommit:
    """Opens units of work: by themselves or, within `together`, as parts of their thread's group.

    Args:
        connections: where each unit, or each group, gets its own. A database whose connections die has no groups.
    """

    def __init__(self, connections: ConnectionPool) -> None:
        self._connections = connections
        self._threads = local()

    def unit(self, cancellation: Cancellation | None = None) -> Unit:
        """A unit of work, to be entered on this thread."""
        group: _SharedTransaction | None = getattr(self._threads, "group", None)
        return Unit(self._connections, cancellation) if group is None else _SavepointUnit(group, cancellation)

    @contextmanager
    def group_commit(self) -> Iterator[None]:
        """What `Together` promises. Leaving the block by an exception keeps nothing.

        Raises:
            RuntimeError: this thread is within such a block already, or one unit is opened within another.
        """
        if getattr(self._threads, "group", None) is not None:
            raise RuntimeError("units of work are being kept together already")
        with _SharedTransaction(self._connections) as group:
            self._threads.group = group
            try:
                yield
            finally:
                self._threads.group = None


class _SharedTransaction:
    """Units of work on one connection, whose transaction begins with the first of them that writes."""

    def __init__(self, connections: ConnectionPool) -> None:
        self.connections = connections
        self.is_writing = self.is_entered = self.is_lost = False
        self._connection: DriverConnection | None = None

    def connected(self) -> DriverConnection:
        """The connection of all.

        Raises:
            Unavailable: there is none, or what was done on it is lost.
        """
        if self._connection is None:
            self._connection = self.connections.acquire()
        self._check(self._connection)
        return self._connection

    def _check(self, connection: DriverConnection) -> None:
        """An error such as a full disk may have ended the transaction of all.

        Raises:
            Unavailable: it has.
        """
        if self.is_lost or (self.is_writing and not self.connections.dialect.can_commit(connection)):
            raise Unavailable("What was to be kept together is lost.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._connection is not None:
            try:
                if kind is None:
                    self._check(self._connection)
                    if self.is_writing:
                        self.connections.commit(self._connection, [])
            finally:
                self.connections.release(self._connection, reset=True)


class _SavepointUnit(Unit):
    """A unit of work as a savepoint."""

    def __init__(self, group: _SharedTransaction, cancellation: Cancellation | None) -> None:
        super().__init__(group.connections, cancellation)
        self._group = group

    def begin(self) -> None:
        """Begin the transaction of all if it has not begun, and this unit's part of it."""
        self._check()
        if self._writing:
            return
        if not self._group.is_writing:
            super().begin()
            self._group.is_writing = True
        self._run("SAVEPOINT unit")
        self._writing = True

    def __enter__(self) -> Self:
        if self._group.is_entered:
            raise RuntimeError("units of work that are kept together come one after the other")
        self._group.is_entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._group.is_entered = False
        self._interrupt_no_more()
        if not self._writing:
            return
        try:
            if kind is None:
                self._check()
                self._group.connected()  # which checks that it is still there
                self._run("RELEASE SAVEPOINT unit")
        except BaseException:
            self._undo()
            raise
        if kind is not None:
            self._undo()

    def _take(self) -> DriverConnection:
        return self._group.connected()

    def _undo(self) -> None:
        try:
            self._run("ROLLBACK TO SAVEPOINT unit")
            self._run("RELEASE SAVEPOINT unit")
        except Exception:  # noqa: BLE001 - whatever it is, what cannot be undone alone is undone with all the others
            self._group.is_lost = True
