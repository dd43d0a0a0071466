"""What a handler answers, as it goes out: encoded once, its headers written as they are sent.

Litestar's own `Response` is for whoever does not know yet what will be sent. It costs more than reading a post.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_JSON: Final = (b"content-type", b"application/json")


class Answer(msgspec.Struct, array_like=True):
    """A JSON answer, which is an ASGI application that sends it. It can be kept, and sent again."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


_NONE: Final[Mapping[str, str]] = {}


def answer(content: msgspec.Struct, headers: Mapping[str, str] = _NONE, *, status: int = 200) -> Answer:
    """A JSON answer."""
    body = msgspec.json.encode(content)
    lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Answer(status, [*lines, _JSON, (b"content-length", b"%d" % len(body))], body)


def not_modified(tag: str) -> Answer:
    """To whoever has what this tag tells: 304, without a body."""
    return Answer(304, [(b"etag", tag.encode())], b"")
