"""Answers that are kept while nothing changes: what anybody may read is asked far more often than it is written.

Before each of them is given, the store is asked whether anything has been kept since, by whichever process. So nobody
is answered by what was, and nothing has to be forgotten at the right moment.
"""

from dataclasses import dataclass
from typing import Any, Final

from litestar.types import ASGIApp, Send

from blog.domain.blog import Edition
from blog.domain.errors import Unavailable

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of answers that are kept. Where there is no more room, all are forgotten."""

_BESIDE: Final = 2048
"""Bytes that an answer takes beside its body, about."""

_FOR_EVERYBODY: Final = "/api/posts/"
"""What answers begin with that depend on nothing but the address and what is stored."""

_OF_ITS_OWN: Final = frozenset({b"authorization", b"if-none-match", b"content-length", b"transfer-encoding", b"expect"})
"""Headers of requests that may be answered otherwise than others."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer in two messages, and the route it came by, for whoever logs requests."""

    head: Any
    body: Any
    route: Any


class Kept:
    """An ASGI application that gives the answers of another one again.

    Args:
        app: answers whatever is not kept.
        edition: tells whether it would still answer the same. It is asked on the event loop, and so answers at once.
    """

    def __init__(self, app: ASGIApp, edition: Edition) -> None:
        self._app = app
        self._edition = edition
        self._answers: dict[tuple[str, bytes, str], _Answer] = {}
        self._size = 0
        self._of: object = None

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        if not _is_for_everybody(scope) or not self._is_known():
            await self._app(scope, receive, send)
            return
        key = (scope["path"], scope["query_string"], scope["prefix"])
        answer = self._answers.get(key)
        if answer is None:
            await self._ask(key, scope, receive, send)
            return
        scope["path_template"] = answer.route
        await send(answer.head)
        await send(answer.body)

    def _is_known(self) -> bool:
        """Whether the edition can be told. What was kept of another one is forgotten."""
        try:
            edition = self._edition()
        except Unavailable:
            return False
        if edition != self._of:
            self._forget()
            self._of = edition
        return True

    def _forget(self) -> None:
        self._answers.clear()
        self._size = 0

    async def _ask(self, key: tuple[str, bytes, str], scope: Any, receive: Any, send: Send) -> None:
        """Answer, and keep the answer if nothing was kept in the store from before it was asked until it was given."""
        messages: list[Any] = []

        async def send_on(message: Any) -> None:
            messages.append(message)
            await send(message)

        edition = self._of
        await self._app(scope, receive, send_on)
        if len(messages) != 2 or messages[0]["status"] != 200 or edition != self._of:  # noqa: PLR2004 - HTTP's number
            return
        head, body = messages
        self._size += _BESIDE + len(body["body"])
        if self._size > MOST_BYTES:
            self._forget()
        else:
            self._answers[key] = _Answer(head, body, scope.get("path_template"))


def _is_for_everybody(scope: Any) -> bool:
    """Whether a request is answered as any other for the same address."""
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and scope["path"].startswith(_FOR_EVERYBODY)
        and _OF_ITS_OWN.isdisjoint(dict(scope["headers"]))
    )
