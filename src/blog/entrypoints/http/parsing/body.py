"""How the body of a request comes in: whole, and no larger than the route allows, whether anybody reads it or not."""

import math
from http import HTTPStatus
from typing import Any, Final

from litestar import Request
from litestar.exceptions import InternalServerException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from blog.entrypoints.http.errors import HttpError

from .request import Body

_NOT_COMPLETE: Final = "The body is not complete."


async def body_of(request: Request[Any, Any, Any]) -> Body:
    """The whole body, up to the size that the route allows."""
    headers = dict(reversed([*request.scope["headers"]]))  # of several with one name, the first
    return Body(await (_kept_body(request) if b"transfer-encoding" in headers else _body(request)), headers)


async def refuse_large_body(request: Request[Any, Any, Any]) -> None:
    """Routes that read no body refuse a large one too, announced or not."""
    for name, value in request.scope["headers"]:
        if name == b"transfer-encoding":
            await _kept_body(request)
        elif name == b"content-length":
            _check_length(value, _largest(request))


def _check_length(told: bytes, largest: float) -> None:
    try:
        is_too_large = int(told) > largest
    except ValueError:  # also of more digits than Python reads
        raise HttpError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number.") from None
    if is_too_large:
        raise _too_large(largest)


async def _body(request: Request[Any, Any, Any]) -> bytes:
    """The body, as it comes: Litestar's way to it costs more than all that is done with most."""
    pieces: list[bytes] = []
    size, largest = 0, _largest(request)
    while True:
        message = await request.receive()
        if message["type"] != "http.request":  # the client went away
            raise HttpError(HTTPStatus.BAD_REQUEST, _NOT_COMPLETE)
        piece = message.get("body", b"")
        pieces.append(piece)
        size += len(piece)
        if size > largest:
            raise _too_large(largest)
        if not message.get("more_body", False):
            return b"".join(pieces)


async def _kept_body(request: Request[Any, Any, Any]) -> bytes:
    """The body by Litestar's way, which can be asked for again."""
    try:
        return await request.body()
    except RequestEntityTooLarge:
        raise _too_large(_largest(request)) from None
    except InternalServerException:  # how Litestar says that the client went away
        raise HttpError(HTTPStatus.BAD_REQUEST, _NOT_COMPLETE) from None


def _too_large(largest: float) -> HttpError:
    return HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body has more than {largest} bytes.")


def _largest(request: Request[Any, Any, Any]) -> float:
    return request.route_handler.resolve_request_max_body_size() or math.inf
