"""Answers that are kept while nothing changes: what anybody may read is asked far more often than it is written.

Before each of them is given, the store is asked whether anything has been kept since, by whichever process. So nobody
is answered by what was, and nothing has to be forgotten at the right moment.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from litestar.types import ASGIApp, Send

from blog.domain.blog import DataVersion
from blog.domain.errors import Unavailable

MAX_BYTES: Final = 16 * 1024 * 1024
"""Of answers that are kept, with all that is kept beside them. Of what was asked for least lately, room is made."""

LARGEST: Final = MAX_BYTES // 8
"""Bytes of one answer that is kept. A larger one would take the room of many that are asked for more often."""

MAX_QUERY: Final = 1024
"""Bytes of a query by which an answer is kept. There are ever other long ones, and nobody asks for them again."""

_BESIDE: Final = 1280
"""Bytes that an answer takes beside what it consists of, about."""

_BESIDE_HEADER: Final = 160
"""Bytes that a header takes beside its name and value: two objects, and the pair of them."""

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
    size: int


class ResponseCache:
    """An ASGI application that gives the answers of another one again.

    Args:
        app: answers whatever is not kept.
        edition: tells whether it would still answer the same. It is asked on the event loop, and so answers at once.
    """

    def __init__(self, app: ASGIApp, edition: DataVersion) -> None:
        self._app = app
        self._edition = edition
        self._answers: OrderedDict[tuple[str, bytes, str], _Answer] = OrderedDict()
        self._size = 0
        self._of: object = None

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        if not _is_public(scope) or not self._is_known():
            await self._app(scope, receive, send)
            return
        key = (scope["path"], scope["query_string"], scope["prefix"])
        answer = self._answers.get(key)
        if answer is None:
            await self._ask(key, scope, receive, send)
            return
        self._answers.move_to_end(key)
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
        size = _size_of(key, head, body)
        if size <= LARGEST:
            self._keep(key, _Answer(head, body, scope.get("path_template"), size))

    def _keep(self, key: tuple[str, bytes, str], answer: _Answer) -> None:
        """Keep the answer, and forget those that were asked for least lately, if there is no room for all."""
        before = self._answers.pop(key, None)  # of two who asked for the same at once, the first has been answered
        self._size += answer.size - (before.size if before else 0)
        self._answers[key] = answer
        while self._size > MAX_BYTES:
            _, forgotten = self._answers.popitem(last=False)
            self._size -= forgotten.size


def _size_of(key: tuple[str, bytes, str], head: Any, body: Any) -> int:
    """About how many bytes of memory an answer takes, with the key that it is found by."""
    path, query, prefix = key
    headers = sum(_BESIDE_HEADER + len(name) + len(value) for name, value in head["headers"])
    return _BESIDE + 4 * (len(path) + len(prefix)) + len(query) + headers + len(body["body"])


def _is_public(scope: Any) -> bool:
    """Whether a request is answered as any other for the same address."""
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and scope["path"].startswith(_FOR_EVERYBODY)
        and len(scope["query_string"]) <= MAX_QUERY
        and _OF_ITS_OWN.isdisjoint(dict(scope["headers"]))
    )
