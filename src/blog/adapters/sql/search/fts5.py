"""Search in SQLite: its full-text index FTS5 (sqlite.org/fts5.html) over the words of our tokenizer.

FTS5 indexes many posts at once far faster than one by one. So changed posts are queued in a table, and indexed
together. A search also scans the queue.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, ClassVar, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Delete,
    Insert,
    Integer,
    MetaData,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from blog.adapters.sql.engine.statement import STATEMENTS, ReadStatement, WriteStatement
from blog.adapters.sql.repositories.posts import Params
from blog.adapters.sql.repositories.tag_filters import FILTERS, filter_conditions
from blog.adapters.sql.schema.tables import BigIntId, posts
from blog.domain.posts.post import Post
from blog.domain.search.index import Hit
from blog.domain.search.query import SearchQuery, Term
from blog.domain.shared import PostId

from .index import IS_PUBLIC, Candidates, Request, Shape, SqlPostIndex, newest_of, row_of, within

_metadata: Final = MetaData()


def _table(name: str, *columns: Column[Any]) -> Table:
    return Table(name, _metadata, *columns)


_words: Final = _table("post_words", Column("rowid", BigIntId), Column("title", Text), Column("body", Text))
_titles: Final = _table("post_titles", Column("rowid", BigIntId), Column("title", Text))
_pending: Final = _table(
    "pending_posts",
    Column("cumulative_weight", Integer, primary_key=True),
    Column("id", BigIntId),
    Column("title", Text),
    Column("body", Text),
)

_last_weight = select(func.coalesce(func.max(_pending.c.cumulative_weight), 0)).scalar_subquery()
_insert: Final = upsert(_pending).values(cumulative_weight=_last_weight + bindparam("weight", type_=Integer))
_updates: Final = {name: _insert.excluded[name] for name in ("cumulative_weight", "title", "body")}
_put = WriteStatement(
    _insert.on_conflict_do_update([_pending.c.id], set_=_updates).returning(_pending.c.cumulative_weight.label("id"))
)
"""The primary key of a queued row is the sum of the weights of the queue, which limits it."""


def _index_statements(table: Table) -> list[Insert | Delete]:
    """Return the statements that move the queue into an index. Rows without words are of deleted posts.

    FTS5 flushes its buffer when a row comes whose id is below the last one. So rows are inserted in the order of their
    ids, and are replaced instead of being deleted first.
    """
    names = [column.name for column in table.c if column.name != "rowid"]
    deleted = select(_pending.c.id).where(_pending.c.title.is_(None))
    changed = select(_pending.c.id, *(_pending.c[name] for name in names)).where(_pending.c.title.is_not(None))
    replace = insert(table).prefix_with("OR REPLACE")
    return [
        delete(table).where(table.c.rowid.in_(deleted)),
        replace.from_select(["rowid", *names], changed.order_by(_pending.c.id)),
    ]


_INDEX_PENDING: Final = [*_index_statements(_words), *_index_statements(_titles), delete(_pending)]
_index_pending: Final = [*map(WriteStatement, _INDEX_PENDING)]


class Fts5PostIndex(SqlPostIndex):
    """A `PostIndex` on SQLite."""

    and_operator = " AND "
    or_operator = " OR "

    max_pending: ClassVar[int] = 512
    """The largest weight of the queue. A change weighs 1, and more if it is long."""
    chars_per_weight: ClassVar[int] = 4096
    """Characters that weigh as much as another change: a search scans the whole queue."""
    max_scanned: ClassVar[int] = 2000
    """If fewer posts pass the filters that are no marks, they are scanned without the index, which may have a million
    other matches.
    """

    def put(self, post: Post) -> None:
        row = row_of(post)
        self._enqueue(1 + (len(row["title"]) + len(row["body"])) // self.chars_per_weight, **row)

    def remove(self, post_id: PostId) -> None:
        self._enqueue(1, id=post_id, title=None, body=None)

    @classmethod
    def rebuild(cls, connection: Connection, batches: Iterable[list[Post]]) -> None:
        """Index these posts and no others, in the connection's transaction."""
        for table in _metadata.tables.values():
            connection.execute(delete(table))
        for batch in batches:
            connection.execute(insert(_pending), [row_of(post) for post in batch])
            for statement in _INDEX_PENDING:
                connection.execute(statement)

    def _enqueue(self, weight: int, **row: Any) -> None:
        if self._unit.add(_put, weight=weight, **row) >= self.max_pending:
            for statement in _index_pending:
                self._unit.execute(statement)

    def _count_hits(self, request: Request) -> int:
        params = request.params
        patterns = _patterns(request.query)
        pending = self._unit.count(_count_pending(_shape(request.query), *params), **params, **patterns)
        return super()._count_hits(request) + pending

    def _find_part(self, request: Request, limit: int, *, in_title: bool) -> list[Hit]:
        key = (_shape(request.query), in_title, *request.params)
        patterns = request.params | _patterns(request.query)
        pending = self._unit.find_all(_pending_part(*key), **patterns, limit=limit)
        hits = [Hit(post, in_title) for post in pending]
        if self._fits_scan(request.unmarked):
            hits += [Hit(post, in_title) for post in self._unit.find_all(_scanned_part(*key), **patterns, limit=limit)]
        else:
            hits += super()._find_part(request, limit, in_title=in_title)
        return sorted(hits, key=lambda hit: hit.post.id, reverse=True)[:limit]

    def _fits_scan(self, params: Params) -> bool:
        filter_params = {name: value for name, value in params.items() if name in FILTERS}
        return (
            bool(filter_params)
            and self._unit.count(_count_up_to(*filter_params), **filter_params, most=self.max_scanned)
            < self.max_scanned
        )

    @staticmethod
    def word(word: str, *, is_prefix: bool) -> str:
        return f'"{word}" *' if is_prefix else f'"{word}"'

    @staticmethod
    def array(terms: Iterable[Term]) -> str:
        return json.dumps([term.pattern for term in terms], ensure_ascii=False)

    @staticmethod
    def candidates(shape: Shape, *, in_title: bool | None) -> Candidates:
        table = _titles if in_title else _words
        conditions = [_matches(table, "wanted"), not_(_exists(_pending.c.id))]
        texts = [table.c.title] if in_title else [table.c.title, table.c.body]
        if shape.has_phrases:
            conditions.append(_has_every("phrases", *texts))
        if in_title is False:
            title_matches = [_has_every("phrases", _titles.c.title)] if shape.has_phrases else []
            conditions.append(not_(_exists(_titles.c.rowid, _matches(_titles, "wanted"), *title_matches)))
        if shape.has_unwanted_words:
            conditions.append(not_(_exists(_words.c.rowid, _matches(_words, "unwanted"))))
        if shape.has_unwanted_phrases:
            unwanted = _has_any("unwanted_phrases", _words.c.title, _words.c.body)
            conditions.append(not_(_exists(_words.c.rowid, unwanted)))
        return Candidates(table.c.rowid, table, conditions)


