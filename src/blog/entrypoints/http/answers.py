"""What a handler answers, as it goes out: encoded once, its headers written as they are sent.

Litestar's own `Response` is for whoever does not know yet what will be sent. It costs more than reading a post.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_JSON: Final = (b"content-type", b"application/json")


class Answer:
    """A JSON answer, which is an ASGI application that sends it."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._status, self._body = status, body
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._headers += [_JSON, (b"content-length", b"%d" % len(body))]

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})


_NONE: Final[Mapping[str, str]] = {}


def answer(content: msgspec.Struct, headers: Mapping[str, str] = _NONE, *, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(status, headers, msgspec.json.encode(content))
