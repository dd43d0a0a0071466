"""Search: posts that contain the words of a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

from blog.domain.posts.pagination import PostFilter
from blog.domain.posts.post import Post
from blog.domain.shared import check_limit

from .index import PostIndex, SearchPosition
from .query import SearchQuery
from .snippets import MAX_SCANNED, MAX_SCANNED_PER_PAGE, SnippetPart, highlight, snippet


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A post that was found, its title, and of its body what lies around the first match, both with matches marked."""

    post: Post
    title: tuple[SnippetPart, ...]
    snippet: tuple[SnippetPart, ...]
    in_title: bool

    @property
    def position(self) -> SearchPosition:
        """Where it stands among those found."""
        return SearchPosition(self.in_title, self.post.id)


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Some of the posts that were found, and after which the next ones come: None on the last page."""

    results: Sequence[SearchResult]
    next: SearchPosition | None


@dataclass(slots=True)
class Search:
    """What is done with the index."""

    index: PostIndex

    def find(
        self, text: str, *, limit: int = 20, after: SearchPosition | None = None, **filters: Unpack[PostFilter]
    ) -> SearchPage:
        """Look for posts: up to `limit` of those found, on from `after`.

        Raises:
            Invalid: of `limit`.
        """
        check_limit(limit)
        query = SearchQuery.of(text)
        hits = self.index.find(query, limit=limit + 1, after=after, **filters) if query.wanted else []
        page = hits[:limit]
        read = min(MAX_SCANNED, MAX_SCANNED_PER_PAGE // max(len(page), 1))
        found = [
            SearchResult(
                hit.post, highlight(hit.post.title, query), snippet(hit.post.body, query, read=read), hit.in_title
            )
            for hit in page
        ]
        return SearchPage(found, found[-1].position if len(hits) > limit else None)

    def count(self, text: str, **filters: Unpack[PostFilter]) -> int:
        """How many posts are found, which costs the more the more there are."""
        query = SearchQuery.of(text)
        return self.index.count(query, **filters) if query.wanted else 0
