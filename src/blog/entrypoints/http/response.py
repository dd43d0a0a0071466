"""Responses, encoded once, which are ASGI applications that send themselves.

Litestar's own `Response` encodes later and does more: that costs more than reading a post.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_JSON: Final = (b"content-type", b"application/json")
_NO_HEADERS: Final[Mapping[str, str]] = {}


class Response(msgspec.Struct, array_like=True):
    """A response that can be stored and sent again."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def json_response(content: msgspec.Struct, headers: Mapping[str, str] = _NO_HEADERS, *, status: int = 200) -> Response:
    """Return a JSON response."""
    body = msgspec.json.encode(content)
    lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Response(status, [*lines, _JSON, (b"content-length", b"%d" % len(body))], body)


def file_response(body: bytes, media_type: str, headers: Mapping[str, str] = _NO_HEADERS) -> Response:
    """Return a response with this body."""
    lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    known = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(body))]
    return Response(200, [*lines, *known], body)


def permanent_redirect(url: str) -> Response:
    """Return a 308: the same request has to be sent to this URL, now and later."""
    return Response(308, [(b"location", url.encode("ascii")), (b"content-length", b"0")], b"")


def no_content() -> Response:
    """Return 204."""
    return Response(204, [], b"")


def not_modified(etag: str) -> Response:
    """Return 304, for a client that has the representation with this tag."""
    return Response(304, [(b"etag", etag.encode())], b"")
