"""Search in memory: every post is compared with the query."""

from collections.abc import Iterator, Sequence
from typing import Unpack

from blog.domain.posts.pagination import PostFilter
from blog.domain.posts.post import Post
from blog.domain.posts.visibility import Public
from blog.domain.search.index import Hit, SearchPosition
from blog.domain.search.query import SearchQuery
from blog.domain.search.tokenizer import tokenize
from blog.domain.shared import PostId

from .posts import select_posts
from .tables import MemoryRepository, Words


class MemoryPostIndex(MemoryRepository):
    """A `PostIndex` over one unit of work in memory."""

    def put(self, post: Post) -> None:
        self._unit.put(self._tables.post_words, post.id, Words(tokenize(post.title), tokenize(post.body)))

    def remove(self, post_id: PostId) -> None:
        self._unit.delete(self._tables.post_words, post_id)

    def find(
        self,
        sight: Public,
        query: SearchQuery,
        *,
        limit: int,
        after: SearchPosition | None = None,
        **filters: Unpack[PostFilter],
    ) -> Sequence[Hit]:
        hits = self._hits(sight, query, filters)
        if after is not None:
            hits = (hit for hit in hits if _rank(hit) < (after.in_title, after.id))
        return sorted(hits, key=_rank, reverse=True)[:limit]

    def count(self, sight: Public, query: SearchQuery, **filters: Unpack[PostFilter]) -> int:
        return sum(1 for _ in self._hits(sight, query, filters))

    def _hits(self, sight: Public, query: SearchQuery, filters: PostFilter) -> Iterator[Hit]:
        with self._unit.lock:  # a consistent snapshot
            words = self._unit.visible_rows(self._tables.post_words)
            posts = list(select_posts(self._unit, self._tables, sight, filters))
        for post in self._unit.iterate(posts):
            if post.id in words and query.matches(*words[post.id]):
                yield Hit(post, query.matches_title(words[post.id].title))


def _rank(hit: Hit) -> tuple[bool, PostId]:
    return hit.in_title, hit.post.id
