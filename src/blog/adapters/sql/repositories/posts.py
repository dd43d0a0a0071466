"""Posts in a database."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final, Unpack

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, tuple_, update

from blog.adapters.sql.engine.statement import ReadStatement, Statement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository, SqlUnitOfWork
from blog.adapters.sql.schema.tables import BigIntId, posts, users
from blog.domain.accounts.user import validate_username
from blog.domain.posts.pagination import Position, PostFilter, SortOrder
from blog.domain.posts.post import Post, PostNotFound
from blog.domain.search.tokenizer import sort_key
from blog.domain.shared import PostId, UserId

FIELDS: Final = [*(column for column in posts.c if column is not posts.c.title_key), users.c.username.label("author")]
"""The columns of a post."""

_AT_ONCE: Final = 1000
"""Posts that are in memory at a time, where all are read."""

_select = select(*FIELDS).join(users, users.c.id == posts.c.author_id)
_get = ReadStatement(_select.where(posts.c.id == bindparam("post_id")), Post)
_get_for_update = _get.for_update(of=posts)
_add = WriteStatement(insert(posts).returning(posts.c.id))
_save = WriteStatement(update(posts).where(posts.c.id == bindparam("post_id"), posts.c.version == bindparam("over")))
_remove = WriteStatement(delete(posts).where(posts.c.id == bindparam("post_id")))
_some_of = (
    select(posts.c.id)
    .where(posts.c.author_id == bindparam("of_author", type_=BigIntId))
    .order_by(posts.c.created_at, posts.c.id)
    .limit(bindparam("limit"))
)
_remove_some_of: Statement[dict[str, int]] = Statement(
    delete(posts).where(posts.c.id.in_(_some_of)).returning(posts.c.id), dict
)
_reassign_some_of = WriteStatement(update(posts).where(posts.c.id.in_(_some_of)))

_params = [column.name for column in posts.c if column not in {posts.c.id, posts.c.title_key}]

_KEY: Final = {
    SortOrder.NEWEST: posts.c.created_at,
    SortOrder.OLDEST: posts.c.created_at,
    SortOrder.UPDATED: posts.c.updated_at,
    SortOrder.TITLE: posts.c.title_key,
}
_of_names = func.lower(users.c.username).in_(bindparam("names", expanding=True))
_ids_of_names: ReadStatement[dict[str, int]] = ReadStatement(
    select(users.c.id).where(_of_names, users.c.deletion.is_(None)).order_by(users.c.id), dict
)

FILTERS: Final[dict[str, ColumnElement[bool]]] = {
    "author": posts.c.author_id == bindparam("author", type_=BigIntId),
    "authors": posts.c.author_id.in_(bindparam("authors", type_=BigIntId, expanding=True)),
    "created_after": posts.c.created_at >= bindparam("created_after"),
    "created_before": posts.c.created_at < bindparam("created_before"),
}
"""By name, the condition of a filter. One author is a separate case, for which an index has the order."""


class SqlPostRepository(SqlRepository):
    """A `PostRepository` over one unit of work on a database."""

    def __init__(self, unit: SqlUnitOfWork) -> None:
        super().__init__(unit)
        self._locked: dict[PostId, Post] = {}
        """The posts that this unit has locked, as they are in it."""

    def add(self, post: Post) -> Post:
        return replace(post, id=PostId(self._unit.add(_add, **_columns(post))))

    def get(self, post_id: PostId) -> Post:
        post = self._unit.find(_get, post_id=post_id)
        if post is None:
            raise PostNotFound(post_id)
        return post

    def get_for_update(self, post_id: PostId) -> Post:
        post = self._unit.find(_get_for_update, post_id=post_id)
        if post is None:
            raise PostNotFound(post_id)
        self._locked[post_id] = post
        return post

    def save(self, post: Post, *, previous: Post) -> None:
        changed = {name: value for name in _params if (value := getattr(post, name)) != getattr(previous, name)}
        if "title" in changed:
            changed["title_key"] = sort_key(post.title)
        values = {"version": post.version, "post_id": post.id, "over": previous.version} | changed
        if self._locked.get(post.id) is previous:
            self._unit.execute_deferred(_save, **values)
        elif not self._unit.execute(_save, **values):
            raise PostNotFound(post.id)
        self._locked[post.id] = post

    def remove(self, post_id: PostId) -> None:
        if self._locked.pop(post_id, None) is not None:
            self._unit.execute_deferred(_remove, post_id=post_id)
        elif not self._unit.execute(_remove, post_id=post_id):
            raise PostNotFound(post_id)

    def remove_batch_by_author(self, author_id: UserId, *, limit: int) -> Sequence[PostId]:
        removed = [PostId(row["id"]) for row in self._unit.find_all(_remove_some_of, of_author=author_id, limit=limit)]
        for post_id in removed:
            self._locked.pop(post_id, None)
        return removed

    def reassign_batch(self, author_id: UserId, new_author_id: UserId, *, limit: int) -> int:
        self._locked.clear()  # which may be among them
        return self._unit.execute(_reassign_some_of, of_author=author_id, author_id=new_author_id, limit=limit)

    def page(
        self, order: SortOrder, *, limit: int, after: Position | None = None, **filters: Unpack[PostFilter]
    ) -> Sequence[Post]:
        params = resolve_filters(self._unit, filters)
        statement = _page(order, after is not None, *params)
        if after is not None:
            params |= {"after_key": after.key, "after_id": after.id}
        return self._unit.find_all(statement, **params, limit=limit)

    def count(self, **filters: Unpack[PostFilter]) -> int:
        params = resolve_filters(self._unit, filters)
        return self._unit.count(_count(*params), **params)


def resolve_filters(unit: SqlUnitOfWork, filters: PostFilter) -> dict[str, Any]:
    """Return the parameters of the filters, by the names in `FILTERS`.

    Authors become ids, for which a database can estimate the number of posts. An invalid username has no posts.
    """
    params: dict[str, Any] = dict(filters)
    if "authors" in params:
        names = {name.lower() for name in params.pop("authors") if not validate_username(name)}
        ids = [row["id"] for row in unit.find_all(_ids_of_names, names=sorted(names))]
        params |= {"author": ids[0]} if len(ids) == 1 else {"authors": ids}
    return params


def every_post(connection: Connection) -> Iterator[list[Post]]:
    """Yield all posts by ascending id in batches, on a connection of SQLAlchemy."""
    page = _select.order_by(posts.c.id).limit(_AT_ONCE)
    rows = connection.execute(page).all()
    while rows:
        yield [Post(**row._mapping) for row in rows]
        rows = connection.execute(page.where(posts.c.id > rows[-1].id)).all()


@cache
def _page(order: SortOrder, goes_on: bool, *names: str) -> ReadStatement[Post]:  # noqa: FBT001 - a key of the cache
    key = _KEY[order]
    statement = _select.where(*(FILTERS[name] for name in names)).limit(bindparam("limit"))
    place = tuple_(key, posts.c.id)
    after = tuple_(bindparam("after_key", type_=key.type), bindparam("after_id", type_=BigIntId))
    if order.is_descending:
        statement = statement.order_by(key.desc(), posts.c.id.desc())
        return ReadStatement(statement.where(place < after) if goes_on else statement, Post)
    statement = statement.order_by(key, posts.c.id)
    return ReadStatement(statement.where(place > after) if goes_on else statement, Post)


@cache
def _count(*names: str) -> ReadStatement[dict[str, int]]:
    counted = select(func.count().label("posts")).select_from(posts)
    return ReadStatement(counted.where(*(FILTERS[name] for name in names)), dict)


def _columns(post: Post) -> dict[str, Any]:
    """Return the columns of a post without the id."""
    return {name: getattr(post, name) for name in _params} | {"title_key": sort_key(post.title)}
