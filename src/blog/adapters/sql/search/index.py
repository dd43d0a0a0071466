"""Finding posts by their words in a database, which is given words and no texts: so that all find the same.

A database finds quickly where words stand, whether in a title or anywhere. Whether words stand in a row, as in a
phrase, is seen in the words of what was found.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias, Unpack

from sqlalchemy import ColumnElement, Connection, FromClause, Select, bindparam, func, select

from blog.adapters.sql.engine.statement import ReadStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository
from blog.adapters.sql.repositories.posts import FIELDS, FILTERS, resolve_filters
from blog.adapters.sql.schema.tables import BigIntId, posts, users
from blog.domain.posts.pagination import PostFilter
from blog.domain.posts.post import Post
from blog.domain.search.index import Hit, SearchPosition
from blog.domain.search.query import SearchQuery, Term
from blog.domain.search.tokenizer import spaced, tokenize
from blog.domain.shared import PostId

Given: TypeAlias = dict[str, Any]
"""What is put into the places of a statement."""


class Shape(NamedTuple):
    """What decides of a query which conditions there are. However many phrases there are, they are given as one value:
    so there are few statements, whatever a client looks for.
    """

    has_phrases: bool
    has_unwanted_phrases: bool
    has_unwanted_words: bool


class Candidates(NamedTuple):
    """Rows that are found, each by the id of its post, and in what."""

    id: ColumnElement[int]
    source: FromClause
    conditions: Sequence[ColumnElement[bool]]


class SqlPostIndex(SqlRepository, ABC):
    """A `PostIndex` over one unit of work on a database, but for what is special about the database."""

    both: ClassVar[str]
    """The sign between words of which all are to be there, in the language of the database's queries."""
    either: ClassVar[str]

    @staticmethod
    @abstractmethod
    def word(word: str, *, is_prefix: bool) -> str:
        """The word, or all that begin so, in that language."""

    @staticmethod
    @abstractmethod
    def array(terms: Iterable[Term]) -> str:
        """The terms as one value, which says of each by which part of a text, of words between spaces, it is said."""

    @staticmethod
    @abstractmethod
    def candidates(shape: Shape, *, in_title: bool | None) -> Candidates:
        """What is found whose title says all that is wanted, or does not, or (None) of both kinds.

        What is put in later is `wanted`, `unwanted`, `phrases` and `unwanted_phrases`.
        """

    @classmethod
    @abstractmethod
    def rebuild(cls, connection: Connection, every: Iterable[list[Post]]) -> None:
        """Find these posts and no others, in the transaction that the connection is in."""

    @abstractmethod
    def put(self, post: Post) -> None:
        """As `PostIndex` has it."""

    @abstractmethod
    def remove(self, post_id: PostId) -> None:
        """As `PostIndex` has it."""

    def find(
        self, query: SearchQuery, *, limit: int, after: SearchPosition | None = None, **filters: Unpack[PostFilter]
    ) -> Sequence[Hit]:
        if not query.wanted:
            return []
        given = resolve_filters(self._unit, filters)
        onwards = given if after is None else given | {"below": after.id}
        if after is not None and not after.in_title:
            return self._part(query, limit, onwards, in_title=False)
        hits = self._part(query, limit, onwards, in_title=True)
        if len(hits) < limit:
            hits += self._part(query, limit - len(hits), given, in_title=False)
        return hits

    def count(self, query: SearchQuery, **filters: Unpack[PostFilter]) -> int:
        return self._counted(query, resolve_filters(self._unit, filters)) if query.wanted else 0

    def _counted(self, query: SearchQuery, given: Given) -> int:
        statement = _count(type(self), shape_of(query), *given)
        counted = self._unit.find(statement, **given, **values_of(query, type(self)))
        return counted["posts"] if counted else 0

    def _part(self, query: SearchQuery, limit: int, given: Given, *, in_title: bool) -> list[Hit]:
        """Those of one part, by descending id."""
        return self._hits(part, query, limit, given, in_title=in_title)

    def _hits(
        self,
        statement_for: Callable[..., ReadStatement[Post]],
        query: SearchQuery,
        limit: int,
        given: Given,
        *,
        in_title: bool,
    ) -> list[Hit]:
        statement = statement_for(type(self), shape_of(query), in_title, *given)
        found = self._unit.all(statement, **given, **values_of(query, type(self)), limit=limit)
        return [Hit(post, in_title) for post in found]


@cache
def part(kind: type[SqlPostIndex], shape: Shape, in_title: bool, *names: str) -> ReadStatement[Post]:  # noqa: FBT001 - a key of the cache
    """The posts of one part by descending id, of which those are wanted that `FILTERS` and `BOUNDS` name."""
    found = kind.candidates(shape, in_title=in_title)
    return ReadStatement(newest(found.id, found.source).where(*found.conditions, *wanted(found.id, names)), Post)


