"""Types that all parts of the domain share: ids, clock, secret generator, page size."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NewType, TypeAlias

from .errors import FieldError, ValidationFailed

MAX_PAGE_SIZE: Final = 100


def check_limit(limit: int) -> None:
    """Check the size of a page.

    Raises:
        ValidationFailed: `limit` is not valid.
    """
    if not 1 <= limit <= MAX_PAGE_SIZE:
        raise ValidationFailed([FieldError("limit", f"must be a whole number from 1 to {MAX_PAGE_SIZE}")])


def check_id(value: object) -> None:
    """Check that an id is an `int`. `PostId` and its like are names for `int` that only type checkers distinguish.

    Raises:
        TypeError: it is something else, such as a `str` from a URL.
    """
    if type(value) is not int:
        raise TypeError(f"an id must be an int, not {type(value).__name__}")


Clock: TypeAlias = Callable[[], datetime]
"""Returns the current time, with the time zone UTC."""

SecretGenerator: TypeAlias = Callable[[], str]
"""Returns 40 random characters out of 0-9, A-Z and a-z (238 bits of entropy)."""


UserId = NewType("UserId", int)
TokenId = NewType("TokenId", int)
PostId = NewType("PostId", int)
AttemptId = NewType("AttemptId", int)
InvitationId = NewType("InvitationId", int)
PreviewId = NewType("PreviewId", int)
EntryId = NewType("EntryId", int)
SealId = NewType("SealId", int)

UNSTORED: Final = 0
"""The id of an entity that is not stored yet."""
