"""TimeoutQueue for many who wait: one timer, for whoever has waited longest, is enough if all may wait equally long.

`asyncio.timeout` sets a timer for each of them, and takes it back. It costs as much as all else that waiting takes.
"""

import asyncio
from typing import Any, Final

from blog.domain.errors import Unavailable

_TICK: Final = 0.001
"""Seconds by which a loop's clock and its timers may disagree: uvloop's count milliseconds."""


class TimeoutQueue:
    """Sees to it that nobody waits longer than they may on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._due: dict[asyncio.Future[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many wait."""
        return len(self._due)

    def begin(self, waiting: asyncio.Future[Any], within: float) -> None:
        """Let somebody wait for so many seconds; then they are told that the answer takes too long."""
        self._due[waiting] = self.loop.time() + within
        if self._timer is None:
            self._timer = self.loop.call_later(within, self._sweep)

    def end(self, waiting: asyncio.Future[Any]) -> None:
        """They wait no longer."""
        del self._due[waiting]

    def _sweep(self) -> None:
        """Tell whoever's time is over. The first whose time is not has the next timer."""
        self._timer = None
        now = self.loop.time()
        for waiting, due in self._due.items():
            if due > now + _TICK:
                self._timer = self.loop.call_at(due, self._sweep)
                break
            if not waiting.done():
                waiting.set_exception(Unavailable("The answer takes too long."))
