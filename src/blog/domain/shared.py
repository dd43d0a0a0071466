"""What every part of the domain shares: ids, the clock, random secrets, and the size of a page."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NewType, TypeAlias

from .errors import FieldError, ValidationFailed

MAX_PAGE_SIZE: Final = 100


def check_limit(limit: int) -> None:
    """Nobody gets more than a page at a time.

    Raises:
        ValidationFailed: of `limit`.
    """
    if not 1 <= limit <= MAX_PAGE_SIZE:
        raise ValidationFailed([FieldError("limit", f"must be a whole number from 1 to {MAX_PAGE_SIZE}")])


Clock: TypeAlias = Callable[[], datetime]
"""Tells the time now, aware and in UTC."""

SecretGenerator: TypeAlias = Callable[[], str]
"""Draws 40 characters out of 0-9, A-Z and a-z (238 bits) that nobody can guess."""


UserId = NewType("UserId", int)
TokenId = NewType("TokenId", int)
PostId = NewType("PostId", int)
AttemptId = NewType("AttemptId", int)
InvitationId = NewType("InvitationId", int)
EntryId = NewType("EntryId", int)
SealId = NewType("SealId", int)

UNSTORED: Final = 0
"""The id of what no store has taken yet."""
