"""How a request gets at the blog: in one unit of work, as whoever it shows itself to be, and so that no other waits."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar, cast

from litestar import Request

from blog.domain.accounts.actors import Member, require_admin
from blog.domain.blog import Blog, CancellableBlog, ConcurrencyConflict, OpenBlog
from blog.domain.cancellation import Cancellation, Cancelled
from blog.domain.errors import Unauthenticated, Unavailable
from blog.domain.posts.post import Post
from blog.domain.shared import TokenId
from blog.entrypoints.http.concurrency.executors import BoundedExecutor, Executors
from blog.entrypoints.http.concurrency.thread_pool import ThreadPool
from blog.entrypoints.http.parsing.body import body_of
from blog.entrypoints.http.parsing.client_address import TrustedProxies
from blog.entrypoints.http.parsing.request import Body, secret_of

from .outages import Outages

REPLICA_RESTS: Final = 5
"""Seconds for which a replica that did not answer is not asked again."""

ENCODED_ON_THE_LOOP: Final = 256 * 1024
"""Bytes of text that are encoded on the event loop, which takes about a millisecond."""

_PAUSES: Final = (0.02, 0.1)
"""Up to how many seconds to wait before a unit of work is tried again."""

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


class Replica:
    """A copy of the blog, perhaps a moment behind, that is left alone for a while after it did not answer."""

    def __init__(self, open_blog: OpenBlog) -> None:
        self._cancellable = cancellable(open_blog)
        self._rests_until = 0.0

    def read(self, use: Callable[[Blog], Answer], cancellation: Cancellation) -> Answer:
        """Read from the copy.

        Raises:
            Cancelled.
            Unavailable: it does not answer, or did not a moment ago.
        """
        if time.monotonic() < self._rests_until:
            raise Unavailable("The replica did not answer a moment ago.")
        try:
            with self._cancellable(cancellation)() as blog:
                return use(blog)
        except Cancelled:
            raise
        except Unavailable:
            self._rests_until = time.monotonic() + REPLICA_RESTS
            raise


class TokenUsageRecorder:
    """TokenUsageRecorder of which tokens are in use, taken after the answer, by one thread for which nobody waits."""

    def __init__(self) -> None:
        self._thread = ThreadPool("note", 1)
        self._to_be_taken: set[TokenId | None] = set()

    def take(self, open_blog: OpenBlog, actor: Member) -> None:
        """Note that the actor's token is in use, soon. If no thread can be started, the next request wants the note."""
        if actor.token_id not in self._to_be_taken:
            self._to_be_taken.add(actor.token_id)
            try:
                self._thread.run(partial(self._take, open_blog, actor))
            except Unavailable:
                self._to_be_taken.discard(actor.token_id)

    def _take(self, open_blog: OpenBlog, actor: Member) -> None:
        try:
            with open_blog() as blog:
                blog.tokens.touch(actor)
        except Unavailable:
            pass  # which requests that fail log too, once
        except Exception:  # noqa: BLE001 - the next request will want the note again
            _log.exception("The use of a token was not noted.")
        finally:
            self._to_be_taken.discard(actor.token_id)


@dataclass(frozen=True, slots=True)
class AppState:
    """What is behind every door. `cancellable` opens the blog for units that can be cancelled, `open_nonblocking` for
    a read that waits for nothing; `requires_if_match` is whether nobody changes what they do not say they have seen.
    """

    open_blog: OpenBlog
    cancellable: Callable[[Cancellation], OpenBlog]
    open_nonblocking: OpenBlog | None
    replica: Replica | None
    lanes: Executors
    notes: TokenUsageRecorder
    proxies: TrustedProxies
    requires_if_match: bool = False
    outages: Outages = field(default_factory=Outages)


