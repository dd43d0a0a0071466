"""Cancellation of units of work: nobody waits for the result any longer, so the work stops and stores nothing."""

from collections.abc import Callable

from .errors import Unavailable


class Cancelled(Unavailable):
    """Nobody waits for this unit of work any longer. Nothing of it is stored."""

    def __init__(self) -> None:
        super().__init__("The request was cancelled.")


class Cancellation:
    """Tells units of work, from another thread, that nobody waits for them any longer. It cannot be taken back.

    A store asks `is_cancelled` between its steps. For a step that may take long it adds a callback, which makes that
    step fail. Callbacks are called by the thread that cancels, so each returns at once and guards itself.
    """

    __slots__ = ("_callbacks", "is_cancelled")

    def __init__(self) -> None:
        self.is_cancelled = False
        self._callbacks: list[Callable[[], object]] = []

    def cancel(self) -> None:
        """Cancel every unit of work that was opened with this, and every unit that will be."""
        self.is_cancelled = True
        for callback in tuple(self._callbacks):
            callback()

    def check(self) -> None:
        """Do nothing, unless it is cancelled.

        Raises:
            Cancelled.
        """
        if self.is_cancelled:
            raise Cancelled

    def add_callback(self, callback: Callable[[], object]) -> None:
        """Call this when it is cancelled. If it is cancelled already, the callback is not called: check afterwards."""
        self._callbacks.append(callback)

    def remove_callback(self, callback: Callable[[], object]) -> None:
        """Call it no longer. A call that another thread has begun may still go on."""
        self._callbacks.remove(callback)
