"""Cursors: where a page goes on, as one word that means nothing to whoever carries it."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeVar

import msgspec

from blog.domain.posts.pagination import Position, SortOrder
from blog.domain.search.index import SearchPosition
from blog.domain.search.tokenizer import MAX_SORT_KEY_LENGTH
from blog.domain.shared import PostId

from .query import MAX_ID

PATTERN: Final = "W[0-9A-Za-z_-]{10,1023}"
"""How a cursor looks: Base64 of a JSON array, which begins with `[` and has at least eight characters."""


Kind = TypeVar("Kind", bound=msgspec.Struct)

_UNKNOWN: Final = "must be taken from `next`"


_Id = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]


class _Place(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    order: SortOrder
    key: Annotated[str, msgspec.Meta(max_length=MAX_SORT_KEY_LENGTH, pattern=r"\A[^\0]*\Z")]
    id: _Id


class _Standing(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    in_title: bool
    id: _Id


def cursor_of(order: SortOrder, place: Position) -> str:
    """The cursor for a place in an order."""
    key = place.key.astimezone(UTC).isoformat() if isinstance(place.key, datetime) else place.key
    return _told(_Place(order, key, place.id))


def position_of(order: SortOrder, cursor: str) -> Position:
    """The place in this order that a cursor is for.

    Raises:
        ValueError: it is for none.
    """
    read = _read(cursor, _Place)
    if read.order is not order:
        raise ValueError("belongs to a list in another order")
    return Position(read.key if order is SortOrder.TITLE else _moment(read.key), PostId(read.id))


def cursor_of_standing(standing: SearchPosition) -> str:
    """The cursor for a standing among posts that were found."""
    return _told(_Standing(standing.in_title, standing.id))


def standing_of(cursor: str) -> SearchPosition:
    """The standing that a cursor is for.

    Raises:
        ValueError: it is for none.
    """
    read = _read(cursor, _Standing)
    return SearchPosition(read.in_title, PostId(read.id))


def _told(place: msgspec.Struct) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def _read(cursor: str, kind: type[Kind]) -> Kind:
    try:
        told = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(told, type=kind)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise ValueError(_UNKNOWN) from None


def _moment(text: str) -> datetime:
    """A moment as `cursor_of` writes it: in UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_UNKNOWN) from None
    if at.utcoffset() != timedelta(0):
        raise ValueError(_UNKNOWN)
    return at
