"""Timeouts with one timer: all callers have the same timeout, so the one that has waited longest is due first.

`asyncio.timeout` sets and cancels a timer for each caller, which costs as much as the rest of the waiting.
"""

import asyncio
from typing import Any, Final

from blog.domain.errors import Unavailable

_TICK: Final = 0.001
"""Seconds by which a loop's clock and its timers may disagree: uvloop's count milliseconds."""


class TimeoutQueue:
    """Enforces the timeouts of all callers on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._due: dict[asyncio.Future[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Return the number of callers."""
        return len(self._due)

    def begin(self, waiting: asyncio.Future[Any], within: float) -> None:
        """Start the timeout of a caller. When it ends, the future gets `Unavailable`."""
        self._due[waiting] = self.loop.time() + within
        if self._timer is None:
            self._timer = self.loop.call_later(within, self._sweep)

    def end(self, waiting: asyncio.Future[Any]) -> None:
        """End the timeout of a caller."""
        del self._due[waiting]

    def _sweep(self) -> None:
        """End the wait of all callers that are due. The first that is not due gets the next timer."""
        self._timer = None
        now = self.loop.time()
        for waiting, due in self._due.items():
            if due > now + _TICK:
                self._timer = self.loop.call_at(due, self._sweep)
                break
            if not waiting.done():
                waiting.set_exception(Unavailable("The answer takes too long."))
