"""Posts in a database."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias, Unpack, assert_never, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from blog.adapters.sql.engine.statement import STATEMENTS, ReadStatement, Statement, WriteStatement, some_unlocked
from blog.adapters.sql.engine.unit_of_work import SqlRepository, SqlUnitOfWork
from blog.adapters.sql.schema.tables import (
    DERIVED,
    IS_DRAFT,
    IS_NO_DRAFT,
    IS_TRASHED,
    BigIntId,
    UtcDateTime,
    posts,
    tagged,
    users,
)
from blog.domain.posts.pagination import Position, PostFilter, SortOrder
from blog.domain.posts.post import Post, PostNotFound, Status
from blog.domain.posts.repository import RemovedPost
from blog.domain.posts.tags import TagCount, tag_keys
from blog.domain.posts.visibility import Everything, Holder, Own, Public, Reader, Sight, sees
from blog.domain.search.tokenizer import sort_key
from blog.domain.shared import PostId, UserId

from .tag_filters import FILTERS, filter_conditions, is_tag, resolve_filters, walk
from .tagging import add_tags, count_tags, remove_tags, replace_tags, settle_counts

FIELDS: Final = [*(column for column in posts.c if column not in DERIVED), users.c.username.label("author")]
"""The columns of a post."""

LISTED_FIELDS: Final = [field for field in FIELDS if field not in {posts.c.deleted_at, posts.c.former_published_at}]
"""The columns of a post that is not in the trash. A list of 20 posts takes less time without the other two."""

_AT_ONCE: Final = 1000
"""Posts that are in memory at a time, where all are read."""

_LAST_ID: Final = PostId(2**63 - 1)
"""An id after all ids."""

_select = select(*FIELDS).join(users, users.c.id == posts.c.author_id)
_select_listed = select(*LISTED_FIELDS).join(users, users.c.id == posts.c.author_id)
_get = ReadStatement(_select.where(posts.c.id == bindparam("post_id")), Post)
_get_for_update = _get.for_update(of=posts)
_add = WriteStatement(insert(posts).returning(posts.c.id))
_save = WriteStatement(update(posts).where(posts.c.id == bindparam("post_id"), posts.c.version == bindparam("over")))
_remove_one = delete(posts).where(posts.c.id == bindparam("post_id"))
_remove = WriteStatement(_remove_one)
_TAGGED: Final = (posts.c.id, posts.c.published_at, posts.c.tags, posts.c.deleted_at)
_remove_unlocked: Statement[dict[str, Any]] = Statement(_remove_one.returning(*_TAGGED), dict)
_are_these = posts.c.id.in_(bindparam("post_ids", expanding=True))
_remove_these: Statement[dict[str, Any]] = Statement(delete(posts).where(_are_these).returning(*_TAGGED), dict)
_reassign_these = WriteStatement(update(posts).where(_are_these))
_is_expired = posts.c.deleted_at <= bindparam("until", type_=UtcDateTime)
_expired = select(posts.c.id).where(IS_TRASHED, _is_expired).order_by(posts.c.deleted_at, posts.c.id)
_purge_trash = Statement(
    # The condition stands twice: another unit may restore a post after it was selected.
    delete(posts).where(posts.c.id.in_(some_unlocked(_expired)), _is_expired).returning(posts.c.id, posts.c.deleted_at),
    RemovedPost,
)
_next_publication: ReadStatement[dict[str, datetime]] = ReadStatement(
    select(posts.c.published_at)
    .where(IS_NO_DRAFT, posts.c.published_at > bindparam("after"))
    .order_by(posts.c.published_at)
    .limit(1),
    dict,
)

_params = [column.name for column in posts.c if column is not posts.c.id and column not in DERIVED]

Params: TypeAlias = dict[str, Any]
"""The parameters of a statement."""


class SightKind(Enum):
    """A kind of sight, which decides the conditions of a statement. The moment and the user are parameters."""

    PUBLIC = auto()
    READER = auto()
    OWN_DRAFTS = auto()
    OWN_SCHEDULED = auto()
    OWN_PUBLISHED = auto()
    OWN_TRASHED = auto()
    HOLDER = auto()
    EVERYTHING = auto()


_OWN: Final = {
    Status.DRAFT: SightKind.OWN_DRAFTS,
    Status.SCHEDULED: SightKind.OWN_SCHEDULED,
    Status.PUBLISHED: SightKind.OWN_PUBLISHED,
    Status.TRASHED: SightKind.OWN_TRASHED,
}

_is_own = posts.c.author_id == bindparam("owner", type_=BigIntId)
# No index fits this expression: the statements that use it are to walk the index of another order.
_is_due = func.coalesce(posts.c.published_at, posts.c.created_at) <= bindparam("now", type_=UtcDateTime)

_CONDITIONS: Final[dict[SightKind, tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]]] = {
    SightKind.PUBLIC: ([IS_NO_DRAFT], [_is_due]),
    SightKind.READER: ([], [or_(and_(_is_own, posts.c.deleted_at.is_(None)), and_(IS_NO_DRAFT, _is_due))]),
    SightKind.OWN_DRAFTS: ([_is_own, IS_DRAFT], []),
    SightKind.OWN_SCHEDULED: ([_is_own, IS_NO_DRAFT], [posts.c.published_at > bindparam("now")]),
    SightKind.OWN_PUBLISHED: ([_is_own, IS_NO_DRAFT], [_is_due]),
    SightKind.OWN_TRASHED: ([_is_own, IS_TRASHED], []),
    SightKind.HOLDER: ([posts.c.id == bindparam("held", type_=BigIntId), posts.c.deleted_at.is_(None)], []),
    SightKind.EVERYTHING: ([], []),
}
"""The conditions of each kind of sight: those that stay, and those that a range of publication times replaces."""


def compile_sight(sight: Sight) -> tuple[SightKind, Params]:
    """Return the kind of a sight, for `conditions_of`, and the parameters. `sees` is the rule in Python."""
    match sight:
        case Public(at):
            return SightKind.PUBLIC, {"now": at}
        case Reader(at, user_id):
            return SightKind.READER, {"now": at, "owner": user_id}
        case Own(at, user_id, status):
            return _OWN[status], {"now": at, "owner": user_id}
        case Holder(post_id):
            return SightKind.HOLDER, {"held": post_id}
        case Everything():
            return SightKind.EVERYTHING, {}
        case _:
            assert_never(sight)


def conditions_of(kind: SightKind) -> list[ColumnElement[bool]]:
    """Return the conditions of the posts that this kind of sight shows."""
    return [*_CONDITIONS[kind][0], *_CONDITIONS[kind][1]]


_PUBLISHED_AT: Final = posts.c.published_at


def _key(kind: SightKind, order: SortOrder) -> Column[Any]:
    """Return the column of an order."""
    if order is SortOrder.TITLE:
        return posts.c.title_key
    if kind is SightKind.OWN_DRAFTS:
        return posts.c.updated_at
    if kind is SightKind.OWN_TRASHED:
        return posts.c.deleted_at
    return posts.c.changed_at if order is SortOrder.UPDATED else _PUBLISHED_AT


class _Query(NamedTuple):
    """The key of a statement for posts in an order. The other parts of a request are parameters."""

    kind: SightKind
    order: SortOrder
    has_above: bool = False
    has_below: bool = False
    filters: tuple[str, ...] = ()

    @property
    def key(self) -> Column[Any]:
        """The column of the order."""
        return _key(self.kind, self.order)

    @property
    def walks_tags(self) -> bool:
        """Whether the index of tags alone has the posts in this order."""
        is_of_tags = bool(self.filters) and all(map(is_tag, self.filters))
        return self.kind is SightKind.PUBLIC and self.key is posts.c.published_at and is_of_tags

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions of the posts."""
        on_posts, on_time = _CONDITIONS[self.kind]
        conditions = [*on_posts, *filter_conditions(self.filters)]
        if self.key is not _PUBLISHED_AT:
            conditions += on_time
        return conditions + self.range_of(self.key, posts.c.id)

    def range_of(self, key: ColumnElement[Any], post_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
        """Return the conditions of the range of positions."""
        place, conditions = tuple_(key, post_id), []
        if self.has_above:
            conditions.append(place > self._place("above"))
        if self.has_below:
            conditions.append(place < self._place("below"))
        return conditions

    def page_of(self, statement: Select[Any], key: ColumnElement[Any], post_id: ColumnElement[int]) -> Select[Any]:
        """Sort and limit a statement."""
        columns = (key, post_id)
        ordering = [column.desc() for column in columns] if self.order.is_descending else columns
        return statement.order_by(*ordering).limit(bindparam("limit"))

    def _place(self, name: str) -> ColumnElement[Any]:
        return tuple_(bindparam(f"{name}_key", type_=self.key.type), bindparam(f"{name}_id", type_=BigIntId))


class SqlPostRepository(SqlRepository):
    """A `PostRepository` over one unit of work on a database."""

    def __init__(self, unit: SqlUnitOfWork) -> None:
        super().__init__(unit)
        self.held: dict[PostId, Post] = {}

    def add(self, post: Post) -> Post:
        stored = replace(post, id=PostId(self._unit.add(_add, **_columns(post))))
        if post.tags:
            add_tags(self._unit, stored)
        self.held[stored.id] = stored
        return stored

    def get(self, sight: Sight, post_id: PostId) -> Post:
        return _visible(self._unit.find(_get, post_id=post_id), sight, post_id)

    def get_for_update(self, sight: Reader | Own | Everything, post_id: PostId) -> Post:
        locked = self.held[post_id] = _visible(self._unit.find(_get_for_update, post_id=post_id), sight, post_id)
        return locked

    def save(self, post: Post, *, previous: Post) -> None:
        changed = {name: value for name in _params if (value := getattr(post, name)) != getattr(previous, name)}
        if "title" in changed:
            changed["title_key"] = sort_key(post.title)
        if post.changed_at != previous.changed_at:
            changed["changed_at"] = post.changed_at
        values = {"version": post.version, "post_id": post.id, "over": previous.version} | changed
        if self.held.get(post.id) is previous:
            self._unit.execute_deferred(_save, **values)
        elif not self._unit.execute(_save, **values):
            raise PostNotFound(post.id)
        if post.tags or previous.tags:
            replace_tags(self._unit, previous, post)
        self.held[post.id] = post

    def remove(self, post_id: PostId) -> None:
        locked = self.held.pop(post_id, None)
        if locked is not None:
            self._unit.execute_deferred(_remove, post_id=post_id)
            remove_tags(self._unit, post_id, locked.published_at, locked.tags)
        elif removed := self._unit.find_all(_remove_unlocked, post_id=post_id):
            remove_tags(self._unit, post_id, removed[0]["published_at"], removed[0]["tags"])
        else:
            raise PostNotFound(post_id)

    def remove_batch(self, sight: Own, *, limit: int) -> Sequence[RemovedPost]:
        ids = lock_batch(self._unit, sight, limit)
        removed = self._unit.find_all(_remove_these, post_ids=ids) if ids else []
        for row in removed:
            self.held.pop(row["id"], None)
            remove_tags(self._unit, row["id"], row["published_at"], row["tags"])
        return [RemovedPost(PostId(row["id"]), row["deleted_at"]) for row in removed]

    def purge_trash(self, sight: Everything, *, until: datetime, limit: int) -> Sequence[RemovedPost]:  # noqa: ARG002 - it hides nothing
        removed = self._unit.find_all(_purge_trash, until=until, limit=limit)
        for post in removed:
            self.held.pop(post.id, None)
        return removed

    def reassign_batch(self, sight: Own, new_author_id: UserId, *, limit: int) -> Sequence[PostId]:
        ids = lock_batch(self._unit, sight, limit)
        for post_id in ids:
            self.held.pop(post_id, None)
        if ids:
            self._unit.execute(_reassign_these, post_ids=ids, author_id=new_author_id)
        return ids

    def page(
        self,
        sight: Public | Own,
        order: SortOrder,
        *,
        limit: int,
        after: Position | None = None,
        **filters: Unpack[PostFilter],
    ) -> Sequence[Post]:
        if _are_tagged_unindexed(sight, filters):
            ids = [*islice(self._tagged_unindexed(sight, order, after, filters), limit)]
            query, params = _compile(sight, order, None, {"ids": ids})
        else:
            query, params = _compile(sight, order, after, resolve_filters(self._unit, filters))
        return self._unit.find_all(_page(query), **params, limit=limit)

    def written_by(
        self, sight: Reader | Everything, author_id: UserId, *, limit: int, after: Position | None = None
    ) -> Sequence[Post]:
        kind, params = compile_sight(sight)
        params |= {"author": author_id, "limit": limit}
        if after is not None:
            params |= {"above_key": after.key, "above_id": after.id}
        return self._unit.find_all(_written_by(kind, after is not None), **params)

    def next_author(self, sight: Everything, after: UserId) -> UserId | None:
        kind, params = compile_sight(sight)
        found = self._unit.find(_next_author(kind), **params, after=after)
        return UserId(found["author_id"]) if found else None

    def count(self, sight: Public | Own, **filters: Unpack[PostFilter]) -> int:
        if _are_tagged_unindexed(sight, filters):
            return sum(1 for _ in self._tagged_unindexed(sight, SortOrder.OLDEST, None, filters))
        query, params = _compile(sight, SortOrder.OLDEST, None, resolve_filters(self._unit, filters))
        return self._unit.count(_count(query), **params)

    def tags(self, sight: Public, *, limit: int, after: str | None = None) -> Sequence[TagCount]:
        return count_tags(self._unit, sight.at, limit=limit, after=after)

    def settle_tag_counts(self, at: datetime, *, limit: int) -> int:
        return settle_counts(self._unit, at, limit=limit)

    def next_publication(self, after: datetime) -> datetime | None:
        found = self._unit.find(_next_publication, after=after)
        return found["published_at"] if found else None

    def _tagged_unindexed(
        self, sight: Public | Own, order: SortOrder, after: Position | None, filters: PostFilter
    ) -> Iterator[PostId]:
        """Yield the ids of drafts, or of posts in the trash, that pass filters by tag. The index has none of them, and
        an author has not many.
        """
        any_of, all_of = set(tag_keys(filters.get("tags", ()))), set(tag_keys(filters.get("all_tags", ())))
        others = {name: value for name, value in filters.items() if name not in {"tags", "all_tags"}}
        params_of_others = resolve_filters(self._unit, cast(PostFilter, others))
        is_more = True
        while is_more:
            query, params = _compile(sight, order, after, params_of_others)
            rows = self._unit.find_all(_tags_of_page(query), **params, limit=_AT_ONCE)
            for row in rows:
                keys = set(tag_keys(row["tags"]))
                if all_of <= keys and ("tags" not in filters or any_of & keys):
                    yield PostId(row["id"])
            is_more = len(rows) == _AT_ONCE
            after = Position(rows[-1]["key"], rows[-1]["id"]) if is_more else None


def _are_tagged_unindexed(sight: Public | Own, filters: PostFilter) -> bool:
    """Return whether a list is filtered by tag whose posts the index of tags does not have."""
    is_unindexed = isinstance(sight, Own) and sight.status in {Status.DRAFT, Status.TRASHED}
    return is_unindexed and ("tags" in filters or "all_tags" in filters)


def indexed_posts(connection: Connection) -> Iterator[list[Post]]:
    """Yield the posts that the search index has, by ascending id in batches, on a connection of SQLAlchemy."""
    page = _select.where(IS_NO_DRAFT).order_by(posts.c.id).limit(_AT_ONCE)
    rows = connection.execute(page).all()
    while rows:
        yield [Post(**row._mapping) for row in rows]
        rows = connection.execute(page.where(posts.c.id > rows[-1].id)).all()


def _compile(
    sight: Public | Own, order: SortOrder, after: Position | None = None, filters: Params | None = None
) -> tuple[_Query, Params]:
    """Return the query for posts in an order, and its parameters. `filters` are those of `resolve_filters`.

    In a list by publication time, the present, the filters and the position are one range of the index. With two upper
    bounds, such as `published_at <= now` and a position, both databases begin at the first and read up to the second.
    """
    kind, params = compile_sight(sight)
    above: list[_Place] = []
    below: list[_Place] = []
    if after is not None:
        (below if order.is_descending else above).append((after.key, after.id))
    if _key(kind, order) is _PUBLISHED_AT:
        now = params.pop("now"), _LAST_ID
        (above if kind is SightKind.OWN_SCHEDULED else below).append(now)
        if filters:
            filters = dict(filters)
            for name, ends in (("published_after", above), ("published_before", below)):
                if name in filters:
                    ends.append((filters.pop(name), PostId(0)))  # before all posts of this moment
    if above:
        params["above_key"], params["above_id"] = max(above)
    if below:
        params["below_key"], params["below_id"] = min(below)
    query = _Query(kind, order, bool(above), bool(below), tuple(filters) if filters else ())
    return query, (params | filters if filters else params)


def lock_batch(unit: SqlUnitOfWork, sight: Own, limit: int) -> list[PostId]:
    """Lock the posts of `remove_batch` and `reassign_batch`, until the unit of work ends. Return their ids.

    This is a statement of its own. It waits for other units of work that change these posts, and leaves out those that
    the sight no longer shows then. Within one statement PostgreSQL would not ask again which posts they are.
    """
    query, params = _compile(sight, SortOrder.OLDEST)
    return [PostId(row["id"]) for row in unit.find_all(_lock_some(query), **params, limit=limit)]


_Place: TypeAlias = tuple[Any, PostId]
"""The key and the id of a `Position`."""


@lru_cache(STATEMENTS)
def _page(query: _Query) -> ReadStatement[Post]:
    if query.kind is SightKind.OWN_TRASHED:
        return ReadStatement(_some(_select, query), Post)
    if not query.walks_tags:
        return ReadStatement(_some(_select_listed, query), Post)
    page = _walk(query, is_page=True).subquery("page")
    found = select(*LISTED_FIELDS).select_from(page.join(posts, posts.c.id == page.c.post_id))
    found = found.join(users, users.c.id == posts.c.author_id)
    return ReadStatement(query.page_of(found, page.c.published_at, page.c.post_id), Post)


@lru_cache(STATEMENTS)
def _tags_of_page(query: _Query) -> ReadStatement[dict[str, Any]]:
    return ReadStatement(_some(select(posts.c.id, posts.c.tags, query.key.label("key")), query), dict)


@lru_cache(STATEMENTS)
def _lock_some(query: _Query) -> Statement[dict[str, Any]]:
    return Statement(_some(select(posts.c.id), query).with_for_update(), dict)


def _some(statement: Select[Any], query: _Query) -> Select[Any]:
    return query.page_of(statement.where(*query.conditions()), query.key, posts.c.id)


def _walk(query: _Query, *, is_page: bool) -> Select[Any]:
    """Select posts from the index of tags."""

    def some(rows: Select[Any]) -> Select[Any]:
        columns = rows.selected_columns
        return query.page_of(rows, columns.published_at, columns.post_id) if is_page else rows

    return walk(query.filters, query.range_of(tagged.c.published_at, tagged.c.post_id), some)


@lru_cache(STATEMENTS)
def _count(query: _Query) -> ReadStatement[dict[str, int]]:
    counted = select(func.count().label("posts"))
    if query.walks_tags:
        return ReadStatement(counted.select_from(_walk(query, is_page=False).subquery()), dict)
    return ReadStatement(counted.select_from(posts).where(*query.conditions()), dict)


@lru_cache(STATEMENTS)
def _written_by(kind: SightKind, goes_on: bool) -> ReadStatement[Post]:  # noqa: FBT001 - a key of the cache
    statement = _select.where(FILTERS["author"], *conditions_of(kind)).limit(bindparam("limit"))
    if goes_on:
        after = tuple_(bindparam("above_key", type_=UtcDateTime), bindparam("above_id", type_=BigIntId))
        statement = statement.where(tuple_(posts.c.created_at, posts.c.id) > after)
    return ReadStatement(statement.order_by(posts.c.created_at, posts.c.id), Post)


@lru_cache(STATEMENTS)
def _next_author(kind: SightKind) -> ReadStatement[dict[str, int]]:
    above = posts.c.author_id > bindparam("after", type_=BigIntId)
    authors = select(posts.c.author_id).where(above, *conditions_of(kind))
    return ReadStatement(authors.order_by(posts.c.author_id).limit(1), dict)


def _columns(post: Post) -> dict[str, Any]:
    """Return the columns of a post without the id."""
    derived = {"title_key": sort_key(post.title), "changed_at": post.changed_at}
    return {name: getattr(post, name) for name in _params} | derived


def _visible(post: Post | None, sight: Sight, post_id: PostId) -> Post:
    if post is None or not sees(sight, post):
        raise PostNotFound(post_id)
    return post
