"""Search in a database, over the words of our tokenizer, so that all databases find the same.

The database's index finds posts by single words, in titles or anywhere. A phrase is then looked for in the words of
those posts.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Final, NamedTuple, Unpack

from sqlalchemy import ColumnElement, Connection, FromClause, Select, bindparam, func, select

from blog.adapters.sql.engine.statement import STATEMENTS, ReadStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository
from blog.adapters.sql.repositories.posts import LISTED_FIELDS, Params, SightKind, compile_sight, conditions_of
from blog.adapters.sql.repositories.tag_filters import AUTHOR_FILTERS, filter_conditions, is_tag, resolve_filters
from blog.adapters.sql.schema.tables import BigIntId, UtcDateTime, posts, users
from blog.domain.accounts.user import is_reserved
from blog.domain.posts.pagination import PostFilter
from blog.domain.posts.post import Post
from blog.domain.posts.visibility import Public
from blog.domain.search.index import Hit, SearchPosition
from blog.domain.search.query import SearchQuery, Term
from blog.domain.search.tokenizer import spaced, tokenize
from blog.domain.shared import PostId

from .marks import author_mark, marks_of, tag_marks

IS_PUBLIC: Final = conditions_of(SightKind.PUBLIC)
"""The conditions of a post that everybody sees. Scheduled posts are in the index too."""


class Shape(NamedTuple):
    """The kinds of terms in a query, which decide the conditions of the statement.

    All phrases are one parameter. So there are few statements, whatever clients search for.
    """

    has_phrases: bool
    has_unwanted_phrases: bool
    has_unwanted_words: bool


class Candidates(NamedTuple):
    """A search in one table: the column of the posts' ids, the table, and the conditions."""

    id: ColumnElement[int]
    source: FromClause
    conditions: Sequence[ColumnElement[bool]]


class Request(NamedTuple):
    """A search: the query, the parameters of the sight, of the filters and of the bounds, and marks.

    A post must have a mark of each group of `marks`.
    """

    query: SearchQuery
    params: Params
    marks: Sequence[Sequence[str]]
    is_marked_by_author: bool

    @property
    def unmarked(self) -> Params:
        """The parameters without those of filters that are marks too: where the index is used, it has checked them."""
        return {
            name: value
            for name, value in self.params.items()
            if not is_tag(name) and not (self.is_marked_by_author and name in AUTHOR_FILTERS)
        }

    def within(self, **bounds: PostId | int) -> "Request":
        """Return the same search among posts with ids within these bounds, `above` and `below`."""
        return self._replace(params=self.params | bounds)


