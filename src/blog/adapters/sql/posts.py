"""Posts in a database."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from blog.domain.ids import PostId
from blog.domain.posts import Post, PostNotFound

from .statement import Change, Query
from .tables import posts, users
from .unit import Unit

_select = select(posts, users.c.username.label("author")).join(users, users.c.id == posts.c.author_id)
_get = Query(_select.where(posts.c.id == bindparam("post_id")), Post)
_get_for_change = _get.for_change(of=posts)
_newest = Query(_select.order_by(posts.c.id.desc()).limit(bindparam("limit")), Post)
_newest_before = Query(_newest.core.where(posts.c.id < bindparam("before")), Post)
_add = Change(insert(posts).returning(posts.c.id))
_save = Change(update(posts).where(posts.c.id == bindparam("post_id")))
_remove = Change(delete(posts).where(posts.c.id == bindparam("post_id")))

_given = [column.name for column in posts.c if column is not posts.c.id]


class SqlPostRepository:
    """A `PostRepository` over one unit of work on a database."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def add(self, post: Post) -> Post:
        return replace(post, id=PostId(self._unit.add(_add, **_columns(post))))

    def get(self, post_id: PostId) -> Post:
        return _found(self._unit.find(_get, post_id=post_id), post_id)

    def get_for_change(self, post_id: PostId) -> Post:
        return _found(self._unit.find(_get_for_change, post_id=post_id), post_id)

    def save(self, post: Post) -> None:
        if not self._unit.change(_save, post_id=post.id, **_columns(post)):
            raise PostNotFound(post.id)

    def remove(self, post_id: PostId) -> None:
        if not self._unit.change(_remove, post_id=post_id):
            raise PostNotFound(post_id)

    def newest(self, *, limit: int, before: PostId | None = None) -> Sequence[Post]:
        if before is None:
            return self._unit.all(_newest, limit=limit)
        return self._unit.all(_newest_before, limit=limit, before=before)


def _columns(post: Post) -> dict[str, Any]:
    """The post as a row of its table, but for the id."""
    return {name: getattr(post, name) for name in _given}


def _found(post: Post | None, post_id: PostId) -> Post:
    if post is None:
        raise PostNotFound(post_id)
    return post
