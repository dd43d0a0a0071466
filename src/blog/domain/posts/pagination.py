"""Lists: in which orders posts can be gone through, and which of them are asked for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from blog.domain.shared import PostId


class SortOrder(StrEnum):
    """In which order posts come: `NEWEST` and `OLDEST` by when they were written, `UPDATED` by when they were changed,
    the last one first, `TITLE` by the sort key of their title.
    """

    NEWEST = "newest"
    OLDEST = "oldest"
    UPDATED = "updated"
    TITLE = "title"

    @property
    def is_descending(self) -> bool:
        """Whether what is greater comes first, and among equals the greater id."""
        return self in {SortOrder.NEWEST, SortOrder.UPDATED}


@dataclass(frozen=True, slots=True)
class Position:
    """Where a post stands in an order: what it is ordered by, and its id, which decides among equals."""

    key: datetime | str
    id: PostId


class PostFilter(TypedDict, total=False):
    """Which posts are asked for: those of any of these authors, by name in any case; written at or after one moment,
    and before another.
    """

    authors: Collection[str]
    created_after: datetime
    created_before: datetime
