"""The port to the search index."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Unpack

from blog.domain.posts.pagination import PostFilter
from blog.domain.posts.post import Post
from blog.domain.shared import PostId

from .query import SearchQuery


@dataclass(frozen=True, slots=True)
class SearchPosition:
    """Where a post stands among those found: first those whose title says all of it, and in each part the newest."""

    in_title: bool
    id: PostId


class Hit(NamedTuple):
    """A post that was found, and whether its title alone says what is looked for."""

    post: Post
    in_title: bool


class PostIndex(Protocol):
    """Finds posts by their words. It sees what its unit of work has done, as the stores do."""

    def put(self, post: Post) -> None:
        """Find the post by what it says now."""

    def remove(self, post_id: PostId) -> None:
        """Find the post no longer; one that is not there is no error."""

    def find(
        self, query: SearchQuery, *, limit: int, after: SearchPosition | None = None, **filters: Unpack[PostFilter]
    ) -> Sequence[Hit]:
        """Up to `limit` posts that the query finds, out of those, from the first one that stands after `after`: those
        whose title says all that is wanted before the others, and in each part by descending id.
        """

    def count(self, query: SearchQuery, **filters: Unpack[PostFilter]) -> int:
        """How many posts the query finds, out of those."""