@cache
def part_at_once(kind: type[SqlPostIndex], shape: Shape, in_title: bool, *names: str) -> ReadStatement[Post]:  # noqa: FBT001 - as above
    """The same, by finding all of them before they are put in order: right where they are few."""
    found = kind.candidates(shape, in_title=in_title)
    asked_for = filters(names)
    source = found.source.join(posts, posts.c.id == found.id) if asked_for else found.source
    ids = select(found.id.label("id")).select_from(source).where(*found.conditions, *asked_for)
    return ReadStatement(newest_of(ids, lambda post_id: within(post_id, names)), Post)


@cache
def _count(kind: type[SqlPostIndex], shape: Shape, *names: str) -> ReadStatement[dict[str, int]]:
    found = kind.candidates(shape, in_title=None)
    statement = select(func.count().label("posts")).select_from(found.source).join(posts, posts.c.id == found.id)
    return ReadStatement(statement.where(*found.conditions, *wanted(found.id, names)), dict)


def newest(post_id: ColumnElement[int], source: FromClause) -> Select[Any]:
    """Posts by descending id, as that stands in some source."""
    joined = source.join(posts, posts.c.id == post_id).join(users, users.c.id == posts.c.author_id)
    return select(*FIELDS).select_from(joined).order_by(post_id.desc()).limit(bindparam("limit"))


def newest_of(
    ids: Select[Any], conditions: Callable[[ColumnElement[int]], Sequence[ColumnElement[bool]]]
) -> Select[Any]:
    """Posts by descending id, in steps that the database takes one after another: their ids, those of them of which the
    conditions hold, as many as are asked for, and only then the posts.
    """
    every = ids.cte("found").prefix_with("MATERIALIZED")
    some = select(every.c.id).where(*conditions(every.c.id)).order_by(every.c.id.desc()).limit(bindparam("limit"))
    page = some.cte("page").prefix_with("MATERIALIZED")
    return newest(page.c.id, page)


def wanted(post_id: ColumnElement[int], names: Iterable[str]) -> list[ColumnElement[bool]]:
    """What `FILTERS` and `BOUNDS` name."""
    return [*filters(names), *within(post_id, names)]


def filters(names: Iterable[str]) -> list[ColumnElement[bool]]:
    """What `FILTERS` names."""
    return [FILTERS[name] for name in names if name in FILTERS]


def within(post_id: ColumnElement[int], names: Iterable[str]) -> list[ColumnElement[bool]]:
    """What `BOUNDS` names."""
    return [BOUNDS[name](post_id) for name in names if name in BOUNDS]


BOUNDS: Final[dict[str, Callable[[ColumnElement[int]], ColumnElement[bool]]]] = {
    "below": lambda post_id: post_id < bindparam("below", type_=BigIntId),
    "above": lambda post_id: post_id > bindparam("above", type_=BigIntId),
}
"""Between which ids posts are looked for."""


def shape_of(query: SearchQuery) -> Shape:
    """The shape of a query."""
    return Shape(
        has_phrases=any(map(_is_phrase, query.wanted)),
        has_unwanted_phrases=any(map(_is_phrase, query.unwanted)),
        has_unwanted_words=not all(map(_is_phrase, query.unwanted)),
    )


def values_of(query: SearchQuery, kind: type[SqlPostIndex]) -> dict[str, str]:
    """What is given to the conditions of a query."""
    shape = shape_of(query)
    values = {"wanted": kind.both.join(_words_of(query.wanted, kind))}
    if shape.has_phrases:
        values["phrases"] = kind.array(filter(_is_phrase, query.wanted))
    if shape.has_unwanted_phrases:
        values["unwanted_phrases"] = kind.array(filter(_is_phrase, query.unwanted))
    if shape.has_unwanted_words:
        words = [term for term in query.unwanted if not _is_phrase(term)]
        values["unwanted"] = kind.either.join(_words_of(words, kind))
    return values


def row_of(post: Post) -> dict[str, Any]:
    """The words of a post, such that each stands between spaces."""
    return {"id": post.id, "title": spaced(tokenize(post.title)), "body": spaced(tokenize(post.body))}


def _words_of(terms: Sequence[Term], kind: type[SqlPostIndex]) -> list[str]:
    """The words of terms, in whatever order they stand."""
    return [
        kind.word(word, is_prefix=term.is_prefix and place == len(term.words) - 1)
        for term in terms
        for place, word in enumerate(term.words)
    ]


def _is_phrase(term: Term) -> bool:
    return len(term.words) > 1
