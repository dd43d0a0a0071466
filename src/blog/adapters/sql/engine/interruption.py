"""Interrupting the statements of one unit of work, and of no other."""

from contextlib import AbstractContextManager
from threading import Lock
from types import TracebackType

from blog.domain.cancellation import Cancellation

from .dialect import DriverConnection


class Interruption:
    """A block for the statements of one unit of work. A cancellation interrupts the connection in it.

    After the block the connection may run a statement of another unit, which must not be interrupted. So a lock makes
    interrupting and leaving exclude each other.

    Args:
        cancellation: interrupts the statements.
        connection: runs the statements.
    """

    __slots__ = ("_block", "_cancellation", "_connection", "_lock", "_runs")

    def __init__(self, cancellation: Cancellation, connection: DriverConnection) -> None:
        self._cancellation = cancellation
        self._connection = connection
        self._block: AbstractContextManager[object] = connection.interruptible()
        self._lock = Lock()
        self._runs = False

    def __enter__(self) -> None:
        """Begin, unless the unit is cancelled already.

        Raises:
            Cancelled.
        """
        self._block.__enter__()
        self._runs = True
        self._cancellation.add_callback(self._interrupt)
        if self._cancellation.is_cancelled:
            self.__exit__(None, None, None)
            self._cancellation.check()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cancellation.remove_callback(self._interrupt)
        with self._lock:
            self._runs = False
        self._block.__exit__(kind, error, traceback)

    def _interrupt(self) -> None:
        with self._lock:
            if self._runs:
                self._connection.interrupt()