class SqlPostIndex(SqlRepository, ABC):
    """A `PostIndex` over one unit of work on a database. Subclasses add what differs between databases."""

    and_operator: ClassVar[str]
    """The operator between words that must all match, in the query language of the database."""
    or_operator: ClassVar[str]

    @staticmethod
    @abstractmethod
    def word(word: str, *, is_prefix: bool) -> str:
        """Return the query for a word, or for all words with this prefix."""

    @staticmethod
    @abstractmethod
    def array(terms: Iterable[Term]) -> str:
        """Return the patterns of all terms as one parameter."""

    @staticmethod
    @abstractmethod
    def candidates(shape: Shape, *, in_title: bool | None) -> Candidates:
        """Return where posts are found whose title matches, or does not, or both (None).

        The parameters are `wanted`, `unwanted`, `phrases` and `unwanted_phrases`.
        """

    @classmethod
    @abstractmethod
    def rebuild(cls, connection: Connection, batches: Iterable[list[Post]]) -> None:
        """Index these posts and no others, in the connection's transaction."""

    @abstractmethod
    def put(self, post: Post) -> None:
        """Implement `PostIndex`."""

    @abstractmethod
    def remove(self, post_id: PostId) -> None:
        """Implement `PostIndex`."""

    def find(
        self,
        sight: Public,
        query: SearchQuery,
        *,
        limit: int,
        after: SearchPosition | None = None,
        **filters: Unpack[PostFilter],
    ) -> Sequence[Hit]:
        if not query.wanted:
            return []
        request = self._request(sight, query, filters)
        onwards = request if after is None else request.within(below=after.id)
        if after is not None and not after.in_title:
            return self._find_part(onwards, limit, in_title=False)
        hits = self._find_part(onwards, limit, in_title=True)
        if len(hits) < limit:
            hits += self._find_part(request, limit - len(hits), in_title=False)
        return hits

    def count(self, sight: Public, query: SearchQuery, **filters: Unpack[PostFilter]) -> int:
        return self._count_hits(self._request(sight, query, filters)) if query.wanted else 0

    def _request(self, sight: Public, query: SearchQuery, filters: PostFilter) -> Request:
        _, params = compile_sight(sight)
        resolved = resolve_filters(self._unit, filters)
        marks = [[mark] for mark in tag_marks(filters.get("all_tags", ()))]
        if "tags" in filters:
            marks.append(tag_marks(filters["tags"]))
        # Posts of deleted accounts have the marks of their first authors.
        is_marked_by_author = "authors" in filters and not any(map(is_reserved, filters["authors"]))
        if is_marked_by_author:
            ids = [resolved["author"]] if "author" in resolved else resolved["authors"]
            marks.append([author_mark(author_id) for author_id in ids])
        return Request(query, params | resolved, marks, is_marked_by_author)

    def _count_hits(self, request: Request) -> int:
        if not all(request.marks):
            return 0
        params = request.unmarked
        statement = _count(type(self), shape_of(request.query), *params)
        return self._unit.count(statement, **params, **values_of(request, type(self)))

    def _find_part(self, request: Request, limit: int, *, in_title: bool) -> list[Hit]:
        """Return the hits of one part by descending id."""
        return self._hits(hits_by_id, request, limit, in_title=in_title)

    def _hits(
        self, statement_for: Callable[..., ReadStatement[Post]], request: Request, limit: int, *, in_title: bool
    ) -> list[Hit]:
        if not all(request.marks):  # any of no tags, or of no authors
            return []
        params = request.unmarked
        statement = statement_for(type(self), shape_of(request.query), in_title, *params)
        found = self._unit.find_all(statement, **params, **values_of(request, type(self)), limit=limit)
        return [Hit(post, in_title) for post in found]


@lru_cache(STATEMENTS)
def hits_by_id(kind: type[SqlPostIndex], shape: Shape, in_title: bool, *names: str) -> ReadStatement[Post]:  # noqa: FBT001 - a key of the cache
    """Return the statement for the posts of one part by descending id. `names` are those of filters and bounds."""
    candidates = kind.candidates(shape, in_title=in_title)
    return ReadStatement(
        newest(candidates.id, candidates.source).where(*candidates.conditions, *wanted(candidates.id, names)), Post
    )


@lru_cache(STATEMENTS)
def hits_sorted_last(kind: type[SqlPostIndex], shape: Shape, in_title: bool, *names: str) -> ReadStatement[Post]:  # noqa: FBT001 - as above
    """Return the same, but find all posts before they are sorted: faster if there are few.

    The publication times are looked up last, one by one, until the page is full. With a condition on the joined posts,
    PostgreSQL would read all posts. It sees through `exists`, but not through a subquery that is compared.
    """
    candidates = kind.candidates(shape, in_title=in_title)
    on_posts = filter_conditions(names)
    source = candidates.source.join(posts, posts.c.id == candidates.id) if on_posts else candidates.source
    ids = select(candidates.id.label("id")).select_from(source).where(*candidates.conditions, *on_posts)
    every = ids.cte("found").prefix_with("MATERIALIZED")
    ordered = select(every.c.id).where(*within(every.c.id, names)).order_by(every.c.id.desc())
    ordered_ids = ordered.cte("ordered").prefix_with("MATERIALIZED")
    published_at = select(posts.c.published_at).where(posts.c.id == ordered_ids.c.id).scalar_subquery()
    is_public = published_at <= bindparam("now", type_=UtcDateTime)
    page = select(ordered_ids.c.id).where(is_public).limit(bindparam("limit")).cte("page").prefix_with("MATERIALIZED")
    return ReadStatement(newest(page.c.id, page), Post)


