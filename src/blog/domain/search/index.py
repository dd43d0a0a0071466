"""The port to the search index."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Unpack

from blog.domain.posts.pagination import PostFilter
from blog.domain.posts.post import Post
from blog.domain.posts.visibility import Public
from blog.domain.shared import PostId

from .query import SearchQuery


@dataclass(frozen=True, slots=True)
class SearchPosition:
    """A position in search results: matches in the title come first, then newer posts."""

    in_title: bool
    id: PostId


class Hit(NamedTuple):
    """A post that matches, and whether its title alone matches."""

    post: Post
    in_title: bool


class PostIndex(Protocol):
    """The full-text index of published and scheduled posts. It sees the writes of its unit of work, as the repositories
    do. A scheduled post is found from its publication time on.
    """

    def put(self, post: Post) -> None:
        """Index a post, or index it again after a change."""

    def remove(self, post_id: PostId) -> None:
        """Remove a post from the index, if it is there."""

    def find(
        self,
        sight: Public,
        query: SearchQuery,
        *,
        limit: int,
        after: SearchPosition | None = None,
        **filters: Unpack[PostFilter],
    ) -> Sequence[Hit]:
        """Return up to `limit` matching posts, after the position `after`: first posts whose title alone matches, then
        the others, both by descending id.
        """

    def count(self, sight: Public, query: SearchQuery, **filters: Unpack[PostFilter]) -> int:
        """Return the number of matching posts."""
