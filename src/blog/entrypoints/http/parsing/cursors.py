"""Cursors of keyset pagination: the position of the last row, as one opaque word."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeVar

import msgspec

from blog.domain.posts.pagination import Position, SortOrder
from blog.domain.posts.tags import MAX_TAG_LENGTH
from blog.domain.search.index import SearchPosition
from blog.domain.search.tokenizer import MAX_SORT_KEY_LENGTH
from blog.domain.shared import PostId

from .query import MAX_ID

PATTERN: Final = "W[0-9A-Za-z_-]{10,1023}"
"""A cursor: Base64 of a JSON array, which begins with `[` and has at least eight characters."""


Kind = TypeVar("Kind", bound=msgspec.Struct)

_UNKNOWN: Final = "must be taken from `next`"


_Id = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]


_MAX_KEY_LENGTH: Final = 18 * MAX_TAG_LENGTH
"""Characters of the key of a tag: NFKC makes up to 18 of one (U+FDFA)."""

TAG_PATTERN: Final = "W[0-9A-Za-z_-]{6,4095}"
"""A cursor in a list of tags: it may be shorter and longer than one in a list of posts."""


class _Position(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    order: SortOrder
    key: Annotated[str, msgspec.Meta(max_length=MAX_SORT_KEY_LENGTH, pattern=r"\A[^\0]*\Z")]
    id: _Id


class _TagPosition(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    key: Annotated[str, msgspec.Meta(max_length=_MAX_KEY_LENGTH, pattern=r"\A[^\0]*\Z")]


class _SearchPosition(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    in_title: bool
    id: _Id


def cursor_of(order: SortOrder, place: Position) -> str:
    """Return the cursor for a position in an order."""
    key = place.key.astimezone(UTC).isoformat() if isinstance(place.key, datetime) else place.key
    return _encode(_Position(order, key, place.id))


def position_of(order: SortOrder, cursor: str) -> Position:
    """Return the position in this order that a cursor stands for.

    Raises:
        ValueError: it is not valid.
    """
    read = _decode(cursor, _Position)
    if read.order is not order:
        raise ValueError("belongs to a list in another order")
    return Position(read.key if order is SortOrder.TITLE else _timestamp(read.key), PostId(read.id))


def cursor_of_standing(standing: SearchPosition) -> str:
    """Return the cursor for a position among search results."""
    return _encode(_SearchPosition(standing.in_title, standing.id))


def standing_of(cursor: str) -> SearchPosition:
    """Return the position among search results that a cursor stands for.

    Raises:
        ValueError: it is not valid.
    """
    read = _decode(cursor, _SearchPosition)
    return SearchPosition(read.in_title, PostId(read.id))


def cursor_of_tag(key: str) -> str:
    """Return the cursor for the key of a tag."""
    return _encode(_TagPosition(key))


def tag_of_cursor(cursor: str) -> str:
    """Return the key of a tag that a cursor stands for.

    Raises:
        ValueError: it is not valid.
    """
    return _decode(cursor, _TagPosition).key


def _encode(place: msgspec.Struct) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def _decode(cursor: str, kind: type[Kind]) -> Kind:
    try:
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(decoded, type=kind)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise ValueError(_UNKNOWN) from None


def _timestamp(text: str) -> datetime:
    """Parse a timestamp as `cursor_of` writes it: in UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_UNKNOWN) from None
    if at.utcoffset() != timedelta(0):
        raise ValueError(_UNKNOWN)
    return at
