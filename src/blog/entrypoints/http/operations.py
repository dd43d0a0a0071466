"""What each route says of itself, beside its handler, for the OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec
from litestar import Response

from blog.domain.errors import BlogError


class Who(Enum):
    """Who may use a route."""

    NOBODY = "a token is not looked at"
    ANYONE = "a token need not be shown"
    SIGNED_IN = "a token must be shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a client can know of a route."""

    who: Who
    status: int = 200
    answers: type[msgspec.Struct] | None = None
    answers_header: Mapping[str, str] = field(default_factory=dict)
    takes: type[msgspec.Struct] | None = None
    takes_query: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    refuses: tuple[type[BlogError], ...] = ()

    @property
    def opt(self) -> dict[str, "Operation"]:
        """As Litestar's handlers carry it."""
        return {"operation": self}


def answer(content: msgspec.Struct, headers: Mapping[str, str] | None = None, *, status: int = 200) -> Response[bytes]:
    """A JSON response."""
    return Response(
        msgspec.json.encode(content), status_code=status, media_type="application/json", headers=headers or {}
    )
