"""Request bodies: received whole up to a limit, and parsed strictly, with every error reported at once."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any, Final, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo

from blog.domain.errors import FieldError, ValidationFailed
from blog.entrypoints.http.errors import HttpError

from .strict_json import NotJson, json_in, shown

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
"""Changes of an object, as JSON (RFC 7396)."""

_INVALID: Final = object()
_MAX_WRONG_ITEMS: Final = 20
"""Items of a list that are reported. A body can have a hundred thousand."""
_EXPECTED: Final = {
    str: "must be a string",
    int: "must be a whole number",
    bool: "must be true or false",
    list: "must be a list of names that are known here",
    list[Any]: "must be a list",
    datetime: "must be a moment with its time zone",
}


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request, not parsed yet: a client without permission learns that first."""

    raw: bytes = field(repr=False)
    headers: Mapping[bytes, bytes] = field(repr=False)

    def members(self, shape: type[msgspec.Struct], *media_types: str) -> tuple[dict[str, Any], list[FieldError]]:
        """Return the members that have the shape's types, and the errors of the others.

        Args:
            shape: the members that are allowed.
            media_types: those that are allowed; by default, JSON.

        Raises:
            HttpError: the body has another media type, or is not a JSON object.
        """
        _check_media_type(self.headers, media_types or (JSON,))
        try:
            value = json_in(self.raw)
        except NotJson as error:
            raise HttpError(HTTPStatus.BAD_REQUEST, f"The body is not valid JSON: {error}") from None
        if not isinstance(value, dict):
            raise HttpError(HTTPStatus.BAD_REQUEST, "The body is not a JSON object.")
        return validate(value, shape, null_deletes=MERGE_PATCH in media_types)

    def all_members(self, shape: type[msgspec.Struct], *media_types: str) -> dict[str, Any]:
        """Return the members.

        Raises:
            HttpError: the body has another media type, or is not a JSON object.
            ValidationFailed: some fields are not valid; it lists them all.
        """
        given, errors = self.members(shape, *media_types)
        if errors:
            raise ValidationFailed(errors)
        return given


async def receive_body(receive: Callable[[], Awaitable[Any]], limit: int) -> bytes:
    """Receive the whole body.

    Raises:
        HttpError: it is larger than the limit, or the client disconnected.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the client disconnected
            raise HttpError(HTTPStatus.BAD_REQUEST, "The body is not complete.")
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return b"".join(chunks)


def check_content_length(value: bytes, limit: int) -> None:
    """Check the length that a request declares, before the body is received.

    Raises:
        HttpError: it is larger than the limit, or not a number.
    """
    try:
        is_too_large = int(value) > limit
    except ValueError:  # also of more digits than Python reads
        raise HttpError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number.") from None
    if is_too_large:
        raise _too_large(limit)


def validate(
    members: Mapping[str, object], shape: type[msgspec.Struct], *, null_deletes: bool = False
) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the members of an object that have the shape's types, and the errors of the others. If null would
    delete a member (RFC 7396), it gets its own message: no member can be deleted.
    """
    known = _fields(shape)
    errors = [FieldError(shown(name), not_known(known)) for name in members if name not in known]
    given = {}
    for name, expected in known.items():
        if name not in members:
            errors += [FieldError(name, "is missing")] if expected.required else []
        elif (value := _converted(members[name], expected.type)) is _INVALID:
            is_deleted = null_deletes and members[name] is None
            errors += (
                [FieldError(name, "cannot be taken away")] if is_deleted else _errors(name, members[name], expected)
            )
        else:
            given[name] = value
    return given, errors


def not_known(known: Iterable[str]) -> str:
    """Return the message for a name that is not among the known ones, which it lists."""
    return f"is not known here: known are {names}" if (names := ", ".join(known)) else "is not known here: none is"


def _too_large(limit: int) -> HttpError:
    return HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body has more than {limit} bytes.")


def _check_media_type(headers: Mapping[bytes, bytes], media_types: Collection[str]) -> None:
    content_type = headers.get(b"content-type", b"").decode("latin-1").lower()
    media_type, _, parameters = content_type.partition(";")
    if media_type.strip() not in media_types or parameters.strip() not in {"", "charset=utf-8", 'charset="utf-8"'}:
        detail = f"The body must be {' or '.join(media_types)} in UTF-8."
        more = {"Accept-Patch": ", ".join(media_types)} if MERGE_PATCH in media_types else {}
        raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, more)
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must not be compressed.")


@cache
def _fields(shape: type[msgspec.Struct]) -> dict[str, FieldInfo]:
    return {member.encode_name: member for member in msgspec.structs.fields(shape)}


def _converted(value: object, expected: Any) -> object:
    """Return the value in the expected type, or `_INVALID`."""
    try:
        converted: object = msgspec.convert(value, expected)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: a lone surrogate where a number should be
        return _INVALID
    return converted


def _enumerated(kind: Any) -> Sequence[str]:
    """Return the values that an annotation allows, if it names some."""
    schemas = (meta.extra_json_schema or {} for meta in get_args(kind)[1:] if isinstance(meta, msgspec.Meta))
    return next((schema["enum"] for schema in schemas if "enum" in schema), ())


def _errors(name: str, value: object, expected: FieldInfo) -> list[FieldError]:
    """Return the errors of a value of another type than expected. Items of a wrong type are named by their index."""
    item = _item_of(expected.type)
    if item is None:
        return [FieldError(name, _message(expected.type))]
    if not isinstance(value, list):
        return [FieldError(name, "must be a list of strings")]
    wrong = (index for index, each in enumerate(value) if _converted(each, item) is _INVALID)
    return [FieldError(f"{name}[{index}]", _message(item)) for index in islice(wrong, _MAX_WRONG_ITEMS)]


def _item_of(kind: Any) -> Any:
    """Return the type of the items, if a list of any length is expected whose items are strings."""
    while get_args(kind) and get_origin(kind) is not tuple:
        kind = get_args(kind)[0]
    return get_args(kind)[0] if get_args(kind) else None


def _message(kind: Any) -> str:
    while kind not in _EXPECTED:  # in Annotated[str, ...] and in str | UnsetType, the type that counts is the first
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return f"must be {' or '.join(kind)}"
        if not get_args(kind):
            return "must be an object"
        if get_origin(kind) is Annotated and (values := _enumerated(kind)):
            return f"must be {' or '.join(values)}"
        kind = list if get_origin(kind) is list else get_args(kind)[0]
    return _EXPECTED[kind]
