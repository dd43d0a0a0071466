"""How a request gets at the blog: off the event loop, in one unit of work, as whoever it shows itself to be."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from litestar import Request

from blog.domain.accounts import User
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import Unauthenticated, Unavailable

from .requests import secret_of

LOGIN_THREADS: Final = 2
LOGINS_WAITING: Final = 64
REQUESTS_WAITING: Final = 1024

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
            Unavailable: too many wait already.
        """
        if self._taken >= self._places:
            raise Unavailable("Too many requests are waiting.")
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._taken -= 1


class Lanes:
    """Reads, writes and log-ins each have threads of their own: none waits behind another's locks or hashing."""

    def __init__(self, threads: int) -> None:
        self.reads = Lane("read", threads, REQUESTS_WAITING)
        self.writes = Lane("write", threads, REQUESTS_WAITING)
        self.logins = Lane("login", LOGIN_THREADS, LOGINS_WAITING)


@dataclass(frozen=True, slots=True)
class Door:
    """What one request goes through. Each way in says who may use it."""

    open_blog: OpenBlog
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

        Raises:
            InvalidToken.
        """
        secret = secret_of(self.request)
        if secret is None:
            return await self.nobody(use)
        return await self.lanes.reads.run(lambda: self._use_as(secret, lambda blog, _: use(blog)))

    async def signed_in(self, use: Callable[[Blog, User], Answer]) -> Answer:
        """Act as the one whose token is shown.

        Raises:
            Unauthenticated: none is, or not a good one.
        """
        secret = secret_of(self.request)
        if secret is None:
            raise Unauthenticated("A token must be shown, as in: Authorization: Token blog_...")
        return await self.lanes.writes.run(lambda: self._use_as(secret, use))

    def _use(self, use: Callable[[Blog], Answer]) -> Answer:
        with self.open_blog() as blog:
            return use(blog)

    def _use_as(self, secret: str, use: Callable[[Blog, User], Answer]) -> Answer:
        with self.open_blog() as blog:
            return use(blog, blog.accounts.authenticate(secret))
