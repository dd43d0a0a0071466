"""The response cache: responses to public reads are cached until the next commit or publication.

Before each cached response is sent, the store is asked for its data version, which changes with every commit by any
process, and when a scheduled post becomes visible. So no response is stale, and there is no invalidation to forget.
"""

from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final

from litestar.types import ASGIApp, Send

from blog.domain.blog import DataVersion
from blog.domain.errors import Unavailable

MAX_BYTES: Final = 16 * 1024 * 1024
"""Bytes of the cache. The least recently used responses are evicted."""

MAX_RESPONSE_BYTES: Final = MAX_BYTES // 8
"""Bytes of one cached response. A larger one would evict many others."""

MAX_QUERY: Final = 1024
"""Bytes of the query of a cached response. Long queries are seldom repeated."""

_OVERHEAD: Final = 1280
"""Bytes of memory for each response, beside its content, roughly."""

_HEADER_OVERHEAD: Final = 160
"""Bytes of memory for each header, beside its name and value: two objects and a tuple."""

_PUBLIC_PATHS: Final = ("/api/posts/", "/api/tags/")
"""The path prefixes of responses that depend only on the URL, the stored data and the time."""

_PRIVATE_HEADERS: Final = frozenset(
    {b"authorization", b"if-none-match", b"content-length", b"transfer-encoding", b"expect"}
)
"""Request headers that may change the response."""


@dataclass(frozen=True, slots=True)
class _CachedResponse:
    """A response in two ASGI messages, and its route, for the access log."""

    head: Any
    body: Any
    route: Any
    size: int


class ResponseCache:
    """An ASGI middleware that caches responses.

    Args:
        app: the application.
        data_version: returns a value that changes with every commit and every publication. It is called on the event
            loop, so must not wait.
    """

    def __init__(self, app: ASGIApp, data_version: DataVersion) -> None:
        self._app = app
        self._data_version = data_version
        self._responses: OrderedDict[tuple[str, bytes, str], _CachedResponse] = OrderedDict()
        self._size = 0
        self._version: object = None

    def __call__(self, scope: Any, receive: Any, send: Send) -> Awaitable[None]:
        is_public = (  # the response depends on nothing but the URL
            scope["type"] == "http"
            and scope["method"] == "GET"
            and scope["path"].startswith(_PUBLIC_PATHS)
            and len(scope["query_string"]) <= MAX_QUERY
            and _PRIVATE_HEADERS.isdisjoint(scope["header_names"])
        )
        if is_public and self._refresh_version():
            return self._respond(scope, receive, send)
        return self._app(scope, receive, send)

    async def _respond(self, scope: Any, receive: Any, send: Send) -> None:
        """Send the cached response or, if there is none, call the application."""
        key = (scope["path"], scope["query_string"], scope["prefix"])
        response = self._responses.get(key)
        if response is None:
            await self._call_and_cache(key, scope, receive, send)
            return
        self._responses.move_to_end(key)
        scope["path_template"] = response.route
        await send(response.head)
        await send(response.body)

    def _refresh_version(self) -> bool:
        """Read the data version, and evict the responses of another one. Return whether it is known."""
        try:
            version = self._data_version()
        except Unavailable:
            return False
        if version != self._version:
            self._clear()
            self._version = version
        return True

    def _clear(self) -> None:
        self._responses.clear()
        self._size = 0

    async def _call_and_cache(self, key: tuple[str, bytes, str], scope: Any, receive: Any, send: Send) -> None:
        """Call the application, and cache the response if there was no commit or publication meanwhile."""
        messages: list[Any] = []

        async def send_on(message: Any) -> None:
            messages.append(message)
            await send(message)

        version = self._version
        await self._app(scope, receive, send_on)
        if len(messages) != 2 or messages[0]["status"] != 200 or version != self._version:  # noqa: PLR2004 - HTTP's number
            return
        head, body = messages
        if _is_no_store(head):
            return
        size = _size_of(key, head, body)
        if size <= MAX_RESPONSE_BYTES:
            self._store(key, _CachedResponse(head, body, scope.get("path_template"), size))

    def _store(self, key: tuple[str, bytes, str], response: _CachedResponse) -> None:
        """Cache a response, and evict the least recently used ones if there are too many."""
        before = self._responses.pop(key, None)  # a concurrent request may have cached it first
        self._size += response.size - (before.size if before else 0)
        self._responses[key] = response
        while self._size > MAX_BYTES:
            _, evicted = self._responses.popitem(last=False)
            self._size -= evicted.size


def _size_of(key: tuple[str, bytes, str], head: Any, body: Any) -> int:
    """Return roughly how many bytes of memory a response takes, with its key."""
    path, query, prefix = key
    headers = sum(_HEADER_OVERHEAD + len(name) + len(value) for name, value in head["headers"])
    return _OVERHEAD + 4 * (len(path) + len(prefix)) + len(query) + headers + len(body["body"])


def _is_no_store(head: Any) -> bool:
    """Return whether the response says that nobody may keep it."""
    return any(name.lower() == b"cache-control" and b"no-store" in value.lower() for name, value in head["headers"])
