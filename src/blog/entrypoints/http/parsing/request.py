"""What a client sent, read strictly: one way to say each thing, and every fault told at once."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from typing import Any, Final, get_args, get_origin
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from litestar import Request
from msgspec.structs import FieldInfo

from blog.domain.accounts.tokens import TOKEN_FORMAT, InvalidToken
from blog.domain.errors import FieldError, NotFound, Unauthenticated, ValidationFailed
from blog.domain.shared import MAX_PAGE_SIZE
from blog.entrypoints.http.errors import HttpError

from .strict_json import NotJson, json_in, shown

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
"""What shall change of an object, as JSON (RFC 7396)."""

MAX_ID: Final = 2**63 - 1
NUMBER: Final = "[1-9][0-9]{0,18}"
"""How a number is written in a path or a query: one spelling each."""
WHOLE_NUMBER: Final = {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID}
"""The same in the OpenAPI document: exactly what `number` takes."""

MAX_LIST_LENGTH: Final = 50
"""How many values a parameter can have that may stand several times."""
MAX_PARAMETERS: Final = 100
"""How many parameters a query can have. They are counted before any is decoded."""

PAGE_QUERY: Final[Mapping[str, dict[str, Any]]] = {
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_PAGE_SIZE,
        "default": MAX_PAGE_SIZE,
        "description": "How many a page has at most.",
    },
    "cursor": {**WHOLE_NUMBER, "description": "Where the page begins, as given in `next`."},
}

_EXPECTED: Final = {
    str: "must be a string",
    int: "must be a whole number",
    bool: "must be true or false",
    list: "must be a list of names that are known here",
    list[Any]: "must be a list",
    datetime: "must be a moment with its time zone",
}
_number = re.compile(NUMBER)
_foreign_scheme = re.compile(rf"(?!(?i:{TOKEN_FORMAT.prefix}))[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""The name of a scheme (RFC 9110, section 5.6.2). What begins like a token was meant as one."""


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request, not yet looked at: whoever may not send it hears that first."""

    raw: bytes = field(repr=False)
    headers: Mapping[bytes, bytes] = field(repr=False)

    def members(self, shape: type[msgspec.Struct], *media_types: str) -> tuple[dict[str, Any], list[FieldError]]:
        """The members that are right by the shape's types, and what is wrong with the others.

        Args:
            shape: what may be sent.
            media_types: as what it may be sent; with none, as JSON.

        Raises:
            HttpError: the body is of no such type, or not a JSON object.
        """
        return read(self._object(media_types or (JSON,)), shape, null_takes_away=MERGE_PATCH in media_types)

    def all_members(self, shape: type[msgspec.Struct]) -> dict[str, Any]:
        """The members, of which none is wrong by the shape's types.

        Raises:
            HttpError: the body is not a JSON object.
            ValidationFailed: of every member that is wrong.
        """
        given, errors = self.members(shape)
        if errors:
            raise ValidationFailed(errors)
        return given

    def _object(self, media_types: Collection[str]) -> dict[str, Any]:
        _check_media_type(self.headers, media_types)
        try:
            value = json_in(self.raw)
        except NotJson as error:
            raise HttpError(HTTPStatus.BAD_REQUEST, f"The body is not valid JSON: {error}") from None
        if not isinstance(value, dict):
            raise HttpError(HTTPStatus.BAD_REQUEST, "The body is not a JSON object.")
        return value


def read(
    members: Mapping[str, object], shape: type[msgspec.Struct], *, null_takes_away: bool = False
) -> tuple[dict[str, Any], list[FieldError]]:
    """The members of an object that are right by the shape's types, and what is wrong with the others. Where null would
    take a member away, it is wrong for being there.
    """
    known = _fields(shape)
    errors = [FieldError(shown(name), not_known(known)) for name in members if name not in known]
    given = {}
    for name, expected in known.items():
        if name not in members:
            errors += [FieldError(name, "is missing")] if expected.required else []
        elif (value := _converted(members[name], expected)) is None:
            taken_away = null_takes_away and members[name] is None
            errors.append(FieldError(name, "cannot be taken away" if taken_away else _message(expected)))
        else:
            given[name] = value
    return given, errors


def headers_of(request: Request[Any, Any, Any], *names: bytes) -> list[str]:
    """What the headers of these names say, in the order in which they came. Names are in lower case."""
    return [value.decode("latin-1") for name, value in request.scope["headers"] if name in names]


class WrongScheme(Unauthenticated):
    """`Authorization` has a scheme other than ours, or a token without any."""

    def __init__(self) -> None:
        super().__init__("The scheme must be Token or Bearer, as in: Authorization: Token blog_...")


def secret_of(request: Request[Any, Any, Any], *, ignore_foreign: bool = False) -> str | None:
    """The token that the request shows, or None if it shows none.

    Args:
        request: which may have an `Authorization` header.
        ignore_foreign: whether credentials of another scheme count as none: those for a proxy in front of the blog come
            with every request.

    Raises:
        InvalidToken: there is something else in `Authorization` than one token.
        WrongScheme.
    """
    lines = headers_of(request, b"authorization")
    if not lines:
        return None
    scheme, space, secret = lines[0].partition(" ")
    is_ours = scheme.lower() in {"token", "bearer"}
    if len(lines) > 1 or (is_ours and not secret.isascii()):
        raise InvalidToken
    if is_ours:
        return secret
    if ignore_foreign and space and _foreign_scheme.fullmatch(scheme):
        return None
    raise WrongScheme


def number(text: str, largest: int = MAX_ID) -> int:
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


def parameters_of(request: Request[Any, Any, Any]) -> dict[str, list[str]]:
    """The parameters of the query, each with its values in the order in which they came.

    Litestar's `query_params` is not used: it caches the last 1,024 queries, of which each may be as long as a URL.

    Raises:
        ValidationFailed: there are too many.
    """
    raw: bytes = request.scope["query_string"]
    if raw.count(b"&") >= MAX_PARAMETERS:
        raise ValidationFailed([FieldError("query", f"must have at most {MAX_PARAMETERS} parameters")])
    parameters: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        parameters.setdefault(name, []).append(value)
    return parameters


def query_of(request: Request[Any, Any, Any], **parse: Callable[[str], Any]) -> dict[str, Any]:
    """The parameters of the query, each by its parser, which says in a ValueError what it cannot take.

    Raises:
        ValidationFailed: of every parameter that is not known, or stands twice, or that its parser cannot take.
    """
    if not request.scope["query_string"]:
        return {}
    return parsed(parameters_of(request), (), parse)


def parsed(
    parameters: Mapping[str, Sequence[str]], lists: Collection[str], parse: Mapping[str, Callable[[str], Any]]
) -> dict[str, Any]:
    """The parameters, each by its parser. Those in `lists` may stand several times, each time with one value of a list.

    Raises:
        ValidationFailed: as `query_of`, but a parameter in `lists` may stand up to `MAX_LIST_LENGTH` times.
    """
    errors, found = [], {}
    for name, values in parameters.items():
        if name not in parse:
            errors.append(FieldError(shown(name), not_known(parse)))
        elif len(values) > (most := MAX_LIST_LENGTH if name in lists else 1):
            errors.append(
                FieldError(name, f"must stand only {most} times" if name in lists else "must stand only once")
            )
        else:
            try:
                found[name] = [parse[name](value) for value in values] if name in lists else parse[name](values[0])
            except ValueError as error:
                errors.append(FieldError(name, str(error)))
    if errors:
        raise ValidationFailed(errors)
    return found


def not_known(known: Iterable[str]) -> str:
    """What is wrong with a name that is not among the known ones, which are listed."""
    return f"is not known here: known are {names}" if (names := ", ".join(known)) else "is not known here: none is"


def page_of(request: Request[Any, Any, Any]) -> tuple[int, int | None]:
    """How many of a page are asked for, and after which number.

    Raises:
        ValidationFailed: of every parameter that is wrong.
    """
    query = query_of(request, limit=lambda text: number(text, MAX_PAGE_SIZE), cursor=number)
    return query.get("limit", MAX_PAGE_SIZE), query.get("cursor")


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
        raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, more)
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must not be compressed.")


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
        if not get_args(kind):
            return "must be an object"
        kind = list if get_origin(kind) is list else get_args(kind)[0]
    return _EXPECTED[kind]
