"""Executors: threads for work that may have to wait, with bounded queues, timeouts and cancellation.

Work is cancelled when its client disconnects or its timeout ends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from blog.domain.blog import GroupCommit
from blog.domain.cancellation import Cancellation, Cancelled
from blog.domain.errors import Unavailable
from blog.domain.posts.post import Post

from .thread_pool import ThreadPool
from .write_queue import WriteQueue

HASHING_THREADS: Final = 1
"""With two threads, reads take more than three times as long while one client sends many log-ins."""
MAX_WAITING_HASHES: Final = 64
MAX_WAITING_REQUESTS: Final = 1024

RESPONSE_TIMEOUT: Final = 9
"""Seconds, waiting and work together, after which a request gets 503."""

_TICK: Final = 0.001
"""Seconds by which a loop's clock and its timers may disagree: uvloop's count milliseconds."""

WATCH_AFTER: Final = 0.3
"""Seconds after which a request without a response is watched. Nearly all have one before, and a watch costs a task of
the event loop.
"""

_ENDS: Final = 2
"""Ends of the body that are received before the watch ends. A server that follows ASGI sends one."""

MAX_INLINE_BYTES: Final = 256 * 1024
"""Bytes of posts that are encoded on the event loop, which takes about a millisecond."""

_body_of: Final = attrgetter("body")

Receive: TypeAlias = Callable[[], Awaitable[Any]]
Result = TypeVar("Result")


class Worker(Protocol):
    """Does work off the event loop."""

    def run(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        """Do the work, unless the returned future is done when its turn comes."""


class TimeoutQueue:
    """Enforces the timeouts of all callers on one event loop, with one timer: for the caller that has waited longest.

    `asyncio.timeout` sets and cancels a timer for each caller, which costs as much as the rest of the waiting.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.due: dict[asyncio.Future[Any], float] = {}
        """The callers, and until when they wait."""
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, waiting: asyncio.Future[Any], within: float) -> None:
        """Start the timeout of a caller. When it ends, the future gets `Unavailable`."""
        self.due[waiting] = self.loop.time() + within
        if self._timer is None:
            self._timer = self.loop.call_later(within, self._sweep)

    def _sweep(self) -> None:
        """End the wait of all callers that are due. The first that is not due gets the next timer."""
        self._timer = None
        now = self.loop.time()
        for waiting, due in self.due.items():
            if due > now + _TICK:
                self._timer = self.loop.call_at(due, self._sweep)
                break
            if not waiting.done():
                waiting.set_exception(Unavailable("The answer takes too long."))


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


class BoundedExecutor:
    """An executor with a bounded number of callers (a bulkhead).

    Args:
        worker: does the work.
        capacity: the number of callers that may wait at a time.
    """

    def __init__(self, worker: Worker, capacity: int) -> None:
        self._worker = worker
        self._capacity = capacity
        self._deadlines: TimeoutQueue | None = None
        self._watch: DisconnectWatch | None = None

    async def run(
        self, work: Callable[[], Result], cancellation: Cancellation | None = None, receive: Receive | None = None
    ) -> Result:
        """Do the work.

        Args:
            work: done off the event loop.
            cancellation: cancels the work when nobody waits for it any longer: after a timeout, when the client
                disconnects, or when the server stops.
            receive: as ASGI has it, after the whole body was received. It reports that the client has disconnected.

        Raises:
            Unavailable: too many callers wait, or the work is not done in time; it may still be done.
        """
        loop, deadlines, watch = asyncio.get_running_loop(), self._deadlines, self._watch
        if deadlines is None or watch is None or deadlines.loop is not loop:
            deadlines, watch = self._deadlines, self._watch = TimeoutQueue(loop), DisconnectWatch(loop)
        if len(deadlines.due) >= self._capacity:
            raise Unavailable("Too many requests are waiting.")
        waiting = self._worker.run(work)
        deadlines.begin(waiting, RESPONSE_TIMEOUT)
        if receive is not None:
            watch.begin(waiting, receive)
        try:
            return await waiting
        except BaseException:
            if cancellation is not None:
                cancellation.cancel()
            raise
        finally:
            del deadlines.due[waiting]
            if receive is not None:
                watch.end(waiting)


class Executors:
    """Separate executors for reads, writes and hashing: none waits behind the locks or the hashing of another.

    Args:
        threads: the number of threads for reads, and of threads for writes.
        group_commit: commits several units of work at once: then one thread writes for all.
    """

    def __init__(self, threads: int, group_commit: GroupCommit | None) -> None:
        writes = ThreadPool("write", threads) if group_commit is None else WriteQueue(group_commit)
        self.reads = BoundedExecutor(ThreadPool("read", threads), threads + MAX_WAITING_REQUESTS)
        self.writes = BoundedExecutor(writes, threads + MAX_WAITING_REQUESTS)
        self.hashing = BoundedExecutor(ThreadPool("hash", HASHING_THREADS), HASHING_THREADS + MAX_WAITING_HASHES)


def check_inline(*posts: Post) -> None:
    """Check, on the event loop, that these posts are small enough to be encoded there without delaying other requests.

    Raises:
        Unavailable: they are too large. The dispatcher then repeats the read on a thread.
    """
    characters = sum(map(len, map(_body_of, posts)))
    if 4 * characters <= MAX_INLINE_BYTES:  # the usual case: no character has more than 4 bytes in UTF-8
        return
    if sum(map(_max_size, posts)) > MAX_INLINE_BYTES and _is_on_event_loop():
        raise Unavailable("There is too much to encode at once.")


def check_thread() -> None:
    """Check that this is not the event loop, which work would hold up.

    Raises:
        Unavailable: it is. The dispatcher then repeats the read on a thread.
    """
    if _is_on_event_loop():
        raise Unavailable("This takes a thread.")


def _max_size(post: Post) -> int:
    """Return an upper bound of the post's bytes in UTF-8, without encoding it."""
    return len(post.body) if post.body.isascii() else 4 * len(post.body)


def _is_on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
