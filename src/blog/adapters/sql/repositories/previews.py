"""Preview links in a database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from blog.adapters.sql.engine.statement import ReadStatement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository
from blog.adapters.sql.schema.tables import BigIntId, previews
from blog.domain.posts.previews import Preview
from blog.domain.shared import PostId, PreviewId, UserId

_all = select(previews).order_by(previews.c.id)
_add = WriteStatement(insert(previews).returning(previews.c.id))
_find = ReadStatement(select(previews).where(previews.c.digest == bindparam("digest")), Preview)
_of_post = ReadStatement(_all.where(previews.c.post_id == bindparam("post_id", type_=BigIntId)), Preview)
_of_user = ReadStatement(_all.where(previews.c.user_id == bindparam("user_id", type_=BigIntId)), Preview)
_remove = WriteStatement(delete(previews).where(previews.c.id == bindparam("preview_id")))
_remove_of_post = WriteStatement(delete(previews).where(previews.c.post_id == bindparam("post_id")))
_remove_all_of = WriteStatement(delete(previews).where(previews.c.user_id == bindparam("user_id")))
_expired = select(previews.c.id).where(previews.c.expires_at <= bindparam("expired_by")).limit(bindparam("limit"))
_purge = WriteStatement(delete(previews).where(previews.c.id.in_(_expired)))

_given = [column.name for column in previews.c if column is not previews.c.id]


class SqlPreviewStore(SqlRepository):
    """A `PreviewStore` over one unit of work on a database. Foreign keys delete its rows with the post."""

    def add(self, preview: Preview) -> Preview:
        row = {name: getattr(preview, name) for name in _given}
        return replace(preview, id=PreviewId(self._unit.add(_add, **row)))

    def find(self, digest: bytes) -> Preview | None:
        return self._unit.find(_find, digest=digest)

    def of_post(self, post_id: PostId) -> Sequence[Preview]:
        return self._unit.find_all(_of_post, post_id=post_id)

    def of_user(self, user_id: UserId) -> Sequence[Preview]:
        return self._unit.find_all(_of_user, user_id=user_id)

    def remove(self, preview_id: PreviewId) -> bool:
        return bool(self._unit.execute(_remove, preview_id=preview_id))

    def remove_of_post(self, post_id: PostId) -> None:
        self._unit.execute_deferred(_remove_of_post, post_id=post_id)

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.execute(_remove_all_of, user_id=user_id)

    def purge(self, *, expired_by: datetime, limit: int) -> int:
        return self._unit.execute(_purge, expired_by=expired_by, limit=limit)
