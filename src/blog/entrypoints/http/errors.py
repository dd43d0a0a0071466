"""Every error as `application/problem+json` (RFC 9457)."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from traceback import format_exception
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from msgspec import UNSET, UnsetType

from blog.domain.errors import (
    BlogError,
    Conflict,
    FieldError,
    Forbidden,
    NotFound,
    PreconditionFailed,
    RateLimited,
    Unauthenticated,
    Unavailable,
    ValidationFailed,
)
from blog.domain.idempotency import KeyReused
from blog.domain.posts.slug_assignment import PostGone

from . import response
from .schemas.posts import PostOut
from .schemas.working_copies import WorkingCopyOut

MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[type[BlogError], HTTPStatus]] = {
    KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    ValidationFailed: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    PostGone: HTTPStatus.GONE,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The status of each kind of error."""

_log = logging.getLogger(__name__)


class FieldErrorOut(msgspec.Struct, rename={"name": "field"}):
    """A field of the request that is not valid."""

    name: str
    message: str


class Problem(msgspec.Struct, kw_only=True):
    """A problem (RFC 9457).

    `errors` lists every field that is not valid. After a version conflict, `version` is the current version of the
    post, and `conflicting_fields` lists the fields whose sent value differs from the post's. `operation` is the index
    of the first operation of a batch that was refused. After a conflict of a working copy with another one or with its
    post, `working_copy` and `current` are both of them. After a PUT of a working copy, `is_saved` says whether what was
    sent is that working copy now.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str | UnsetType = UNSET
    errors: list[FieldErrorOut] | UnsetType = UNSET
    version: int | UnsetType = UNSET
    conflicting_fields: list[str] | UnsetType = UNSET
    operation: int | UnsetType = UNSET
    working_copy: WorkingCopyOut | UnsetType = UNSET
    current: PostOut | UnsetType = UNSET
    is_saved: bool | UnsetType = UNSET


class HttpError(Exception):
    """A request that is refused by the rules of HTTP, not of the blog."""

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.detail = detail
        self.headers = headers
        super().__init__(detail)


def problem(
    status: HTTPStatus,
    detail: str | UnsetType = UNSET,
    errors: tuple[FieldError, ...] = (),
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response[bytes]:
    """Return a problem as a response. `more` are members that few problems have."""
    shown = [FieldErrorOut(error.field, error.message) for error in errors] or UNSET
    body = Problem(title=status.phrase, status=status, detail=detail, errors=shown, **more)
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**_headers(status), **(headers or {})},
    )


def refusal(
    status: HTTPStatus, detail: str | UnsetType = UNSET, *headers: tuple[bytes, bytes], **more: Any
) -> response.Response:
    """Return a problem as an ASGI application, for requests that are refused outside of Litestar, or whose unit of work
    is committed. `more` are as in `problem`.
    """
    body = msgspec.json.encode(Problem(title=status.phrase, status=status, detail=detail, **more))
    known = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body))]
    return response.Response(status, [*known, *headers], body)


def on_blog_error(request: Request[Any, Any, Any], error: BlogError) -> Response[bytes]:
    """Handle an error of the domain."""
    status = status_of(error)
    if isinstance(error, Unavailable):
        request.scope["app_state"].outages.failed(error, writes=request.method != "GET")  # type: ignore[typeddict-item]
    if isinstance(error, ValidationFailed):
        return problem(status, "The request is not valid: see `errors`.", error.errors)
    if isinstance(error, RateLimited | Unavailable):
        return problem(status, str(error), headers={"Retry-After": str(error.retry_after)})
    return problem(status, str(error))


def status_of(error: BlogError) -> HTTPStatus:
    """Return the status of an error, by its kind."""
    return next(status for kind, status in STATUS.items() if isinstance(error, kind))


def on_http_error(_: Request[Any, Any, Any], error: HttpError) -> Response[bytes]:
    """Handle an error of HTTP."""
    return problem(error.status, error.detail, headers=error.headers)


def on_http_exception(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Handle an error of Litestar. Its messages are left out, because they repeat the path and the query."""
    detail = (
        f"Here, {', '.join(methods_of(allow))} are allowed." if (allow := (error.headers or {}).get("allow")) else UNSET
    )
    return problem(HTTPStatus(error.status_code), detail, headers=error.headers)


def methods_of(allow: str) -> list[str]:
    """Return the methods of a path, given those that Litestar knows: HEAD and OPTIONS are handled outside of it."""
    methods = {method.strip() for method in allow.split(",")} | {"OPTIONS"}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def on_unhandled(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Handle a bug: log the traceback. The client gets no details, except with `debug`."""
    fields: dict[str, Any] = {"request_id": request.scope.get("request_id"), "method": request.method}
    fields["route"] = request.scope.get("path_template")
    _log.exception("Request %(request_id)s failed: %(method)s %(route)s", fields, extra=fields)
    detail = "".join(format_exception(error)) if request.app.debug else UNSET
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)


def _headers(status: HTTPStatus) -> dict[str, str]:
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Token"}
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return {"Connection": "close"}  # the rest of the body is not read
    return {}