class ApiRequest(Request[Any, Any, Any]):
    """One request, and its ways to the blog. Each way in says who may use it.

    Of a read, a handler may say that it is brief: that it costs less than the way to another thread. Where the blog can
    be opened at once, it is done on the event loop.
    """

    __slots__ = ()

    @property
    def house(self) -> AppState:
        """What is behind the door that the request came by."""
        return cast(AppState, self.scope["house"])  # type: ignore[typeddict-item] # `create_app` has put it there

    async def sent(self) -> Body:
        """The whole body, not yet looked at.

        Raises:
            Refused: it is larger than the route allows, or not complete.
        """
        return await body_of(self)

    async def nobody(self, use: Callable[[Blog], Answer]) -> Answer:
        """Read as nobody: a token is not even looked at."""
        return await self._read(use, brief=False)

    async def entrance(self, come_in: Callable[[OpenBlog, str], Answer]) -> Answer:
        """Come in by name and password, slowly, and in several units of work. The address is handed on."""
        address = self.house.proxies.client_ip(self)
        return await self._run(self.house.lanes.logins, lambda open_blog: come_in(open_blog, address))

    async def anyone(self, use: Callable[[Blog, Member | None], Answer], *, brief: bool = False) -> Answer:
        """Read as anybody; but whoever shows a token shows a good one. Credentials of another scheme are ignored.

        Nobody in particular may be answered from a replica, a moment behind. Whoever is known reads what they wrote.

        Raises:
            InvalidToken, WrongScheme.
        """
        secret = secret_of(self, ignore_foreign=True)
        if secret is not None:
            return await self._noted(self._read(self._as_holder(secret, use), brief=brief))
        if self.house.replica is not None:
            return await self._read_copy(self.house.replica, lambda blog: use(blog, None))
        return await self._read(lambda blog: use(blog, None), brief=brief)

    async def signed_in(
        self,
        use: Callable[[Blog, Member], Answer],
        *,
        reads_only: bool = False,
        brief: bool = False,
        hashes: bool = False,
    ) -> Answer:
        """Act as the one whose token is shown.

        Raises:
            Unauthenticated: none is, or not a good one.
        """
        use_as = self._as_holder(self.secret(), use)
        if reads_only:
            return await self._noted(self._read(use_as, brief=brief))
        lane = self.house.lanes.logins if hashes else self.house.lanes.writes
        return await self._noted(self._run(lane, lambda open_blog: _use(open_blog, use_as)))

    async def administrator(
        self, use: Callable[[Blog, Member], Answer], *, reads_only: bool = False, hashes: bool = False
    ) -> Answer:
        """Act as an administrator. Whoever is none hears that before anything else of the request is looked at.

        Raises:
            Unauthenticated: no token is shown, or not a good one.
            NotAnAdmin, OutOfScope.
        """

        def use_as_administrator(blog: Blog, actor: Member) -> Answer:
            require_admin(actor)
            return use(blog, actor)

        return await self.signed_in(use_as_administrator, reads_only=reads_only, hashes=hashes)

    def secret(self) -> str:
        """The token that is shown.

        Raises:
            Unauthenticated: none is.
        """
        secret = secret_of(self)
        if secret is None:
            raise Unauthenticated("A token must be shown, as in: Authorization: Token blog_...")
        return secret

    def _as_holder(self, secret: str, use: Callable[[Blog, Member], Answer]) -> Callable[[Blog], tuple[Member, Answer]]:
        address = self.house.proxies.client_ip(self)

        def use_as(blog: Blog) -> tuple[Member, Answer]:
            actor = blog.tokens.authenticate(secret, address=address)
            self.scope["user_id"] = actor.user_id  # type: ignore[typeddict-unknown-key] # which the access log has
            return actor, use(blog, actor)

        return use_as

    async def _noted(self, done: Awaitable[tuple[Member, Answer]]) -> Answer:
        """What was done; that a token is in use will be noted, if that is not known well enough."""
        actor, answer = await done
        if actor.needs_touch:
            self.house.notes.take(self.house.open_blog, actor)
        return answer

    async def _read(self, use: Callable[[Blog], Answer], *, brief: bool) -> Answer:
        if brief and self.house.open_nonblocking is not None:
            with suppress(Unavailable):  # what is in the way can be waited for on a thread
                answer = _use(self.house.open_nonblocking, use)
                self.house.outages.worked(writes=False)
                return answer
        return await self._run(self.house.lanes.reads, lambda open_blog: _use(open_blog, use))

    async def _read_copy(self, replica: Replica, use: Callable[[Blog], Answer]) -> Answer:
        cancellation = Cancellation()

        def read(open_blog: OpenBlog) -> Answer:
            try:
                return replica.read(use, cancellation)
            except Cancelled:
                raise
            except Unavailable:
                return _use(open_blog, use)  # the primary may still answer

        return await self._run(self.house.lanes.reads, read, cancellation)

    async def _run(
        self, lane: BoundedExecutor, work: Callable[[OpenBlog], Answer], cancellation: Cancellation | None = None
    ) -> Answer:
        """Do the work off the event loop; once more if another unit of work came between. When nobody waits for it any
        longer, its units of work are cancelled.
        """
        cancellation = cancellation or Cancellation()
        open_blog = self.house.cancellable(cancellation)
        answer = await lane.run(lambda: _again(lambda: work(open_blog)), cancellation, self.receive)
        self.house.outages.worked(writes=lane is not self.house.lanes.reads)
        return answer


def check_brief(*posts: Post) -> None:
    """On the event loop, refuse to go on with so much text: encoding it would hold up all other requests.

    Raises:
        Unavailable: there. The read is then done on a thread.
    """
    characters = sum([len(post.body) for post in posts])
    if 4 * characters <= ENCODED_ON_THE_LOOP:  # as nearly always: no character has more bytes in UTF-8
        return
    if sum(map(_size, posts)) > ENCODED_ON_THE_LOOP and _is_on_event_loop():
        raise Unavailable("There is too much to encode at once.")


def _size(post: Post) -> int:
    """How many bytes the post has in UTF-8 at most, without encoding it."""
    return len(post.body) if post.body.isascii() else 4 * len(post.body)


def _is_on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def cancellable(open_blog: OpenBlog) -> Callable[[Cancellation], OpenBlog]:
    """How to open the blog for units of work that can be cancelled; as ever, if they cannot."""
    return open_blog.cancellable if isinstance(open_blog, CancellableBlog) else lambda _: open_blog


def _use(open_blog: OpenBlog, use: Callable[[Blog], Answer]) -> Answer:
    """Do it in one unit of work."""
    with open_blog() as blog:
        return use(blog)


def _again(work: Callable[[], Answer]) -> Answer:
    """Do it; where another unit of work came between, once more after a moment."""
    for pause in _PAUSES:
        try:
            return work()
        except ConcurrencyConflict:
            time.sleep(random.uniform(0, pause))  # noqa: S311 - so that two do not meet again
    return work()
