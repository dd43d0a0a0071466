"""Off the event loop: threads for work that may have to wait, and a bounded number of places before them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeVar

from blog.domain.blog import Together
from blog.domain.errors import Unavailable

from .batches import Batches

LOGIN_THREADS: Final = 1
"""One at a time: with two, reads wait more than three times as long while somebody hammers the log-in."""
LOGINS_WAITING: Final = 64
REQUESTS_WAITING: Final = 1024

ANSWER_WITHIN: Final = 9
"""Seconds, waiting and work together, after which a request is told to come back later."""

Answer = TypeVar("Answer")


class Works(Protocol):
    """What does work off the event loop."""

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Do it, and say what came of it."""


class Threads:
    """Threads that each do one piece of work at a time."""

    def __init__(self, name: str, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"blog-{name}")

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Do it on one of them."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


class Lane:
    """A way to the blog for work of one kind, on which a bounded number of callers wait.

    Args:
        works: what does the work.
        places: for how many callers there is room.
    """

    def __init__(self, works: Works, places: int) -> None:
        self._works = works
        self._places = places
        self._taken = 0

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Do the work.

        Raises:
            Unavailable: too many wait already, or the work is not done in time. Whether it will be is not known.
        """
        if self._taken >= self._places:
            raise Unavailable("Too many requests are waiting.")
        self._taken += 1
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await self._works.run(work)
        except TimeoutError:
            raise Unavailable("The answer takes too long.") from None
        finally:
            self._taken -= 1


class Lanes:
    """Reads, writes and log-ins each have threads of their own: none waits behind another's locks or hashing.

    Args:
        threads: how many read at once, and how many write.
        together: keeps several units of work at once: then one thread writes for all.
    """

    def __init__(self, threads: int, together: Together | None) -> None:
        writes = Threads("write", threads) if together is None else Batches(together)
        self.reads = Lane(Threads("read", threads), threads + REQUESTS_WAITING)
        self.writes = Lane(writes, threads + REQUESTS_WAITING)
        self.logins = Lane(Threads("login", LOGIN_THREADS), LOGIN_THREADS + LOGINS_WAITING)
