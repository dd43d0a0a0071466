"""Search in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Unpack

from blog.domain.posts.pagination import PostFilter
from blog.domain.posts.post import Post
from blog.domain.search.index import Hit, SearchPosition
from blog.domain.search.query import SearchQuery
from blog.domain.shared import PostId

from .lists import Wanted
from .posts import PostTables, with_author_name
from .unit import Table, Unit
from .users import UserTables
from .words import Said, WordIndex, standing_of


@dataclass(frozen=True, slots=True)
class IndexTables:
    """Posts by number, as they are found, and by their words."""

    by_id: Table[PostId, Post] = field(default_factory=Table)
    words: WordIndex = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", WordIndex(self.by_id))


class MemoryPostIndex:
    """A `PostIndex` over one unit of work in memory."""

    def __init__(self, unit: Unit, shelves: IndexTables, posts: PostTables, users: UserTables) -> None:
        self._unit = unit
        self._shelves = shelves
        self._posts = posts
        self._users = users

    def put(self, post: Post) -> None:
        self._unit.begin()
        self._unit.on(self._shelves.by_id).put(post.id, post)

    def remove(self, post_id: PostId) -> None:
        self._unit.begin()
        self._unit.on(self._shelves.by_id).drop(post_id)

    def find(
        self, query: SearchQuery, *, limit: int, after: SearchPosition | None = None, **filters: Unpack[PostFilter]
    ) -> Sequence[Hit]:
        wanted = Wanted.of(filters, self._unit, self._users)
        with self._unit.guard:
            hits = list(islice(self._kept(query, after, wanted), limit))
            hits += self._own(query, after, wanted)
        hits.sort(key=lambda hit: (hit.in_title, hit.post.id), reverse=True)
        return [Hit(with_author_name(post, self._unit, self._users), in_title) for post, in_title in hits[:limit]]

    def count(self, query: SearchQuery, **filters: Unpack[PostFilter]) -> int:
        wanted = Wanted.of(filters, self._unit, self._users)
        with self._unit.guard:
            return sum(1 for _ in self._kept(query, None, wanted)) + sum(1 for _ in self._own(query, None, wanted))

    def _kept(self, query: SearchQuery, after: SearchPosition | None, wanted: Wanted) -> Iterator[Hit]:
        """What is found of what other units have kept, by where it stands."""
        self._shelves.words.catch_up()
        posts, own = self._unit.on(self._posts.by_id), self._unit.on(self._shelves.by_id).own
        for standing in self._shelves.words.found_by(query, after=after, each=self._unit.each):
            post = None if standing.id in own else posts.seen(standing.id)
            if post is not None and wanted.has(post):
                yield Hit(post, standing.in_title)

    def _own(self, query: SearchQuery, after: SearchPosition | None, wanted: Wanted) -> Iterator[Hit]:
        """What is found of what this unit has put, in no order."""
        posts, own = self._unit.on(self._posts.by_id), self._unit.on(self._shelves.by_id).own
        end = None if after is None else (after.in_title, after.id)
        for post_id, put in own.items():
            post, place = posts.seen(post_id), None if put is None else standing_of(post_id, Said.by(put), query)
            if post is not None and wanted.has(post) and place is not None and (end is None or place < end):
                yield Hit(post, place[0])
