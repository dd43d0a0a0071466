"""Executors: threads for work that may have to wait, with bounded queues, timeouts and cancellation."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from blog.domain.blog import GroupCommit
from blog.domain.cancellation import Cancellation
from blog.domain.errors import Unavailable
from blog.domain.posts.post import Post

from .disconnects import DisconnectWatch, Receive
from .thread_pool import ThreadPool
from .timeouts import TimeoutQueue
from .write_queue import WriteQueue

HASHING_THREADS: Final = 1
"""With two threads, reads take more than three times as long while one client sends many log-ins."""
MAX_WAITING_HASHES: Final = 64
MAX_WAITING_REQUESTS: Final = 1024

RESPONSE_TIMEOUT: Final = 9
"""Seconds, waiting and work together, after which a request gets 503."""

MAX_INLINE_BYTES: Final = 256 * 1024
"""Bytes of posts that are encoded on the event loop, which takes about a millisecond."""

Result = TypeVar("Result")


class Worker(Protocol):
    """Does work off the event loop."""

    def run(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        """Do the work, unless the returned future is done when its turn comes."""


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
        if len(deadlines) >= self._capacity:
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
            deadlines.end(waiting)
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
    characters = sum([len(post.body) for post in posts])
    if 4 * characters <= MAX_INLINE_BYTES:  # the usual case: no character has more than 4 bytes in UTF-8
        return
    if sum(map(_max_size, posts)) > MAX_INLINE_BYTES and _is_on_event_loop():
        raise Unavailable("There is too much to encode at once.")


def _max_size(post: Post) -> int:
    """Return an upper bound of the post's bytes in UTF-8, without encoding it."""
    return len(post.body) if post.body.isascii() else 4 * len(post.body)


def _is_on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
