"""Cursors: where a page goes on, as one word that means nothing to whoever carries it."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeVar

import msgspec

from blog.domain.ids import PostId
from blog.domain.lists import Order, Place
from blog.domain.search import Standing
from blog.domain.words import SORT_KEY_LONGEST

from .requests import LARGEST_NUMBER

PATTERN: Final = "W[0-9A-Za-z_-]{10,1023}"
"""How a cursor looks: Base64 of a JSON array, which begins with `[` and has at least eight characters."""


Kind = TypeVar("Kind", bound=msgspec.Struct)

_UNKNOWN: Final = "must be taken from `next`"


_Id = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_NUMBER)]


class _Place(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    order: Order
    key: Annotated[str, msgspec.Meta(max_length=SORT_KEY_LONGEST, pattern=r"\A[^\0]*\Z")]
    id: _Id


class _Standing(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    in_title: bool
    id: _Id


def cursor_of(order: Order, place: Place) -> str:
    """The cursor for a place in an order."""
    key = place.key.astimezone(UTC).isoformat() if isinstance(place.key, datetime) else place.key
    return _told(_Place(order, key, place.id))


def place_of(order: Order, cursor: str) -> Place:
    """The place in this order that a cursor is for.

    Raises:
        ValueError: it is for none.
    """
    read = _read(cursor, _Place)
    if read.order is not order:
        raise ValueError("belongs to a list in another order")
    return Place(read.key if order is Order.TITLE else _moment(read.key), PostId(read.id))


def cursor_of_standing(standing: Standing) -> str:
    """The cursor for a standing among posts that were found."""
    return _told(_Standing(standing.in_title, standing.id))


def standing_of(cursor: str) -> Standing:
    """The standing that a cursor is for.

    Raises:
        ValueError: it is for none.
    """
    read = _read(cursor, _Standing)
    return Standing(read.in_title, PostId(read.id))


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
