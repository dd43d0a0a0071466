"""Posts in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from blog.domain.ids import PostId
from blog.domain.posts import Post, PostNotFound

from .unit import Shelf, Unit
from .users import UserShelves


@dataclass(frozen=True, slots=True)
class PostShelves:
    """Posts by number."""

    by_id: Shelf[PostId, Post] = field(default_factory=Shelf)


class MemoryPostRepository:
    """A `PostRepository` over one unit of work in memory."""

    def __init__(self, unit: Unit, shelves: PostShelves, users: UserShelves) -> None:
        self._unit = unit
        self._shelves = shelves
        self._users = users

    def add(self, post: Post) -> Post:
        self._unit.begin()
        post = replace(post, id=PostId(next(self._shelves.by_id.numbers)))
        self._unit.on(self._shelves.by_id).put(post.id, post)
        return post

    def get(self, post_id: PostId) -> Post:
        post = self._unit.on(self._shelves.by_id).find(post_id)
        if post is None:
            raise PostNotFound(post_id)
        return self._signed(post)

    def get_for_change(self, post_id: PostId) -> Post:
        self._unit.begin()
        return self.get(post_id)

    def save(self, post: Post) -> None:
        self.get_for_change(post.id)
        self._unit.on(self._shelves.by_id).put(post.id, post)

    def remove(self, post_id: PostId) -> None:
        self.get_for_change(post_id)
        self._unit.on(self._shelves.by_id).drop(post_id)

    def newest(self, *, limit: int, before: PostId | None = None) -> Sequence[Post]:
        return [self._signed(post) for post in self._unit.on(self._shelves.by_id).descending(limit, before=before)]

    def _signed(self, post: Post) -> Post:
        """The post with its author's name as it is now."""
        author = self._unit.on(self._users.by_id).find(post.author_id)
        if author is None or author.user.username == post.author:
            return post
        return replace(post, author=author.user.username)
