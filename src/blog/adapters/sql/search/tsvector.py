"""Search in PostgreSQL: its text search vectors (manual, chapter 12) over the words of our tokenizer."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Computed,
    Connection,
    MetaData,
    Table,
    Text,
    all_,
    and_,
    any_,
    bindparam,
    cast,
    delete,
    func,
    not_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, TSVECTOR, insert

from blog.adapters.sql.engine.statement import ReadStatement, WriteStatement
from blog.adapters.sql.schema.tables import BigIntId
from blog.domain.posts.post import Post
from blog.domain.search.index import Hit
from blog.domain.search.query import Term
from blog.domain.shared import PostId

from .index import Candidates, Request, Shape, SqlPostIndex, hits_by_id, hits_sorted_last, row_of

_words: Final = Table(  # the database computes the vectors
    "post_words",
    MetaData(),
    Column("id", BigIntId, primary_key=True),
    Column("title", Text),
    Column("body", Text),
    Column("in_title", TSVECTOR, Computed("")),
    Column("anywhere", TSVECTOR, Computed("")),
)


_text = _words.c.title + _words.c.body
_insert = insert(_words)
_changed = {name: _insert.excluded[name] for name in ("title", "body")}
_upsert = _insert.on_conflict_do_update(index_elements=[_words.c.id], set_=_changed)
_put = WriteStatement(_upsert)
_remove = WriteStatement(delete(_words).where(_words.c.id == bindparam("post_id", type_=BigIntId)))
_window = select(_words.c.id).order_by(_words.c.id.desc()).offset(bindparam("window")).limit(1)
_start: ReadStatement[dict[str, int]] = ReadStatement(_window, dict)
_start_below: ReadStatement[dict[str, int]] = ReadStatement(
    _window.where(_words.c.id < bindparam("below", type_=BigIntId)), dict
)


class TsvectorPostIndex(SqlPostIndex):
    """A `PostIndex` on PostgreSQL."""

    and_operator = " & "
    or_operator = " | "

    window: ClassVar[int] = 2000
    """The number of newest posts that are scanned first, and then of those below them, as long as a scan finds half of
    the hits that are missing.

    Frequent words are found quickly by such scans. Rare words are found by the vectors, and their few posts are sorted.
    PostgreSQL would choose by its estimate of a word's frequency, and scans all posts when the estimate is wrong.
    """

    def put(self, post: Post) -> None:
        self._unit.execute_deferred(_put, **row_of(post))

    def remove(self, post_id: PostId) -> None:
        self._unit.execute_deferred(_remove, post_id=post_id)

    @classmethod
    def rebuild(cls, connection: Connection, batches: Iterable[list[Post]]) -> None:
        """Index these posts and no others, in the connection's transaction."""
        connection.execute(delete(_words))
        for batch in batches:
            connection.execute(_upsert, [row_of(post) for post in batch])

    def _find_part(self, request: Request, limit: int, *, in_title: bool) -> list[Hit]:
        hits: list[Hit] = []
        while missing := limit - len(hits):
            start = self._start(request.params.get("below"))
            if start is None:  # the rest fits in one window
                return hits + self._hits(hits_by_id, request, missing, in_title=in_title)
            batch = self._hits(hits_by_id, request.within(above=start), missing, in_title=in_title)
            hits += batch
            request = request.within(below=start + 1)
            if len(batch) < missing / 2:
                return hits + self._hits(hits_sorted_last, request, missing - len(batch), in_title=in_title)
        return hits

    def _start(self, below: int | None) -> int | None:
        """Return the id below the window's ids, or None if fewer posts are left than the window has."""
        if below is None:
            row = self._unit.find(_start, window=self.window)
        else:
            row = self._unit.find(_start_below, window=self.window, below=below)
        return row["id"] if row else None

    @staticmethod
    def word(word: str, *, is_prefix: bool) -> str:
        return f"'{word}':*" if is_prefix else f"'{word}'"

    @staticmethod
    def array(terms: Iterable[Term]) -> str:
        return "\n".join(f"%{term.pattern}%" for term in terms)

    @staticmethod
    def candidates(shape: Shape, *, in_title: bool | None) -> Candidates:
        titled = _has(_words.c.in_title, "wanted")
        anywhere: list[ColumnElement[bool]] = [_has(_words.c.anywhere, "wanted")]
        if shape.has_phrases:
            titled = and_(titled, _words.c.title.like(all_(_patterns_in("phrases"))))
            anywhere.append(_text.like(all_(_patterns_in("phrases"))))
        unwanted: list[ColumnElement[bool]] = []
        if shape.has_unwanted_phrases:
            unwanted.append(_text.like(any_(_patterns_in("unwanted_phrases"))))
        if shape.has_unwanted_words:
            unwanted.append(_has(_words.c.anywhere, "unwanted"))
        if in_title:
            return Candidates(_words.c.id, _words, [titled, *map(not_, unwanted)])
        if in_title is False:
            unwanted.append(titled)
        return Candidates(_words.c.id, _words, [*anywhere, *map(not_, unwanted)])


def _patterns_in(name: str) -> ColumnElement[Any]:
    """Return the parameter of this name as an array of its lines. Words have no wildcard characters."""
    return func.string_to_array(bindparam(name, type_=Text), "\n", type_=ARRAY(Text))


def _has(vector: Column[Any], query: str) -> ColumnElement[bool]:
    return vector.bool_op("@@")(cast(bindparam(query, type_=Text), TSQUERY))
