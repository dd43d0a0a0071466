"""What a client sent, read strictly: one way to say each thing, and every fault told at once."""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from typing import Any, Final, NoReturn, get_args, get_origin
from urllib.parse import quote, urlencode

import msgspec
from litestar import Request
from msgspec.structs import FieldInfo

from blog.domain.errors import Fault, Invalid, NotFound
from blog.domain.pages import PAGE_LARGEST
from blog.domain.tokens import InvalidToken

from .problems import Refused

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
"""What shall change of an object, as JSON (RFC 7396)."""

LARGEST_NUMBER: Final = 2**63 - 1
NUMBER: Final = "[1-9][0-9]{0,18}"
"""How a number is written in a path or a query: one spelling each."""
LIST_LONGEST: Final = 50
"""How many values a parameter can have that may stand several times."""

PAGE_QUERY: Final[Mapping[str, dict[str, Any]]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": PAGE_LARGEST, "default": PAGE_LARGEST},
    "cursor": {"type": "string", "pattern": f"^{NUMBER}$", "description": "As given in `next`."},
}

_EXPECTED: Final = {
    str: "must be a string",
    int: "must be a whole number",
    bool: "must be true or false",
    list: "must be a list of names that are known here",
    list[Any]: "must be a list",
}
_number = re.compile(NUMBER)
_member = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request, not yet looked at: whoever may not send it hears that first."""

    raw: bytes = field(repr=False)
    headers: Mapping[bytes, bytes] = field(repr=False)

    def members(self, shape: type[msgspec.Struct], *media_types: str) -> tuple[dict[str, Any], list[Fault]]:
        """The members that are right by the shape's types, and what is wrong with the others.

        Args:
            shape: what may be sent.
            media_types: as what it may be sent; with none, as JSON.

        Raises:
            Refused: the body is of no such type, or not a JSON object.
        """
        return read(self._object(media_types or (JSON,)), shape, null_takes_away=MERGE_PATCH in media_types)

    def all_members(self, shape: type[msgspec.Struct]) -> dict[str, Any]:
        """The members, of which none is wrong by the shape's types.

        Raises:
            Refused: the body is not a JSON object.
            Invalid: of every member that is wrong.
        """
        given, faults = self.members(shape)
        if faults:
            raise Invalid(faults)
        return given

    def _object(self, media_types: Collection[str]) -> dict[str, Any]:
        _check_media_type(self.headers, media_types)
        try:
            value = _json.decode(self.raw.decode())
        except (ValueError, RecursionError):  # a UnicodeDecodeError and a JSONDecodeError are ValueErrors
            raise Refused(
                HTTPStatus.BAD_REQUEST, "The body is not valid JSON in UTF-8 with each member once."
            ) from None
        if not isinstance(value, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "The body is not a JSON object.")
        return value


def read(
    members: Mapping[str, object], shape: type[msgspec.Struct], *, null_takes_away: bool = False
) -> tuple[dict[str, Any], list[Fault]]:
    """The members of an object that are right by the shape's types, and what is wrong with the others. Where null would
    take a member away, it is wrong for being there.
    """
    known = _fields(shape)
    faults = [Fault(_shown(name), "is not known here") for name in members if name not in known]
    given = {}
    for name, expected in known.items():
        if name not in members:
            faults += [Fault(name, "is missing")] if expected.required else []
        elif (value := _converted(members[name], expected)) is None:
            taken_away = null_takes_away and members[name] is None
            faults.append(Fault(name, "cannot be taken away" if taken_away else _message(expected)))
        else:
            given[name] = value
    return given, faults


def headers_of(request: Request[Any, Any, Any], *names: bytes) -> list[str]:
    """What the headers of these names say, in the order in which they came. Names are in lower case."""
    return [value.decode("latin-1") for name, value in request.scope["headers"] if name in names]


def secret_of(request: Request[Any, Any, Any]) -> str | None:
    """The token that the request shows, or None if it shows none.

    Raises:
        InvalidToken: there is something in `Authorization`, but no token.
    """
    shown = headers_of(request, b"authorization")
    if not shown:
        return None
    scheme, _, secret = shown[0].partition(" ")
    if len(shown) > 1 or scheme.lower() not in {"token", "bearer"} or not secret.isascii():
        raise InvalidToken
    return secret


def number(text: str, largest: int = LARGEST_NUMBER) -> int:
    """The number from 1 to `largest` that a text names.

    Raises:
        ValueError: it names none.
    """
    if not _number.fullmatch(text) or int(text) > largest:
        raise ValueError(f"must be a whole number from 1 to {largest}")
    return int(text)


def number_in_path(text: str) -> int:
    """The number that a path names.

    Raises:
        NotFound: it names none, so nothing is there.
    """
    try:
        return number(text)
    except ValueError:
        raise NotFound("There is nothing by this number.") from None


def query_of(
    request: Request[Any, Any, Any], lists: Collection[str] = (), /, **parse: Callable[[str], Any]
) -> dict[str, Any]:
    """The parameters of the query, each by its parser, which says in a ValueError what it cannot take. Those in `lists`
    may stand several times, each time with one value of a list.

    Raises:
        Invalid: of every parameter that is not known, or stands too often, or that its parser cannot take.
    """
    if not request.scope["query_string"]:
        return {}
    faults, found = [], {}
    given: dict[str, list[str]] = {}
    for name, value in request.query_params.items():
        given.setdefault(name, []).append(value)
    for name, values in given.items():
        if name not in parse:
            faults.append(Fault(_shown(name), "is not known here"))
        elif len(values) > (most := LIST_LONGEST if name in lists else 1):
            faults.append(Fault(name, f"must stand only {most} times" if name in lists else "must stand only once"))
        else:
            try:
                found[name] = [parse[name](value) for value in values] if name in lists else parse[name](values[0])
            except ValueError as error:
                faults.append(Fault(name, str(error)))
    if faults:
        raise Invalid(faults)
    return found


def page_of(request: Request[Any, Any, Any]) -> tuple[int, int | None]:
    """How many of a page are asked for, and after which number.

    Raises:
        Invalid: of every parameter that is wrong.
    """
    query = query_of(request, limit=lambda text: number(text, PAGE_LARGEST), cursor=number)
    return query.get("limit", PAGE_LARGEST), query.get("cursor")


def page_url(request: Request[Any, Any, Any], path: str, **query: Any) -> str:
    """Where another page is, relative to whatever host was asked. A parameter may have a list of values."""
    return f"{prefix_of(request)}{path}?{urlencode(query, doseq=True)}"


def page_after(request: Request[Any, Any, Any], path: str, limit: int, numbers: Sequence[int]) -> str | None:
    """Where the page after these rows is. If they fill theirs there may be one, and if there is none, it says so."""
    return page_url(request, path, limit=limit, cursor=numbers[-1]) if len(numbers) == limit else None


def prefix_of(request: Request[Any, Any, Any]) -> str:
    """The path under which this application is mounted in another, as a URL has it: empty if it is not."""
    prefix = str(request.scope.get("prefix", ""))
    return quote(prefix) if prefix else ""


def _check_media_type(headers: Mapping[bytes, bytes], media_types: Collection[str]) -> None:
    said = headers.get(b"content-type", b"").decode("latin-1").lower()
    media_type, _, parameters = said.partition(";")
    if media_type.strip() not in media_types or parameters.strip() not in {"", "charset=utf-8", 'charset="utf-8"'}:
        detail = f"The body must be {' or '.join(media_types)} in UTF-8."
        more = {"Accept-Patch": ", ".join(media_types)} if MERGE_PATCH in media_types else {}
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, more)
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must not be compressed.")


@cache
def _fields(shape: type[msgspec.Struct]) -> dict[str, FieldInfo]:
    return {member.encode_name: member for member in msgspec.structs.fields(shape)}


def _converted(value: object, expected: FieldInfo) -> object | None:
    try:
        converted: object = msgspec.convert(value, expected.type)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: a lone surrogate where a number should be
        return None
    return converted


def _message(expected: FieldInfo) -> str:
    kind = expected.type
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return f"must be {' or '.join(kind)}"
    while kind not in _EXPECTED:  # in Annotated[str, ...] and in str | UnsetType, what counts stands first
        kind = list if get_origin(kind) is list else get_args(kind)[0]
    return _EXPECTED[kind]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError
    return members


def _no_json(_: str) -> NoReturn:
    """NaN and Infinity, which Python's reader takes for JSON."""
    raise ValueError


_json: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_json)
"""Made once: `json.loads` makes one for each text that is not to be read in the plainest way."""


def _shown(name: str) -> str:
    """A name that the client chose, if it is fit to be repeated."""
    return name if _member.fullmatch(name) else "?"
