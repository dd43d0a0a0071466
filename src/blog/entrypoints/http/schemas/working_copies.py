"""Working copies of posts in requests and responses."""

from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, UnsetType

from blog.domain.posts.importing import MAX_VERSION
from blog.domain.posts.post import MAX_BODY_LENGTH, MAX_TITLE_LENGTH, content_of
from blog.domain.posts.working_copies import CopyOfPost
from blog.domain.validation import CONTROLS

from .posts import PartialContentIn
from .timestamps import Timestamp, to_timestamp


def _unfinished(max_length: int) -> dict[str, Any]:
    return {"maxLength": max_length, "pattern": f"^[^{CONTROLS}]*$"}


UnfinishedTitle = Annotated[str, Meta(description="May be empty.", extra_json_schema=_unfinished(MAX_TITLE_LENGTH))]
UnfinishedText = Annotated[str, Meta(description="May be empty.", extra_json_schema=_unfinished(MAX_BODY_LENGTH))]
_BASED_ON: Final = Meta(
    description="The version of the post with which its author began.", extra_json_schema={"maximum": MAX_VERSION}, ge=1
)
_READ_ONLY: Final = Meta(description="Read-only: ignored.", extra_json_schema={"readOnly": True})
_POST: Final = Meta(
    description="The id of the post. May only be the one in the path.",
    extra_json_schema={"readOnly": True, "minimum": 1},
)


class WorkingCopyIn(PartialContentIn, forbid_unknown_fields=True, kw_only=True):
    """The content of a post, finished or not. Slug, tags and summary that are left out stay as GET returns them. The
    object that GET returns can be sent back.
    """

    title: UnfinishedTitle
    body: UnfinishedText
    based_on: Annotated[int, _BASED_ON]
    post: Annotated[int, _POST] | UnsetType = UNSET
    is_outdated: Annotated[bool, _READ_ONLY] | UnsetType = UNSET
    saved_at: Annotated[Timestamp | None, _READ_ONLY] | UnsetType = UNSET


class WorkingCopyOut(PartialContentIn, kw_only=True):
    """The content of a post that its author has saved without publishing it. `saved_at` is null if nothing is saved:
    then it is the content of the post itself. `is_outdated` says that the post has changed since its author began, with
    the version `based_on`. `summary` is null if the first paragraph stands in for it.
    """

    title: UnfinishedTitle
    body: UnfinishedText
    post: int
    based_on: int
    is_outdated: bool
    saved_at: Timestamp | None

    @classmethod
    def of(cls, found: CopyOfPost) -> "WorkingCopyOut":
        copy = found.copy
        return cls(
            post=copy.post_id,
            based_on=copy.based_on,
            is_outdated=found.is_outdated,
            saved_at=None if copy.saved_at is None else to_timestamp(copy.saved_at),
            **content_of(copy.content),
        )
