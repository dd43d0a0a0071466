"""How a request gets at the blog: off the event loop, in one unit of work, as whoever it shows itself to be."""

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from litestar import Request

from blog.domain.accounts import User
from blog.domain.blog import Blog, Contended, OpenBlog
from blog.domain.errors import Unauthenticated, Unavailable

from .requests import secret_of

LOGIN_THREADS: Final = 2
LOGINS_WAITING: Final = 64
REQUESTS_WAITING: Final = 1024

ANSWER_WITHIN: Final = 9
"""Seconds, waiting and work together, after which a request is told to come back later."""

REPLICA_RESTS: Final = 5
"""Seconds for which a replica that did not answer is not asked again."""

_PAUSES: Final = (0.02, 0.1)
"""Up to how many seconds to wait before a unit of work is tried again."""

Answer = TypeVar("Answer")


class Lane:
    """Some threads for work of one kind, before which a bounded number of callers wait."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"blog-{name}")
        self._places = threads + waiting
        self._taken = 0

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Do the work on one of the lane's threads.

        Raises:
            Unavailable: too many wait already, or the work is not done in time. Whether it will be is not known.
        """
        if self._taken >= self._places:
            raise Unavailable("Too many requests are waiting.")
        self._taken += 1
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except TimeoutError:
            raise Unavailable("The answer takes too long.") from None
        finally:
            self._taken -= 1


class Lanes:
    """Reads, writes and log-ins each have threads of their own: none waits behind another's locks or hashing."""

    def __init__(self, threads: int) -> None:
        self.reads = Lane("read", threads, REQUESTS_WAITING)
        self.writes = Lane("write", threads, REQUESTS_WAITING)
        self.logins = Lane("login", LOGIN_THREADS, LOGINS_WAITING)


class Replica:
    """A copy of the blog, perhaps a moment behind, that is left alone for a while after it did not answer."""

    def __init__(self, open_blog: OpenBlog) -> None:
        self._open_blog = open_blog
        self._rests_until = 0.0

    def read(self, use: Callable[[Blog], Answer]) -> Answer:
        """Read from the copy.

        Raises:
            Unavailable: it does not answer, or did not a moment ago.
        """
        if time.monotonic() < self._rests_until:
            raise Unavailable("The replica did not answer a moment ago.")
        try:
            with self._open_blog() as blog:
                return use(blog)
        except Unavailable:
            self._rests_until = time.monotonic() + REPLICA_RESTS
            raise


@dataclass(frozen=True, slots=True)
class Door:
    """What one request goes through. Each way in says who may use it."""

    open_blog: OpenBlog
    replica: Replica | None
    lanes: Lanes
    request: Request[Any, Any, Any]

    async def nobody(self, use: Callable[[Blog], Answer]) -> Answer:
        """Read as nobody: a token is not even looked at."""
        return await self.lanes.reads.run(lambda: self._use(use))

    async def newcomer(self, use: Callable[[Blog], Answer]) -> Answer:
        """Log in: as nobody yet, and slowly."""
        return await self.lanes.logins.run(lambda: self._use(use))

    async def anyone(self, use: Callable[[Blog], Answer]) -> Answer:
        """Read as anybody; but whoever shows a token shows a good one.

        Nobody in particular may be answered from a replica, a moment behind. Whoever is known reads what they wrote.

        Raises:
            InvalidToken.
        """
        secret = secret_of(self.request)
        if secret is None:
            return await self.lanes.reads.run(lambda: self._read(use))
        return await self.lanes.reads.run(lambda: self._use_as(secret, lambda blog, _: use(blog)))

    async def signed_in(self, use: Callable[[Blog, User], Answer], *, reads_only: bool = False) -> Answer:
        """Act as the one whose token is shown.

        Raises:
            Unauthenticated: none is, or not a good one.
        """
        secret = secret_of(self.request)
        if secret is None:
            raise Unauthenticated("A token must be shown, as in: Authorization: Token blog_...")
        lane = self.lanes.reads if reads_only else self.lanes.writes
        return await lane.run(lambda: self._use_as(secret, use))

    def _use_as(self, secret: str, use: Callable[[Blog, User], Answer]) -> Answer:
        return self._use(lambda blog: use(blog, blog.accounts.authenticate(secret)))

    def _read(self, use: Callable[[Blog], Answer]) -> Answer:
        if self.replica is not None:
            try:
                return self.replica.read(use)
            except Unavailable:
                pass  # the primary may still answer
        return self._use(use)

    def _use(self, use: Callable[[Blog], Answer]) -> Answer:
        """Do it in one unit of work; where another came between, in one more after a moment."""
        for pause in _PAUSES:
            try:
                with self.open_blog() as blog:
                    return use(blog)
            except Contended:
                time.sleep(random.uniform(0, pause))  # noqa: S311 - so that two do not meet again
        with self.open_blog() as blog:
            return use(blog)
