"""Clients that disconnect before they get a response: their work is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from blog.domain.cancellation import Cancelled

WATCH_AFTER: Final = 0.3
"""Seconds after which a request without a response is watched. Nearly all have one before, and a watch costs a task of
the event loop.
"""

_ENDS: Final = 2
"""How often the end of the body is received before the watch ends. A server that follows ASGI sends it once."""

Receive: TypeAlias = Callable[[], Awaitable[Any]]


class DisconnectWatch:
    """Watches the clients on one event loop that have waited for a while. All share one timer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._unwatched: dict[asyncio.Future[Any], tuple[float, Receive]] = {}
        self._watches: dict[asyncio.Future[Any], asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, waiting: asyncio.Future[Any], receive: Receive) -> None:
        """Watch a client from `WATCH_AFTER` on. When it disconnects, the future gets `Cancelled`."""
        self._unwatched[waiting] = (self._loop.time() + WATCH_AFTER, receive)
        if self._timer is None:
            self._timer = self._loop.call_later(WATCH_AFTER, self._sweep)

    def end(self, waiting: asyncio.Future[Any]) -> None:
        """Stop watching."""
        if self._unwatched.pop(waiting, None) is None:
            self._watches.pop(waiting).cancel()

    def _sweep(self) -> None:
        """Watch all clients that are due. The first that is not due gets the next timer."""
        self._timer = None
        while self._unwatched:
            waiting, (due, receive) = next(iter(self._unwatched.items()))
            if due > self._loop.time():
                self._timer = self._loop.call_at(due, self._sweep)
                break
            del self._unwatched[waiting]
            self._watches[waiting] = self._loop.create_task(_cancel_when_gone(waiting, receive))


async def _cancel_when_gone(waiting: asyncio.Future[Any], receive: Receive) -> None:
    """Wait until the client disconnects. Parts of a body that no handler reads may come before.

    After the end of the body, `receive` waits for the disconnect (ASGI, HTTP & WebSocket). Some servers and test
    clients return at once, with the end of the body again and again. These are not watched.
    """
    ends = 0
    while (message := await receive())["type"] != "http.disconnect":
        ends += not message.get("more_body", False)
        if ends == _ENDS:
            return
        await asyncio.sleep(0)  # so that a `receive` that never waits does not hold up the event loop
    if not waiting.done():
        waiting.set_exception(Cancelled())
