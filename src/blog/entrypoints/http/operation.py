"""What each route says of itself, beside its handler: what is done there, and what a client can know of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import BaseRoute, HTTPRoute

from blog.domain.errors import BlogError
from blog.domain.policy import Action
from blog.entrypoints.http.parsing.request import JSON


class Who(Enum):
    """Who may use a route."""

    NOBODY = "a token is not looked at"
    ANYONE = "a token need not be shown"
    SIGNED_IN = "a token must be shown"


_UNKNOWN: Final = frozenset({Action.VIEW_STATUS, Action.LOG_IN, Action.REGISTER})
"""What is done by people of whom it does not matter who they are."""


class RouteWithoutPolicy(Exception):
    """There is a route of which nobody has said who may use it. The application does not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is done by a route, and what a client can know of it.

    Raises:
        ValueError: it takes a body, but no media type for it: no client could send one.
    """

    action: Action
    status: int = 200
    answers: type[msgspec.Struct] | None = None
    answers_header: Mapping[str, str] = field(default_factory=dict)
    takes: type[msgspec.Struct] | None = None
    takes_types: tuple[str, ...] = (JSON,)
    takes_query: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    needs_query: tuple[str, ...] = ()
    takes_header: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    refuses: tuple[type[BlogError], ...] = ()
    is_described: bool = True

    def __post_init__(self) -> None:
        if self.takes is not None and not self.takes_types:
            raise ValueError(f"{self.takes.__name__} is taken as no media type")

    @property
    def who(self) -> Who:
        """Who may use the route, by the policy."""
        if self.action in _UNKNOWN:
            return Who.NOBODY
        return Who.ANYONE if self.action.is_public else Who.SIGNED_IN

    @property
    def opt(self) -> dict[str, "Operation"]:
        """As Litestar's handlers carry it."""
        return {"operation": self}


def operations_of(app: Litestar) -> Iterator[tuple[HTTPRoute, HTTPRouteHandler, Operation]]:
    """Every route of the application, with what it says of itself.

    Raises:
        RouteWithoutPolicy: one says nothing.
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