def _shape(query: SearchQuery) -> Shape:
    """In pending posts, each term is searched like a phrase."""
    return Shape(has_phrases=True, has_unwanted_phrases=bool(query.unwanted), has_unwanted_words=False)


def _patterns(query: SearchQuery) -> dict[str, str]:
    wanted = {"phrases": Fts5PostIndex.array(query.wanted)}
    return wanted | ({"unwanted_phrases": Fts5PostIndex.array(query.unwanted)} if query.unwanted else {})


@lru_cache(STATEMENTS)
def _pending_part(shape: Shape, in_title: bool, *names: str) -> ReadStatement[Post]:  # noqa: FBT001 - a key of the cache
    matches_all = select(_pending.c.id).where(*_matches_all(_pending, shape, in_title))

    def conditions(post_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
        return [_exists(posts.c.id, *IS_PUBLIC, *filter_conditions(names), of=post_id), *within(post_id, names)]

    return ReadStatement(newest_of(matches_all, conditions), Post)


@lru_cache(STATEMENTS)
def _scanned_part(shape: Shape, in_title: bool, *names: str) -> ReadStatement[Post]:  # noqa: FBT001 - a key of the cache
    matches_all = _matches_all(_words, shape, in_title)

    def conditions(post_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
        matches_words = _exists(_words.c.rowid, *matches_all, of=post_id)
        return [matches_words, not_(_exists(_pending.c.id, of=post_id)), *within(post_id, names)]

    return ReadStatement(newest_of(select(posts.c.id).where(*IS_PUBLIC, *filter_conditions(names)), conditions), Post)


@lru_cache(STATEMENTS)
def _count_up_to(*names: str) -> ReadStatement[dict[str, int]]:
    batch = select(posts.c.id).where(*filter_conditions(names)).limit(bindparam("most")).subquery()
    return ReadStatement(select(func.count().label("posts")).select_from(batch), dict)


@lru_cache(STATEMENTS)
def _count_pending(shape: Shape, *names: str) -> ReadStatement[dict[str, int]]:
    statement = select(func.count().label("posts")).select_from(_pending)
    passes = _exists(posts.c.id, *IS_PUBLIC, *filter_conditions(names), of=_pending.c.id)
    return ReadStatement(statement.where(*_matches_all(_pending, shape), passes), dict)


def _matches_all(table: Table, shape: Shape, in_title: bool | None = None) -> list[ColumnElement[bool]]:  # noqa: FBT001 - as in `Candidates`
    """Return the conditions of the rows that match all wanted terms and no unwanted one, as a scan checks them.

    Rows of deleted posts never match.
    """
    title, body = table.c.title, table.c.body
    nothing_unwanted: list[ColumnElement[bool]] = [title.is_not(None)]
    if shape.has_unwanted_phrases:
        nothing_unwanted.append(not_(_has_any("unwanted_phrases", title, body)))
    in_titles = _has_every("phrases", title)
    if in_title:
        return [in_titles, *nothing_unwanted]
    all_wanted = [_has_every("phrases", title, body), *nothing_unwanted]
    return all_wanted if in_title is None else [not_(in_titles), *all_wanted]


def _has_every(phrases: str, *texts: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that each of these phrases is a part of one of the texts."""
    phrase = _phrases_in(phrases)
    missing = select(1).select_from(phrase).where(*(func.instr(text, phrase.c.value) == 0 for text in texts))
    return not_(exists(missing.correlate_except(phrase)))


def _has_any(phrases: str, *texts: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that one of these phrases is a part of one of the texts."""
    phrase = _phrases_in(phrases)
    rows = select(1).select_from(phrase).where(or_(*(func.instr(text, phrase.c.value) > 0 for text in texts)))
    return exists(rows.correlate_except(phrase))


def _phrases_in(name: str) -> TableValuedAlias:
    return func.json_each(bindparam(name, type_=Text)).table_valued("value", name=name)


def _matches(table: Table, query: str) -> ColumnElement[bool]:
    return literal_column(table.name).bool_op("MATCH")(bindparam(query, type_=Text))


def _exists(
    row_id: Column[Any], *conditions: ColumnElement[bool], of: ColumnElement[int] = posts.c.id
) -> ColumnElement[bool]:
    """Return the condition that the table of `row_id` has a row with the post's id that meets these conditions."""
    rows = select(1).select_from(row_id.table).where(row_id == of, *conditions)
    return exists(rows.correlate_except(row_id.table))
