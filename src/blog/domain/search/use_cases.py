"""Search: posts that contain the words of a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

from blog.domain.posts.pagination import PostFilter, check_filters
from blog.domain.posts.post import Post
from blog.domain.posts.visibility import Public
from blog.domain.shared import Clock, check_limit

from .index import PostIndex, SearchPosition
from .query import SearchQuery
from .snippets import MAX_SCANNED, MAX_SCANNED_PER_PAGE, SnippetPart, highlight, snippet


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A matching post, its title and a snippet of its body, both with highlighted matches."""

    post: Post
    title: tuple[SnippetPart, ...]
    snippet: tuple[SnippetPart, ...]
    in_title: bool

    @property
    def position(self) -> SearchPosition:
        """The position of the post in the search results."""
        return SearchPosition(self.in_title, self.post.id)


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of search results. `next` is the `after` of the next page: None on the last page."""

    results: Sequence[SearchResult]
    next: SearchPosition | None


@dataclass(slots=True)
class Search:
    """Searches published posts."""

    index: PostIndex
    now: Clock

    def find(
        self, text: str, *, limit: int = 20, after: SearchPosition | None = None, **filters: Unpack[PostFilter]
    ) -> SearchPage:
        """Return a page of up to `limit` matching posts, after the position `after`.

        Raises:
            ValidationFailed: `limit` or a filter is not valid.
        """
        check_limit(limit)
        check_filters(filters)
        query = SearchQuery.of(text)
        sight = Public(self.now())
        hits = self.index.find(sight, query, limit=limit + 1, after=after, **filters) if query.wanted else []
        page = hits[:limit]
        scanned = min(MAX_SCANNED, MAX_SCANNED_PER_PAGE // max(len(page), 1))
        results = [
            SearchResult(
                hit.post,
                highlight(hit.post.title, query),
                snippet(hit.post.body, query, max_scanned=scanned),
                hit.in_title,
            )
            for hit in page
        ]
        return SearchPage(results, results[-1].position if len(hits) > limit else None)

    def count(self, text: str, **filters: Unpack[PostFilter]) -> int:
        """Return the number of matching posts. The cost grows with the number.

        Raises:
            ValidationFailed: a filter is not valid.
        """
        check_filters(filters)
        query = SearchQuery.of(text)
        return self.index.count(Public(self.now()), query, **filters) if query.wanted else 0
