"""Posts in a database."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from blog.domain.ids import PostId
from blog.domain.posts import Post, PostNotFound

from .tables import posts, users
from .unit import Unit

_select = select(posts, users.c.username.label("author")).join(users, users.c.id == posts.c.author_id)
_get = _select.where(posts.c.id == bindparam("post_id"))
_get_for_change = _get.with_for_update(of=posts)
_newest = _select.order_by(posts.c.id.desc()).limit(bindparam("limit"))
_newest_before = _newest.where(posts.c.id < bindparam("before"))
_add = insert(posts).returning(posts.c.id)
_save = update(posts).where(posts.c.id == bindparam("post_id"))
_remove = delete(posts).where(posts.c.id == bindparam("post_id"))

_given = [column.name for column in posts.c if column is not posts.c.id]


class SqlPostRepository:
    """A `PostRepository` over one unit of work on a database."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def add(self, post: Post) -> Post:
        return replace(post, id=PostId(self._unit.writing.execute(_add, _columns(post)).scalar_one()))

    def get(self, post_id: PostId) -> Post:
        return _entity(self._unit.reading.execute(_get, {"post_id": post_id}).first(), post_id)

    def get_for_change(self, post_id: PostId) -> Post:
        return _entity(self._unit.writing.execute(_get_for_change, {"post_id": post_id}).first(), post_id)

    def save(self, post: Post) -> None:
        if not self._unit.writing.execute(_save, {"post_id": post.id, **_columns(post)}).rowcount:
            raise PostNotFound(post.id)

    def remove(self, post_id: PostId) -> None:
        if not self._unit.writing.execute(_remove, {"post_id": post_id}).rowcount:
            raise PostNotFound(post_id)

    def newest(self, *, limit: int, before: PostId | None = None) -> Sequence[Post]:
        statement = _newest if before is None else _newest_before
        rows = self._unit.reading.execute(statement, {"limit": limit, "before": before})
        return [Post(**row._mapping) for row in rows]


def _columns(post: Post) -> dict[str, Any]:
    """The post as a row of its table, but for the id."""
    return {name: getattr(post, name) for name in _given}


def _entity(row: Any, post_id: PostId) -> Post:
    if row is None:
        raise PostNotFound(post_id)
    return Post(**row._mapping)
