"""Posts in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from typing import Any, Unpack

from blog.domain.accounts.user import hidden_name_of, validate_username
from blog.domain.blog import ConcurrencyConflict
from blog.domain.posts.pagination import Position, PostFilter, SortOrder
from blog.domain.posts.post import Post, PostNotFound
from blog.domain.posts.repository import RemovedPost
from blog.domain.posts.tags import TagCount, tag_key, tag_keys
from blog.domain.posts.visibility import Everything, Own, Public, Reader, Reason, Sight, sees
from blog.domain.shared import PostId, UserId

from .tables import MemoryRepository, Tables
from .unit_of_work import MemoryUnitOfWork


class MemoryPostRepository(MemoryRepository):
    """A `PostRepository` over one unit of work in memory."""

    def __init__(self, unit: MemoryUnitOfWork, tables: Tables) -> None:
        super().__init__(unit, tables)
        self.held: dict[PostId, Post] = {}

    def add(self, post: Post) -> Post:
        self._unit.begin()
        if self._author_name(post.author_id) is None:
            raise ConcurrencyConflict("The author's account was deleted meanwhile.")  # as a foreign key does
        post = replace(post, id=PostId(self._unit.new_id(self._tables.posts)))
        self._unit.put(self._tables.posts, post.id, post)
        self.held[post.id] = post
        return post

    def get(self, sight: Sight, post_id: PostId) -> Post:
        post = self._unit.find(self._tables.posts, post_id)
        if post is None or not sees(sight, post):
            raise PostNotFound(post_id)
        return replace(post, author=self._author_name(post.author_id) or post.author)

    def get_for_update(self, sight: Reader | Own | Everything, post_id: PostId) -> Post:
        self._unit.begin()
        locked = self.held[post_id] = self.get(sight, post_id)
        return locked

    def save(self, post: Post, *, previous: Post) -> None:
        if self.get_for_update(_EVERYTHING, post.id).version != previous.version:
            raise PostNotFound(post.id)
        self._unit.put(self._tables.posts, post.id, post)
        self.held[post.id] = post

    def remove(self, post_id: PostId) -> None:
        self._remove([self.get_for_update(_EVERYTHING, post_id)])

    def remove_batch(self, sight: Own, *, limit: int) -> Sequence[RemovedPost]:
        return self._remove(self.batch(sight, limit))

    def purge_trash(self, sight: Everything, *, until: datetime, limit: int) -> Sequence[RemovedPost]:
        posts = [(post.deleted_at, post.id, post) for post in self.batch(sight, None) if post.deleted_at is not None]
        expired = sorted(each for each in posts if each[0] <= until)
        return self._remove([post for _, _, post in expired[:limit]])

    def reassign_batch(self, sight: Own, new_author_id: UserId, *, limit: int) -> Sequence[PostId]:
        posts = self.batch(sight, limit)
        for post in posts:
            self._unit.put(self._tables.posts, post.id, replace(post, author_id=new_author_id))
            self.held.pop(post.id, None)
        return [post.id for post in posts]

    def page(
        self,
        sight: Public | Own,
        order: SortOrder,
        *,
        limit: int,
        after: Position | None = None,
        **filters: Unpack[PostFilter],
    ) -> Sequence[Post]:
        posts = select_posts(self._unit, self._tables, sight, filters)
        ranked = [(_rank(post.position_in(order)), post) for post in posts]
        if after is not None:
            start = _rank(after)
            ranked = [each for each in ranked if (each[0] < start if order.is_descending else each[0] > start)]
        ranked.sort(key=itemgetter(0), reverse=order.is_descending)
        return [post for _, post in ranked[:limit]]

    def written_by(
        self, sight: Reader | Everything, author_id: UserId, *, limit: int, after: Position | None = None
    ) -> Sequence[Post]:
        start = None if after is None else _rank(after)
        posts = select_posts(self._unit, self._tables, sight, {})
        ranked = [(_rank(post.creation_position), post) for post in posts if post.author_id == author_id]
        return [post for rank, post in sorted(ranked, key=itemgetter(0)) if start is None or rank > start][:limit]

    def next_author(self, sight: Everything, after: UserId) -> UserId | None:
        authors = {post.author_id for post in select_posts(self._unit, self._tables, sight, {})}
        return min((author_id for author_id in authors if author_id > after), default=None)

    def count(self, sight: Public | Own, **filters: Unpack[PostFilter]) -> int:
        return sum(1 for _ in select_posts(self._unit, self._tables, sight, filters))

    def tags(self, sight: Public, *, limit: int, after: str | None = None) -> Sequence[TagCount]:
        found: dict[str, list[tuple[Any, PostId, str]]] = {}
        for post in select_posts(self._unit, self._tables, sight, {}):
            for tag in post.tags:
                found.setdefault(tag_key(tag), []).append((post.published_at, post.id, tag))
        keys = sorted(key for key in found if after is None or key > after)
        return [TagCount(key, min(found[key])[2], len(found[key])) for key in keys[:limit]]

    def settle_tag_counts(self, at: datetime, *, limit: int) -> int:  # noqa: ARG002 - it counts when it is asked
        return 0

    def next_publication(self, after: datetime) -> datetime | None:
        with self._unit.lock:
            posts = self._unit.visible_rows(self._tables.posts).values()
        times = (post.published_at for post in posts if post.published_at is not None)
        return min((at for at in times if at > after), default=None)

    def _remove_row(self, post_id: PostId) -> None:
        """Delete a post, and the rows that belong to it, as foreign keys do."""
        self._unit.delete(self._tables.posts, post_id)
        self._unit.delete(self._tables.working_copies, post_id)
        for key in self._unit.visible_rows(self._tables.revisions):
            if key[0] == post_id:
                self._unit.delete(self._tables.revisions, key)
        for preview in self._unit.visible_rows(self._tables.previews).values():
            if preview.post_id == post_id:
                self._unit.delete(self._tables.previews, preview.id)

    def _author_name(self, author_id: UserId) -> str | None:
        author = self._unit.find(self._tables.users, author_id)
        if author is not None:
            return author.user.username
        deletion = self._unit.find(self._tables.deletions, author_id)
        return None if deletion is None else hidden_name_of(author_id)

    def _remove(self, posts: Sequence[Post]) -> list[RemovedPost]:
        for post in posts:
            self._remove_row(post.id)
            self.held.pop(post.id, None)
        return [RemovedPost(post.id, post.deleted_at) for post in posts]

    def batch(self, sight: Own | Everything, limit: int | None) -> list[Post]:
        """Return the posts that `remove_batch` and `reassign_batch` delete or reassign."""
        self._unit.begin()
        return [post for post in self._unit.visible_rows(self._tables.posts).values() if sees(sight, post)][:limit]


_EVERYTHING = Everything(Reason.MAINTENANCE)


def select_posts(unit: MemoryUnitOfWork, tables: Tables, sight: Sight, filters: PostFilter) -> Iterator[Post]:
    """Return the visible posts that pass a filter, each with the current name of its author.

    Raises:
        Cancelled.
    """
    with unit.lock:  # a consistent snapshot
        posts, users = unit.visible_rows(tables.posts), unit.visible_rows(tables.users)
    names = {user_id: credentials.user.username for user_id, credentials in users.items()}
    authors = None
    if "authors" in filters:
        wanted = {name.lower() for name in filters["authors"] if not validate_username(name)}
        authors = {user_id for user_id, name in names.items() if name.lower() in wanted}
    for post in unit.iterate(posts.values()):
        if sees(sight, post) and (authors is None or post.author_id in authors) and _passes(post, filters):
            name = names.get(post.author_id) or hidden_name_of(post.author_id)
            yield post if post.author == name else replace(post, author=name)


def _passes(post: Post, filters: PostFilter) -> bool:
    """Return whether the tags and the publication time pass the filters."""
    keys = set(tag_keys(post.tags))
    if "tags" in filters and keys.isdisjoint(tag_keys(filters["tags"])):
        return False
    if not keys.issuperset(tag_keys(filters.get("all_tags", ()))):
        return False
    after, before = filters.get("published_after"), filters.get("published_before")
    if post.published_at is None:
        return after is None and before is None
    return (after is None or after <= post.published_at) and (before is None or post.published_at < before)


def _rank(position: Position) -> tuple[Any, PostId]:
    return position.key, position.id