@lru_cache(STATEMENTS)
def _count(kind: type[SqlPostIndex], shape: Shape, *names: str) -> ReadStatement[dict[str, int]]:
    candidates = kind.candidates(shape, in_title=None)
    statement = (
        select(func.count().label("posts")).select_from(candidates.source).join(posts, posts.c.id == candidates.id)
    )
    return ReadStatement(statement.where(*candidates.conditions, *wanted(candidates.id, names)), dict)


def newest(post_id: ColumnElement[int], source: FromClause) -> Select[Any]:
    """Select posts by descending id from a table that has their ids."""
    joined = source.join(posts, posts.c.id == post_id).join(users, users.c.id == posts.c.author_id)
    return select(*LISTED_FIELDS).select_from(joined).order_by(post_id.desc()).limit(bindparam("limit"))


def newest_of(
    ids: Select[Any], conditions: Callable[[ColumnElement[int]], Sequence[ColumnElement[bool]]]
) -> Select[Any]:
    """Select posts by descending id in three materialized steps: all ids, the first ids that meet the conditions, and
    then the posts.
    """
    matching = ids.cte("found").prefix_with("MATERIALIZED")
    limited = (
        select(matching.c.id).where(*conditions(matching.c.id)).order_by(matching.c.id.desc()).limit(bindparam("limit"))
    )
    page = limited.cte("page").prefix_with("MATERIALIZED")
    return newest(page.c.id, page)


def wanted(post_id: ColumnElement[int], names: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return the conditions of public posts, and those of the filters and bounds with these names."""
    return [*IS_PUBLIC, *filter_conditions(names), *within(post_id, names)]


def within(post_id: ColumnElement[int], names: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return the conditions that `BOUNDS` has under these names."""
    return [BOUNDS[name](post_id) for name in names if name in BOUNDS]


BOUNDS: Final[dict[str, Callable[[ColumnElement[int]], ColumnElement[bool]]]] = {
    "below": lambda post_id: post_id < bindparam("below", type_=BigIntId),
    "above": lambda post_id: post_id > bindparam("above", type_=BigIntId),
}
"""By name, a condition on the ids of posts."""


def shape_of(query: SearchQuery) -> Shape:
    """Return the shape of a query."""
    return Shape(
        has_phrases=any(map(_is_phrase, query.wanted)),
        has_unwanted_phrases=any(map(_is_phrase, query.unwanted)),
        has_unwanted_words=not all(map(_is_phrase, query.unwanted)),
    )


def values_of(request: Request, kind: type[SqlPostIndex]) -> dict[str, str]:
    """Return the parameters of the conditions of a query and of the marks."""
    query = request.query
    shape = shape_of(query)
    marks = [
        f"({kind.or_operator.join(kind.word(mark, is_prefix=False) for mark in group)})" for group in request.marks
    ]
    values = {"wanted": kind.and_operator.join([*_words_of(query.wanted, kind), *marks])}
    if shape.has_phrases:
        values["phrases"] = kind.array(filter(_is_phrase, query.wanted))
    if shape.has_unwanted_phrases:
        values["unwanted_phrases"] = kind.array(filter(_is_phrase, query.unwanted))
    if shape.has_unwanted_words:
        words = [term for term in query.unwanted if not _is_phrase(term)]
        values["unwanted"] = kind.or_operator.join(_words_of(words, kind))
    return values


def row_of(post: Post) -> dict[str, Any]:
    """Return the words of a post, with spaces around each. The marks follow the words of the title."""
    title = spaced([*tokenize(post.title), *marks_of(post.author_id, post.tags)])
    return {"id": post.id, "title": title, "body": spaced(tokenize(post.body))}


def _words_of(terms: Sequence[Term], kind: type[SqlPostIndex]) -> list[str]:
    """Return the queries for all words of these terms."""
    return [
        kind.word(word, is_prefix=term.is_prefix and position == len(term.words) - 1)
        for term in terms
        for position, word in enumerate(term.words)
    ]


def _is_phrase(term: Term) -> bool:
    return len(term.words) > 1
