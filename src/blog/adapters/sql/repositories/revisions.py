"""Revisions of posts in a database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, tuple_

from blog.adapters.sql.engine.statement import ReadStatement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository
from blog.adapters.sql.schema.tables import BigIntId, UtcDateTime, posts, revisions
from blog.domain.posts.pagination import Position
from blog.domain.posts.revisions import ListedRevision, PlacedRevision, Revision, RevisionPosition
from blog.domain.posts.visibility import Own
from blog.domain.shared import PostId, UserId

from .posts import lock_batch

_FIELDS = [column for column in revisions.c if column is not revisions.c.id]
_of_post = revisions.c.post_id == bindparam("of_post", type_=BigIntId)

_add = WriteStatement(insert(revisions))
_trim = WriteStatement(delete(revisions).where(_of_post, revisions.c.number <= bindparam("last")))
_of_posts = revisions.c.post_id.in_(bindparam("post_ids", expanding=True))
_some = select(revisions.c.id).where(_of_posts).limit(bindparam("limit"))
_remove_some = WriteStatement(delete(revisions).where(revisions.c.id.in_(_some)))
_remove = WriteStatement(delete(revisions).where(_of_posts))
_find = ReadStatement(select(*_FIELDS).where(_of_post, revisions.c.number == bindparam("of_number")), Revision)
_page = ReadStatement(
    select(revisions.c.number, revisions.c.saved_at, revisions.c.published_at)
    .where(_of_post, revisions.c.number < bindparam("before"))
    .order_by(revisions.c.number.desc())
    .limit(bindparam("limit")),
    ListedRevision,
)


def _placed(created_at: datetime, **columns: Any) -> PlacedRevision:
    revision = Revision(**columns)
    return PlacedRevision(RevisionPosition(Position(created_at, revision.post_id), revision.number), revision)


_post_key = (posts.c.created_at, posts.c.id)
_written_by = ReadStatement(
    select(*_FIELDS, posts.c.created_at)
    .join(posts, posts.c.id == revisions.c.post_id)
    .where(posts.c.author_id == bindparam("author", type_=BigIntId))
    .order_by(*_post_key, revisions.c.number)
    .limit(bindparam("limit")),
    _placed,
)
_after_key = (bindparam("after_key", type_=UtcDateTime), bindparam("after_id", type_=BigIntId))
_written_by_after = ReadStatement(
    _written_by.core.where(
        tuple_(*_post_key) >= tuple_(*_after_key),  # which an index has
        tuple_(*_post_key, revisions.c.number) > tuple_(*_after_key, bindparam("after_number")),
    ),
    _placed,
)


class SqlRevisionStore(SqlRepository):
    """A `RevisionStore` over one unit of work on a database. The foreign key deletes revisions with their post."""

    def add(self, revision: Revision) -> None:
        self._unit.execute_deferred(
            _add,
            post_id=revision.post_id,
            number=revision.number,
            saved_at=revision.saved_at,
            published_at=revision.published_at,
            content=revision.content,
        )

    def trim(self, post_id: PostId, last: int) -> None:
        self._unit.execute_deferred(_trim, of_post=post_id, last=last)

    def find(self, post_id: PostId, number: int) -> Revision | None:
        return self._unit.find(_find, of_post=post_id, of_number=number)

    def page(self, post_id: PostId, *, limit: int, before: int) -> Sequence[ListedRevision]:
        return self._unit.find_all(_page, of_post=post_id, before=before, limit=limit)

    def written_by(
        self, author_id: UserId, *, limit: int, after: RevisionPosition | None = None
    ) -> Sequence[PlacedRevision]:
        if after is None:
            return self._unit.find_all(_written_by, author=author_id, limit=limit)
        return self._unit.find_all(
            _written_by_after,
            author=author_id,
            limit=limit,
            after_key=after.post.key,
            after_id=after.post.id,
            after_number=after.number,
        )

    def remove_batch(self, sight: Own, *, limit: int) -> int:
        post_ids = lock_batch(self._unit, sight, limit)
        return self._unit.execute(_remove_some, post_ids=post_ids, limit=limit) if post_ids else 0

    def remove(self, post_ids: Collection[PostId]) -> None:
        if post_ids:
            self._unit.execute_deferred(_remove, post_ids=[*post_ids])
