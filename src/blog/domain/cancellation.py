"""Cancellation of units of work whose client no longer waits for the result."""

from collections.abc import Callable

from .errors import Unavailable


class Cancelled(Unavailable):
    """The unit of work was cancelled. It stored nothing."""

    def __init__(self) -> None:
        super().__init__("The request was cancelled.")


class Cancellation:
    """A flag by which another thread cancels units of work. It cannot be reset.

    A store checks `is_cancelled` between its steps. For a step that may take long, it adds a callback that makes the
    step fail. The cancelling thread calls the callbacks, so each must return at once and be thread-safe.
    """

    __slots__ = ("_callbacks", "is_cancelled")

    def __init__(self) -> None:
        self.is_cancelled = False
        self._callbacks: list[Callable[[], object]] = []

    def cancel(self) -> None:
        """Cancel every unit of work that was opened with this object or will be."""
        self.is_cancelled = True
        for callback in tuple(self._callbacks):
            callback()

    def check(self) -> None:
        """Raise an error if it is cancelled.

        Raises:
            Cancelled.
        """
        if self.is_cancelled:
            raise Cancelled

    def add_callback(self, callback: Callable[[], object]) -> None:
        """Add a callback for `cancel`. It is not called if `cancel` ran before: check `is_cancelled` afterwards."""
        self._callbacks.append(callback)

    def remove_callback(self, callback: Callable[[], object]) -> None:
        """Remove a callback. A call that another thread has begun may still be running."""
        self._callbacks.remove(callback)
