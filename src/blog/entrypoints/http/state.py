"""The state of one application, which all its requests share."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from blog.domain.accounts.actors import Member
from blog.domain.blog import CancellableBlog, OpenBlog
from blog.domain.cancellation import Cancellation, Cancelled
from blog.domain.errors import Unavailable
from blog.domain.shared import TokenId
from blog.entrypoints.http.concurrency.executors import Executors
from blog.entrypoints.http.concurrency.thread_pool import ThreadPool
from blog.entrypoints.http.parsing.client_address import TrustedProxies

from .outages import Outages

REPLICA_COOLDOWN: Final = 5
"""Seconds for which a replica that did not respond is not asked again."""

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Replica:
    """A read replica, which is left alone for a while after it did not respond."""

    def __init__(self, open_blog: OpenBlog) -> None:
        self._cancellable = cancellable(open_blog)
        self._rests_until = 0.0

    def read(self, work: Callable[[OpenBlog], Result], cancellation: Cancellation) -> Result:
        """Do the work, which opens one unit of work.

        Raises:
            Cancelled.
            Unavailable: it does not respond, or did not a short time ago.
        """
        if time.monotonic() < self._rests_until:
            raise Unavailable("The replica did not answer a moment ago.")
        try:
            return work(self._cancellable(cancellation))
        except Cancelled:
            raise
        except Unavailable:
            self._rests_until = time.monotonic() + REPLICA_COOLDOWN
            raise


class TokenUsageRecorder:
    """Stores when tokens were last used: after the response, on one thread for which no request waits."""

    def __init__(self) -> None:
        self._thread = ThreadPool("note", 1)
        self._pending: set[TokenId | None] = set()

    def record(self, open_blog: OpenBlog, actor: Member) -> None:
        """Store soon that the actor's token is in use. If no thread can be started, the next request tries again."""
        if actor.token_id not in self._pending:
            self._pending.add(actor.token_id)
            try:
                self._thread.run(partial(self._store, open_blog, actor))
            except Unavailable:
                self._pending.discard(actor.token_id)

    def _store(self, open_blog: OpenBlog, actor: Member) -> None:
        try:
            with open_blog() as blog:
                blog.tokens.touch(actor)
        except Unavailable:
            pass  # requests that fail for the same reason log it, once
        except Exception:  # noqa: BLE001 - the next request tries again
            _log.exception("The use of a token was not noted.")
        finally:
            self._pending.discard(actor.token_id)


@dataclass(frozen=True, slots=True)
class AppState:
    """The state of one application.

    Args:
        open_blog: opens the blog for one unit of work.
        open_nonblocking: opens it for reads that never wait.
        replica: for requests without a token.
        executors: where work that may wait is done.
        proxies: those that are trusted.
        requires_if_match: whether a change needs `If-Match`.
        token_usage: stores when tokens were last used.
        outages: logs why requests fail.
        cancellable: opens the blog for units of work that can be cancelled.
    """

    open_blog: OpenBlog
    open_nonblocking: OpenBlog | None
    replica: Replica | None
    executors: Executors
    proxies: TrustedProxies
    requires_if_match: bool = False
    token_usage: TokenUsageRecorder = field(default_factory=TokenUsageRecorder)
    outages: Outages = field(default_factory=Outages)
    cancellable: Callable[[Cancellation], OpenBlog] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cancellable", cancellable(self.open_blog))


def cancellable(open_blog: OpenBlog) -> Callable[[Cancellation], OpenBlog]:
    """Return how to open the blog for units of work that can be cancelled; plainly, if this blog's cannot."""
    return open_blog.cancellable if isinstance(open_blog, CancellableBlog) else lambda _: open_blog
