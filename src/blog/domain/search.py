"""Search: posts that say what somebody looks for, and where they say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Unpack

from .excerpts import READ_MOST, READ_OF_A_PAGE, Words, excerpt, marked
from .ids import PostId
from .lists import PostFilter
from .pages import check_limit
from .posts import Post
from .queries import Query


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a post stands among those found: first those whose title says all of it, and in each part the newest."""

    in_title: bool
    id: PostId


class Hit(NamedTuple):
    """A post that was found, and whether its title alone says what is looked for."""

    post: Post
    in_title: bool


class PostIndex(Protocol):
    """Finds posts by their words. It sees what its unit of work has done, as the stores do."""

    def put(self, post: Post) -> None:
        """Find the post by what it says now."""

    def remove(self, post_id: PostId) -> None:
        """Find the post no longer; one that is not there is no error."""

    def find(
        self, query: Query, *, limit: int, after: Standing | None = None, **those: Unpack[PostFilter]
    ) -> Sequence[Hit]:
        """Up to `limit` posts that the query finds, out of those, from the first one that stands after `after`: those
        whose title says all that is wanted before the others, and in each part by descending id.
        """

    def count(self, query: Query, **those: Unpack[PostFilter]) -> int:
        """How many posts the query finds, out of those."""


@dataclass(frozen=True, slots=True)
class Found:
    """A post that was found, its title, and of its body what lies around the first match, both with matches marked."""

    post: Post
    title: tuple[Words, ...]
    excerpt: tuple[Words, ...]
    in_title: bool

    @property
    def standing(self) -> Standing:
        """Where it stands among those found."""
        return Standing(self.in_title, self.post.id)


@dataclass(frozen=True, slots=True)
class Findings:
    """Some of the posts that were found, and after which the next ones come: None on the last page."""

    found: Sequence[Found]
    next: Standing | None


@dataclass(slots=True)
class Search:
    """What is done with the index."""

    index: PostIndex

    def find(
        self, text: str, *, limit: int = 20, after: Standing | None = None, **those: Unpack[PostFilter]
    ) -> Findings:
        """Look for posts: up to `limit` of those found, on from `after`.

        Raises:
            Invalid: of `limit`.
        """
        check_limit(limit)
        query = Query.of(text)
        hits = self.index.find(query, limit=limit + 1, after=after, **those) if query.wanted else []
        page = hits[:limit]
        read = min(READ_MOST, READ_OF_A_PAGE // max(len(page), 1))
        found = [
            Found(hit.post, marked(hit.post.title, query), excerpt(hit.post.body, query, read=read), hit.in_title)
            for hit in page
        ]
        return Findings(found, found[-1].standing if len(hits) > limit else None)

    def count(self, text: str, **those: Unpack[PostFilter]) -> int:
        """How many posts are found, which costs the more the more there are."""
        query = Query.of(text)
        return self.index.count(query, **those) if query.wanted else 0
