"""Off the event loop: threads for work that may have to wait, and a bounded number of places before them."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from blog.domain.blog import GroupCommit
from blog.domain.cancellation import Cancellation
from blog.domain.errors import Unavailable
from blog.domain.posts.post import Post

from .disconnects import DisconnectWatch, Receive
from .group_commit import GroupCommitWriter
from .thread_pool import ThreadPool
from .timeouts import TimeoutQueue

LOGIN_THREADS: Final = 1
"""One at a time: with two, reads wait more than three times as long while somebody hammers the log-in."""
MAX_WAITING_LOGINS: Final = 64
MAX_WAITING_REQUESTS: Final = 1024

RESPONSE_TIMEOUT: Final = 9
"""Seconds, waiting and work together, after which a request is told to come back later."""

MAX_INLINE_BYTES: Final = 256 * 1024
"""Bytes of posts that are encoded on the event loop, which takes about a millisecond."""

Answer = TypeVar("Answer")


class Works(Protocol):
    """What does work off the event loop."""

    def run(self, work: Callable[[], Answer]) -> asyncio.Future[Answer]:
        """Have it done, unless nobody waits any longer when its turn comes."""


class BoundedExecutor:
    """A way to the blog for work of one kind, on which a bounded number of callers wait.

    Args:
        works: what does the work.
        places: for how many callers there is room.
    """

    def __init__(self, works: Works, places: int) -> None:
        self._works = works
        self._places = places
        self._deadlines: TimeoutQueue | None = None
        self._watch: DisconnectWatch | None = None

    async def run(
        self, work: Callable[[], Answer], cancellation: Cancellation | None = None, receive: Receive | None = None
    ) -> Answer:
        """Do the work.

        Args:
            work: what is done off the event loop.
            cancellation: cancels the work as soon as nobody waits for it: its time is over, its client has gone, or the
                server stops.
            receive: as ASGI has it, after the whole body was received. It tells that the client has gone.

        Raises:
            Unavailable: too many wait already, or the work is not done in time. Whether it will be is not known.
        """
        loop, deadlines, watch = asyncio.get_running_loop(), self._deadlines, self._watch
        if deadlines is None or watch is None or deadlines.loop is not loop:
            deadlines, watch = self._deadlines, self._watch = TimeoutQueue(loop), DisconnectWatch(loop)
        if len(deadlines) >= self._places:
            raise Unavailable("Too many requests are waiting.")
        waiting = self._works.run(work)
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
    """Reads, writes and log-ins each have threads of their own: none waits behind another's locks or hashing.

    Args:
        threads: how many read at once, and how many write.
        together: keeps several units of work at once: then one thread writes for all.
    """

    def __init__(self, threads: int, together: GroupCommit | None) -> None:
        writes = ThreadPool("write", threads) if together is None else GroupCommitWriter(together)
        self.reads = BoundedExecutor(ThreadPool("read", threads), threads + MAX_WAITING_REQUESTS)
        self.writes = BoundedExecutor(writes, threads + MAX_WAITING_REQUESTS)
        self.logins = BoundedExecutor(ThreadPool("login", LOGIN_THREADS), LOGIN_THREADS + MAX_WAITING_LOGINS)


def check_inline(*posts: Post) -> None:
    """Check, on the event loop, that these posts are small enough to be encoded there without delaying all others.

    Raises:
        Unavailable: they are too large. The read is then repeated on a thread.
    """
    characters = sum([len(post.body) for post in posts])
    if 4 * characters <= MAX_INLINE_BYTES:  # as nearly always: no character has more bytes in UTF-8
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
