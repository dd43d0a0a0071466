"""The repository port of posts."""

from collections.abc import Sequence
from typing import Protocol, Unpack

from blog.domain.shared import PostId, UserId

from .pagination import Position, PostFilter, SortOrder
from .post import Post


class PostRepository(Protocol):
    """Stores posts. Use cases check permissions. `Post.author` is always the current username of the author."""

    def add(self, post: Post) -> Post:
        """Store a post. Return it with its new id.

        Raises:
            ConcurrencyConflict: another unit of work deleted the author's account.
        """

    def get(self, post_id: PostId) -> Post:
        """Return the post with this id.

        Raises:
            PostNotFound: there is none.
        """

    def get_for_update(self, post_id: PostId) -> Post:
        """Return the post with this id, and lock it until the unit of work ends.

        Raises:
            PostNotFound: there is none.
        """

    def save(self, post: Post, *, previous: Post) -> None:
        """Replace `previous`, which is the stored post of the same id.

        Raises:
            PostNotFound: the stored post is not `previous`. This cannot happen if `previous` was got for update.
        """

    def remove(self, post_id: PostId) -> None:
        """Delete the post with this id.

        Raises:
            PostNotFound: there is none.
        """

    def remove_batch_by_author(self, author_id: UserId, *, limit: int) -> Sequence[PostId]:
        """Delete up to `limit` posts of an author. Return the ids of the deleted posts, in any order.

        The limit bounds the time for which other writers wait.
        """

    def reassign_batch(self, author_id: UserId, new_author_id: UserId, *, limit: int) -> int:
        """Change the author of up to `limit` posts. Return how many were changed.

        The limit bounds the time for which other writers wait.
        """

    def page(
        self, order: SortOrder, *, limit: int, after: Position | None = None, **filters: Unpack[PostFilter]
    ) -> Sequence[Post]:
        """Return up to `limit` posts in this order, after the position `after`."""

    def count(self, **filters: Unpack[PostFilter]) -> int:
        """Return the number of posts."""
