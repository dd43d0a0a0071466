"""Keyset pagination of posts: sort orders, positions and filters."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.shared import PostId


class SortOrder(StrEnum):
    """A sort order of posts.

    `NEWEST` and `OLDEST` sort by publication time, `UPDATED` by the later of publication and last change, newest first,
    and `TITLE` by the sort key of the title. A draft has no publication time: it sorts by its last change, and
    a post in the trash by its deletion.
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
    """Filters of posts: the author's username, in any case of letters; the publication time, from `published_after`
    (inclusive) to `published_before` (exclusive); any of `tags`; all of `all_tags`. A draft, or a post in the
    trash, passes no filter by publication time.
    """

    authors: Collection[str]
    published_after: datetime
    published_before: datetime
    tags: Collection[str]
    all_tags: Collection[str]


def check_filters(filters: PostFilter) -> None:
    """Check the types of filters: a text is a collection of its letters, which is never meant.

    Raises:
        ValidationFailed: one of them has the wrong type.
    """
    errors = []
    for name, value in filters.items():
        if name in {"published_after", "published_before"}:
            if not isinstance(value, datetime) or value.tzinfo is None:
                errors.append(FieldError(name, "must be a datetime with a time zone"))
        elif isinstance(value, str | bytes) or not isinstance(value, Collection):
            errors.append(FieldError(name, "must be a collection of texts, such as a list"))
    if errors:
        raise ValidationFailed(errors)
