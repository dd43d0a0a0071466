"""Idempotency records in a database."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from blog.adapters.sql.engine.statement import ReadStatement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository
from blog.adapters.sql.schema.tables import BigIntId, response_posts
from blog.adapters.sql.schema.tables import idempotency_records as records
from blog.domain.idempotency import IdempotencyRecord
from blog.domain.shared import PostId, UserId

_of_key = (records.c.user_id == bindparam("of_user"), records.c.key == bindparam("of_key"))

_find = ReadStatement(
    select(*(column for column in records.c if column is not records.c.id)).where(*_of_key), IdempotencyRecord
)
_remove = WriteStatement(delete(records).where(*_of_key))
_remove_all_of = WriteStatement(delete(records).where(records.c.user_id == bindparam("of_user")))
_add = WriteStatement(insert(records).returning(records.c.id))
_add_post = WriteStatement(insert(response_posts))
_of_posts = select(response_posts.c.record_id).where(
    response_posts.c.post_id.in_(bindparam("post_ids", expanding=True, type_=BigIntId))
)
_forget_posts = WriteStatement(update(records).where(records.c.id.in_(_of_posts)))
_old = select(records.c.id).where(records.c.at <= bindparam("until")).order_by(records.c.at).limit(bindparam("limit"))
_purge = WriteStatement(delete(records).where(records.c.id.in_(_old)))


class SqlIdempotencyStore(SqlRepository):
    """An `IdempotencyStore` over one unit of work on a database."""

    def find_for_update(self, user_id: UserId, key: bytes) -> IdempotencyRecord | None:
        self._unit.advisory_lock(f"idempotency key {user_id} {key.hex()}")
        return self._unit.find(_find, of_user=user_id, of_key=key)

    def put(self, record: IdempotencyRecord, post_ids: Collection[PostId] = ()) -> None:
        self._unit.execute(_remove, of_user=record.user_id, of_key=record.key)
        record_id = self._unit.add(
            _add,
            user_id=record.user_id,
            key=record.key,
            fingerprint=record.fingerprint,
            response=record.response,
            at=record.at,
        )
        for post_id in sorted(post_ids):
            self._unit.execute_deferred(_add_post, record_id=record_id, post_id=post_id)

    def forget_posts(self, post_ids: Collection[PostId]) -> None:
        self._unit.execute_deferred(_forget_posts, post_ids=sorted(post_ids), response=None)

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.execute(_remove_all_of, of_user=user_id)

    def purge(self, *, until: datetime, limit: int) -> int:
        return self._unit.execute(_purge, until=until, limit=limit)
