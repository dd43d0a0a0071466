"""Posts in memory, in every order that they are asked for in."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any, Final, TypeAlias

from sortedcontainers import SortedList

from blog.domain.posts.pagination import Position, PostFilter, SortOrder
from blog.domain.posts.post import Post
from blog.domain.shared import UNSTORED, PostId, UserId

from .derived import Derived
from .unit import Table, Unit
from .users import UserTables

EVERYBODY: Final = UserId(UNSTORED)
"""As whose all posts stand in an order once more."""

Rank: TypeAlias = tuple[Any, ...]
"""Key and id of a place, or the beginning of that: what stands before all places that begin so."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which posts are asked for: by whom, written when. None is whoever and whenever."""

    authors: Collection[UserId] | None
    since: datetime | None
    before: datetime | None

    @classmethod
    def of(cls, filters: PostFilter, unit: Unit, users: UserTables) -> "Wanted":
        """What a filter asks for; its names are those that users have now."""
        authors = None
        if "authors" in filters:
            found = {unit.find(users.by_name, name.lower()) for name in filters["authors"] if name.isascii()}
            authors = [author for author in found if author is not None]
        return cls(authors, filters.get("created_after"), filters.get("created_before"))

    def has(self, post: Post) -> bool:
        """Whether the post is asked for."""
        return (
            (self.authors is None or post.author_id in self.authors)
            and (self.since is None or post.created_at >= self.since)
            and (self.before is None or post.created_at < self.before)
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """What lies between two positions of an order: it begins at `start` (None: with the first post), or after it if a
    post stands there, and ends before `end` (None: after the last post).
    """

    start: Rank
    end: Rank | None

    @classmethod
    def of(cls, order: SortOrder, after: Position | None, wanted: Wanted) -> "Stretch":
        """Where the posts stand that are wanted, as far as the order tells."""
        starts: list[Rank] = [()]
        ends: list[Rank] = []
        if after is not None and isinstance(after.key, str) == (order is SortOrder.TITLE):
            (ends if order.is_descending else starts).append((after.key, after.id))
        if order in {SortOrder.NEWEST, SortOrder.OLDEST}:
            starts += [(wanted.since,)] if wanted.since else []
            ends += [(wanted.before,)] if wanted.before else []
        return cls(max(starts), min(ends, default=None))

    def has(self, position: Rank) -> bool:
        """Whether a post that stands there is within."""
        return self.start < position and (self.end is None or position < self.end)


class Ranking(Derived[PostId, Post]):
    """All posts in one order, and each author's."""

    def __init__(self, shelf: Table[PostId, Post], order: SortOrder) -> None:
        super().__init__(shelf)
        self._order = order
        self._ranks: SortedList[Rank] = SortedList()

    def positions(self, authors: Collection[UserId] | None, stretch: Stretch, *, descending: bool) -> Iterator[Rank]:
        """Where posts by these authors stand there, in their order."""
        owners = [EVERYBODY] if authors is None else authors
        ranks = (self._ranks.irange(*_ends(owner, stretch), (False, False), reverse=descending) for owner in owners)
        return merge(*((rank[1:] for rank in own) for own in ranks), reverse=descending)

    def count(self, authors: Collection[UserId] | None, stretch: Stretch) -> int:
        """How many posts by these authors stand there."""
        ends = [_ends(owner, stretch) for owner in ([EVERYBODY] if authors is None else authors)]
        return sum(max(0, self._ranks.bisect_left(end) - self._ranks.bisect_right(start)) for start, end in ends)

    def _take(self, rows: Iterable[Post]) -> None:
        self._ranks.update(rank for post in rows for rank in self._ranks_of(post))

    def _forget(self, rows: Iterable[Post]) -> None:
        for post in rows:
            for rank in self._ranks_of(post):
                self._ranks.remove(rank)

    def _ranks_of(self, post: Post) -> tuple[Rank, Rank]:
        position = position_of(post, self._order)
        return (EVERYBODY, *position), (post.author_id, *position)


def rankings(shelf: Table[PostId, Post]) -> Mapping[SortOrder, Ranking]:
    """What tells of each order how posts stand in it. From either end, one order is two."""
    written, updated, title = (
        Ranking(shelf, order) for order in (SortOrder.OLDEST, SortOrder.UPDATED, SortOrder.TITLE)
    )
    return {SortOrder.NEWEST: written, SortOrder.OLDEST: written, SortOrder.UPDATED: updated, SortOrder.TITLE: title}


def position_of(post: Post, order: SortOrder) -> Rank:
    """Where a post stands."""
    place = post.position_in(order)
    return place.key, place.id


def _ends(owner: UserId, stretch: Stretch) -> tuple[Rank, Rank]:
    return (owner, *stretch.start), (owner + 1,) if stretch.end is None else (owner, *stretch.end)
