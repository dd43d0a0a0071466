"""The numbers of things: positive, ascending, given by the store on `add`, never used twice.

A type each, so that a post's number never passes for a user's.
"""

from typing import Final, NewType

UserId = NewType("UserId", int)
TokenId = NewType("TokenId", int)
PostId = NewType("PostId", int)
AttemptId = NewType("AttemptId", int)
InvitationId = NewType("InvitationId", int)
EntryId = NewType("EntryId", int)
SealId = NewType("SealId", int)

UNSTORED: Final = 0
"""The id of what no store has taken yet."""
