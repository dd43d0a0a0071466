"""The port to where posts are stored."""

from collections.abc import Sequence
from typing import Protocol, Unpack

from blog.domain.shared import PostId, UserId

from .pagination import Position, PostFilter, SortOrder
from .post import Post


class PostRepository(Protocol):
    """Where posts are kept. The author's name is always the one they have now."""

    def add(self, post: Post) -> Post:
        """Keep the post under a new id, and give it back with that id.

        Raises:
            Contended: its author's account was deleted by another unit of work.
        """

    def get(self, post_id: PostId) -> Post:
        """The post with this id.

        Raises:
            PostNotFound: there is none.
        """

    def get_for_update(self, post_id: PostId) -> Post:
        """The post with this id, which no other unit of work changes before this one ends.

        Raises:
            PostNotFound: there is none.
        """

    def save(self, post: Post, *, previous: Post) -> None:
        """Put the post in the place of `over`, which is how the one with its id was.

        Raises:
            PostNotFound: there is none, or not in that version any more.
        """

    def remove(self, post_id: PostId) -> None:
        """Forget the post with this id.

        Raises:
            PostNotFound: there is none.
        """

    def remove_some_of(self, author_id: UserId, *, limit: int) -> Sequence[PostId]:
        """Forget up to `limit` posts by this author. Which ones were forgotten, in any order."""

    def reassign_some_of(self, author_id: UserId, new_author_id: UserId, *, limit: int) -> int:
        """Make up to `limit` posts by this author another author's. How many there were."""

    def page(
        self, order: SortOrder, *, limit: int, after: Position | None = None, **filters: Unpack[PostFilter]
    ) -> Sequence[Post]:
        """Up to `limit` of those posts in this order, from the first one that stands after `after`."""

    def count(self, **filters: Unpack[PostFilter]) -> int:
        """How many of those posts there are."""
