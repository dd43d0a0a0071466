"""The declaration of a route. It drives the dispatcher (`dispatch.py`) and the OpenAPI document."""

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from typing import Final

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import BaseRoute, HTTPRoute

from blog.domain.errors import BlogError
from blog.domain.policy import Action
from blog.entrypoints.http.parsing.body import JSON
from blog.entrypoints.http.parsing.query import Query

MAX_BODY_BYTES: Final = 1024 * 1024
"""Bytes. The longest post fits in UTF-8 (400,000 bytes). It is refused if each character is escaped (1.2 million)."""


class Authentication(Enum):
    """Whether a route reads the token of the request."""

    NONE = "the token is ignored"
    OPTIONAL = "a token may be sent"
    REQUIRED = "a token is required"


class ExecutorKind(Enum):
    """The place where a handler runs."""

    NONE = "on the event loop, without the blog"
    INLINE = "on the event loop, if the store can be read without waiting; otherwise as READ"
    READ = "on a thread for reads"
    WRITE = "on a thread for writes; a store with group commit commits several together"
    HASH = "on the thread that hashes passwords"


_WITHOUT_TOKEN: Final = frozenset({Action.VIEW_STATUS, Action.LOG_IN, Action.REGISTER, Action.READ_PREVIEW})
"""Actions that do not depend on the actor. A replica does not serve them: it may lag behind a revocation."""


class RouteWithoutPolicy(Exception):
    """A route has no declaration, so its permission is undefined. The application does not start."""


@dataclass(frozen=True, slots=True)
class Operation:
    """The declaration of a route.

    Args:
        action: decides who may use the route. Its scope or role is checked before the handler.
        executor: where the handler runs.
        status: the status of a success.
        returns: the type of the body of a success.
        response_headers: the headers of a success, with their descriptions.
        body: the type of the body of the request.
        media_types: the media types that the body may have.
        needs_body: whether the body is required. Otherwise a request without a body means an empty object.
        max_body: the limit of the body, in bytes.
        query: the query parameters. Without it the query is ignored.
        if_match: whether the handler checks preconditions of a change.
        if_none_match: whether a response can be 304.
        idempotent: whether an `Idempotency-Key` is accepted, and a response replayed.
        handles_replay: whether the handler itself replays a stored response, after slow work.
        is_secret: whether the response holds a secret, so it is neither stored nor replayed.
        hides_body: whether the body holds a password, so only a slow hash of the request is stored.
        opens_units: whether the handler gets `open_blog`, for several units of work, and not `blog`.
        checks_permission: whether scope and role are checked before the handler. Otherwise the use case checks them.
        errors: the errors that the handler can raise.
        redirects: whether a response can be 308, with the URL in `Location`.
        is_described: whether the OpenAPI document contains the route.

    Raises:
        ValueError: a body has no media type.
    """

    action: Action
    _: KW_ONLY
    executor: ExecutorKind
    status: int = 200
    returns: type[msgspec.Struct] | None = None
    response_headers: Mapping[str, str] = field(default_factory=dict)
    body: type[msgspec.Struct] | None = None
    media_types: tuple[str, ...] = (JSON,)
    needs_body: bool = True
    max_body: int = MAX_BODY_BYTES
    query: Query | None = None
    if_match: bool = False
    if_none_match: bool = False
    idempotent: bool = False
    handles_replay: bool = False
    is_secret: bool = False
    hides_body: bool = False
    opens_units: bool = False
    checks_permission: bool = True
    errors: tuple[type[BlogError], ...] = ()
    redirects: bool = False
    is_described: bool = True
    authentication: Authentication = field(init=False)
    parses_query_first: bool = field(init=False)
    """Whether the query is parsed before the token is read: the request may need no permission."""

    def __post_init__(self) -> None:
        if self.body is not None and not self.media_types:
            raise ValueError(f"{self.body.__name__} has no media type")
        authentication = _authentication_for(self.action)
        may_need_none = authentication is not Authentication.REQUIRED or self.opens_units
        object.__setattr__(self, "authentication", authentication)
        object.__setattr__(self, "parses_query_first", self.query is not None and may_need_none)


def _authentication_for(action: Action) -> Authentication:
    if action in _WITHOUT_TOKEN:
        return Authentication.NONE
    return Authentication.OPTIONAL if action.is_public else Authentication.REQUIRED


def operations_of(app: Litestar) -> Iterator[tuple[HTTPRoute, HTTPRouteHandler, Operation]]:
    """Yield every route of the application with its declaration.

    Raises:
        RouteWithoutPolicy: a route has no declaration.
    """
    for route in app.routes:
        yield from _operations_at(route)


def _operations_at(route: BaseRoute) -> Iterator[tuple[HTTPRoute, HTTPRouteHandler, Operation]]:
    if not isinstance(route, HTTPRoute):
        raise RouteWithoutPolicy(route.path)
    for handler in route.route_handlers:
        if handler.http_methods == {"OPTIONS"}:  # Litestar's own
            continue
        operation = handler.opt.get("operation")
        if not isinstance(operation, Operation):
            raise RouteWithoutPolicy(f"{sorted(handler.http_methods)} {route.path}")
        yield route, handler, operation
