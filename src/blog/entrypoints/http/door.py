"""How a request gets at the blog: off the event loop, in one unit of work, as whoever it shows itself to be."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from litestar import Request

from blog.domain.actors import Member, must_administer
from blog.domain.blog import Blog, Contended, OpenBlog
from blog.domain.errors import Unauthenticated, Unavailable
from blog.domain.ids import TokenId

from .addresses import Proxies
from .requests import secret_of

LOGIN_THREADS: Final = 1
"""One at a time: with two, reads wait more than three times as long while somebody hammers the log-in."""
LOGINS_WAITING: Final = 64
REQUESTS_WAITING: Final = 1024

ANSWER_WITHIN: Final = 9
"""Seconds, waiting and work together, after which a request is told to come back later."""

REPLICA_RESTS: Final = 5
"""Seconds for which a replica that did not answer is not asked again."""

_PAUSES: Final = (0.02, 0.1)
"""Up to how many seconds to wait before a unit of work is tried again."""

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


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


class Notes:
    """Notes of which tokens are in use, taken after the answer, by one thread for which nobody waits."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="blog-note")
        self._to_be_taken: set[TokenId | None] = set()

    def take(self, open_blog: OpenBlog, actor: Member) -> None:
        """Note that the actor's token is in use, soon."""
        if actor.token_id not in self._to_be_taken:
            self._to_be_taken.add(actor.token_id)
            self._executor.submit(self._take, open_blog, actor)

    def _take(self, open_blog: OpenBlog, actor: Member) -> None:
        try:
            with open_blog() as blog:
                blog.tokens.note_use(actor)
        except Exception:  # noqa: BLE001 - the next request will want the note again
            _log.exception("The use of a token was not noted.")
        finally:
            self._to_be_taken.discard(actor.token_id)


@dataclass(frozen=True, slots=True)
class House:
    """What is behind every door."""

    open_blog: OpenBlog
    replica: Replica | None
    lanes: Lanes
    notes: Notes
    proxies: Proxies


@dataclass(frozen=True, slots=True)
class Door:
    """What one request goes through. Each way in says who may use it."""

    house: House
    request: Request[Any, Any, Any]

    async def nobody(self, use: Callable[[Blog], Answer]) -> Answer:
        """Read as nobody: a token is not even looked at."""
        return await self.house.lanes.reads.run(lambda: self._use(use))

    async def entrance(self, come_in: Callable[[OpenBlog, str], Answer]) -> Answer:
        """Come in by name and password, slowly, and in several units of work. The address is handed on."""
        address = self.house.proxies.client_of(self.request)
        return await self.house.lanes.logins.run(lambda: _again(lambda: come_in(self.house.open_blog, address)))

    async def anyone(self, use: Callable[[Blog, Member | None], Answer]) -> Answer:
        """Read as anybody; but whoever shows a token shows a good one.

        Nobody in particular may be answered from a replica, a moment behind. Whoever is known reads what they wrote.

        Raises:
            InvalidToken.
        """
        secret = secret_of(self.request)
        if secret is None:
            return await self.house.lanes.reads.run(lambda: self._read(lambda blog: use(blog, None)))
        return await self.house.lanes.reads.run(lambda: self._use_as(secret, use))

    async def signed_in(
        self, use: Callable[[Blog, Member], Answer], *, reads_only: bool = False, hashes: bool = False
    ) -> Answer:
        """Act as the one whose token is shown.

        Raises:
            Unauthenticated: none is, or not a good one.
        """
        secret = self.secret()
        lanes = self.house.lanes
        lane = lanes.logins if hashes else lanes.reads if reads_only else lanes.writes
        return await lane.run(lambda: self._use_as(secret, use))

    async def administrator(
        self, use: Callable[[Blog, Member], Answer], *, reads_only: bool = False, hashes: bool = False
    ) -> Answer:
        """Act as an administrator. Whoever is none hears that before anything else of the request is looked at.

        Raises:
            Unauthenticated: no token is shown, or not a good one.
            NotAnAdmin, OutOfScope.
        """

        def use_as_administrator(blog: Blog, actor: Member) -> Answer:
            must_administer(actor)
            return use(blog, actor)

        return await self.signed_in(use_as_administrator, reads_only=reads_only, hashes=hashes)

    def secret(self) -> str:
        """The token that is shown.

        Raises:
            Unauthenticated: none is.
        """
        secret = secret_of(self.request)
        if secret is None:
            raise Unauthenticated("A token must be shown, as in: Authorization: Token blog_...")
        return secret

    def _use_as(self, secret: str, use: Callable[[Blog, Member], Answer]) -> Answer:
        address = self.house.proxies.client_of(self.request)

        def use_as(blog: Blog) -> tuple[Member, Answer]:
            actor = blog.accounts.authenticate(secret, address=address)
            return actor, use(blog, actor)

        actor, answer = self._use(use_as)
        if actor.is_unnoted:
            self.house.notes.take(self.house.open_blog, actor)
        return answer

    def _read(self, use: Callable[[Blog], Answer]) -> Answer:
        if self.house.replica is not None:
            try:
                return self.house.replica.read(use)
            except Unavailable:
                pass  # the primary may still answer
        return self._use(use)

    def _use(self, use: Callable[[Blog], Answer]) -> Answer:
        """Do it in one unit of work."""

        def in_a_unit() -> Answer:
            with self.house.open_blog() as blog:
                return use(blog)

        return _again(in_a_unit)


def _again(work: Callable[[], Answer]) -> Answer:
    """Do it; where another unit of work came between, once more after a moment."""
    for pause in _PAUSES:
        try:
            return work()
        except Contended:
            time.sleep(random.uniform(0, pause))  # noqa: S311 - so that two do not meet again
    return work()
