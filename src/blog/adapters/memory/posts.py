"""Posts in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from operator import itemgetter
from typing import Unpack

from blog.domain.accounts.user import hidden_name_of
from blog.domain.blog import ConcurrencyConflict
from blog.domain.posts.pagination import Position, PostFilter, SortOrder
from blog.domain.posts.post import Post, PostNotFound
from blog.domain.shared import PostId, UserId

from .lists import Ranking, Stretch, Wanted, position_of, rankings
from .unit import Table, Unit
from .users import UserTables


@dataclass(frozen=True, slots=True)
class PostTables:
    """Posts by number, and how they stand in every order."""

    by_id: Table[PostId, Post] = field(default_factory=Table)
    rankings: Mapping[SortOrder, Ranking] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rankings", rankings(self.by_id))


class MemoryPostRepository:
    """A `PostRepository` over one unit of work in memory."""

    def __init__(self, unit: Unit, shelves: PostTables, users: UserTables) -> None:
        self._unit = unit
        self._shelves = shelves
        self._users = users

    def add(self, post: Post) -> Post:
        self._unit.begin()
        if author_of(post, self._unit, self._users) is None:
            raise ConcurrencyConflict("Another change came between.")  # as a foreign key does it
        post = replace(post, id=PostId(next(self._shelves.by_id.numbers)))
        self._unit.on(self._shelves.by_id).put(post.id, post)
        return post

    def get(self, post_id: PostId) -> Post:
        post = self._unit.find(self._shelves.by_id, post_id)
        if post is None:
            raise PostNotFound(post_id)
        return with_author_name(post, self._unit, self._users)

    def get_for_update(self, post_id: PostId) -> Post:
        self._unit.begin()
        return self.get(post_id)

    def save(self, post: Post, *, previous: Post) -> None:
        self._unit.begin()
        kept = self._unit.find(self._shelves.by_id, post.id)
        if kept is None or kept.version != previous.version:
            raise PostNotFound(post.id)
        self._unit.on(self._shelves.by_id).put(post.id, post)

    def remove(self, post_id: PostId) -> None:
        self.get_for_update(post_id)
        self._unit.on(self._shelves.by_id).drop(post_id)

    def remove_some_of(self, author_id: UserId, *, limit: int) -> Sequence[PostId]:
        posts = self._of(author_id, limit)
        for post in posts:
            self._unit.on(self._shelves.by_id).drop(post.id)
        return [post.id for post in posts]

    def reassign_some_of(self, author_id: UserId, new_author_id: UserId, *, limit: int) -> int:
        posts = self._of(author_id, limit)
        for post in posts:
            self._unit.on(self._shelves.by_id).put(post.id, replace(post, author_id=new_author_id))
        return len(posts)

    def page(
        self, order: SortOrder, *, limit: int, after: Position | None = None, **filters: Unpack[PostFilter]
    ) -> Sequence[Post]:
        wanted = Wanted.of(filters, self._unit, self._users)
        stretch, ranking = Stretch.of(order, after, wanted), self._shelves.rankings[order]
        posts = self._unit.on(self._shelves.by_id)
        own = [(position_of(post, order), post) for post in posts.own.values() if post and wanted.has(post)]
        page = [(position, post) for position, post in own if stretch.has(position)]
        with self._unit.guard:
            ranking.catch_up()
            positions = ranking.positions(wanted.authors, stretch, descending=order.is_descending)
            kept = (
                (position, posts.seen(position[-1]))
                for position in self._unit.each(positions)
                if position[-1] not in posts.own
            )
            page += islice(((position, post) for position, post in kept if post and wanted.has(post)), limit)
        page.sort(key=itemgetter(0), reverse=order.is_descending)
        return [with_author_name(post, self._unit, self._users) for _, post in page[:limit]]

    def _of(self, author_id: UserId, limit: int) -> list[Post]:
        """Up to `limit` posts by this author, which no other unit changes before this one ends."""
        self._unit.begin()
        posts = self._unit.on(self._shelves.by_id)
        own = [post for post in posts.own.values() if post and post.author_id == author_id]
        ranking = self._shelves.rankings[SortOrder.OLDEST]
        everything = Stretch((), None)
        with self._unit.guard:
            ranking.catch_up()
            positions = ranking.positions([author_id], everything, descending=False)
            kept = (posts.seen(position[-1]) for position in positions if position[-1] not in posts.own)
            return [*own, *islice((post for post in kept if post), limit)][:limit]

    def count(self, **filters: Unpack[PostFilter]) -> int:
        wanted = Wanted.of(filters, self._unit, self._users)
        ranking = self._shelves.rankings[SortOrder.OLDEST]
        own = self._unit.on(self._shelves.by_id).own
        with self._unit.guard:
            ranking.catch_up()
            kept = ranking.count(wanted.authors, Stretch.of(SortOrder.OLDEST, None, wanted))
            replaced = [self._shelves.by_id.find(post_id) for post_id in own]
        return kept - _number_of(replaced, wanted) + _number_of(own.values(), wanted)


def with_author_name(post: Post, unit: Unit, users: UserTables) -> Post:
    """The post with its author's name as it is now."""
    author = author_of(post, unit, users)
    return post if author is None or author == post.author else replace(post, author=author)


def author_of(post: Post, unit: Unit, users: UserTables) -> str | None:
    """The name of its author, or None if there is no such account any more."""
    author = unit.find(users.by_id, post.author_id)
    if author is not None:
        return author.user.username
    return None if unit.find(users.hidden, post.author_id) is None else hidden_name_of(post.author_id)


def _number_of(posts: Iterable[Post | None], wanted: Wanted) -> int:
    return sum(post is not None and wanted.has(post) for post in posts)
