"""Keyset pagination of posts: sort orders, positions and filters."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from blog.domain.shared import PostId


class SortOrder(StrEnum):
    """A sort order of posts.

    `NEWEST` and `OLDEST` sort by creation time, `UPDATED` by the time of the last change, newest first, and `TITLE` by
    the sort key of the title.
    """

    NEWEST = "newest"
    OLDEST = "oldest"
    UPDATED = "updated"
    TITLE = "title"

    @property
    def is_descending(self) -> bool:
        """Whether greater keys come first, and greater ids among equal keys."""
        return self in {SortOrder.NEWEST, SortOrder.UPDATED}


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a sort order: the sort key of a post, and its id as a tie-breaker."""

    key: datetime | str
    id: PostId


class PostFilter(TypedDict, total=False):
    """Filters of posts: the author's username, in any case of letters; the creation time, from `created_after`
    (inclusive) to `created_before` (exclusive).
    """

    authors: Collection[str]
    created_after: datetime
    created_before: datetime
