"""The repository port of posts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias, Unpack

from blog.domain.shared import PostId, UserId

from .pagination import Position, PostFilter, SortOrder
from .post import Post
from .tags import TagCount
from .visibility import Everything, Own, Public, Reader, Sight


class RemovedPost(NamedTuple):
    """The id of a post that was deleted for good, and when it was moved to the trash; None if it never was."""

    id: PostId
    deleted_at: datetime | None


class PostRepository(Protocol):
    """Stores posts. Use cases check permissions. `Post.author` is always the current username of the author.

    Each method that returns posts, or numbers about posts, takes a sight, and treats a post that `sees` does not show
    as if it did not exist.
    """

    @property
    def held(self) -> Mapping[PostId, Post]:
        """The posts that this unit of work has added, locked or changed, as they are in it: the objects that it passed
        or got last. A post that it has deleted or reassigned is not among them.

        Use cases trust a post that was locked before if it is still the held one. A stored response to a repeated
        request may show these posts.
        """

    def add(self, post: Post) -> Post:
        """Store a post. Return it with its new id.

        Raises:
            ConcurrencyConflict: another unit of work deleted the author's account.
        """

    def get(self, sight: Sight, post_id: PostId) -> Post:
        """Return the post with this id.

        Raises:
            PostNotFound: there is none, or it is not visible.
        """

    def get_for_update(self, sight: Reader | Own | Everything, post_id: PostId) -> Post:
        """Return the post with this id, and lock it until the unit of work ends.

        Raises:
            PostNotFound: there is none, or it is not visible.
        """

    def save(self, post: Post, *, previous: Post) -> None:
        """Replace `previous`, which is the stored post of the same id.

        Raises:
            PostNotFound: the stored post is not `previous`. This cannot happen if `previous` was got for update.
        """

    def remove(self, post_id: PostId) -> None:
        """Delete the post with this id for good, with everything that belongs to it.

        Raises:
            PostNotFound: there is none.
        """

    def remove_batch(self, sight: Own, *, limit: int) -> Sequence[RemovedPost]:
        """Delete up to `limit` posts of an author for good, with everything that belongs to them. Return them, in any
        order.

        A post that another unit of work changes is seen as it is after that unit. The limit bounds the time for which
        other writers wait.
        """

    def purge_trash(self, sight: Everything, *, until: datetime, limit: int) -> Sequence[RemovedPost]:
        """Delete up to `limit` posts for good that were moved to the trash at `until` or before, the earliest first.
        Return them, in any order. A post that another unit of work has locked may be left out.
        """

    def reassign_batch(self, sight: Own, new_author_id: UserId, *, limit: int) -> Sequence[PostId]:
        """Change the author of up to `limit` posts of an author. Return the ids of these posts, in any order.

        A post that another unit of work changes is seen as it is after that unit. The limit bounds the time for which
        other writers wait.
        """

    def page(
        self,
        sight: Public | Own,
        order: SortOrder,
        *,
        limit: int,
        after: Position | None = None,
        **filters: Unpack[PostFilter],
    ) -> Sequence[Post]:
        """Return up to `limit` posts in this order, after the position `after`."""

    def written_by(
        self, sight: Reader | Everything, author_id: UserId, *, limit: int, after: Position | None = None
    ) -> Sequence[Post]:
        """Return up to `limit` posts of an author by creation time, oldest first, after a `Post.creation_position`."""

    def next_author(self, sight: Everything, after: UserId) -> UserId | None:
        """Return the lowest id above `after` of an author who has posts, or None. Deleted accounts whose posts are not
        deleted yet count too.
        """

    def count(self, sight: Public | Own, **filters: Unpack[PostFilter]) -> int:
        """Return the number of posts."""

    def tags(self, sight: Public, *, limit: int, after: str | None = None) -> Sequence[TagCount]:
        """Return up to `limit` tags of visible posts, after the key `after`, in the order of the keys' code points."""

    def settle_tag_counts(self, at: datetime, *, limit: int) -> int:
        """Add up to `limit` changes that have become visible by this moment to what is counted already, if the store
        counts ahead. Return how many. `tags` returns the same before and after.
        """

    def next_publication(self, after: datetime) -> datetime | None:
        """Return the first publication time after this moment, or None. Until then, time alone shows no other post."""


RecordVersion: TypeAlias = Callable[[Post], None]
"""Keeps a version of a post. It is called with the post as it was before each change that makes a new version."""
