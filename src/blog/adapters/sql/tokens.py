"""Tokens in a database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from blog.domain.ids import TokenId, UserId
from blog.domain.tokens import Token

from .tables import Moment, tokens
from .unit import Unit

_find = select(tokens).where(tokens.c.digest == bindparam("digest"))
_add = insert(tokens).returning(tokens.c.id)
_of_user = select(tokens).where(tokens.c.user_id == bindparam("user_id")).order_by(tokens.c.id)
_note_use = update(tokens).where(tokens.c.id == bindparam("token_id"))
_remove = delete(tokens).where(tokens.c.id == bindparam("token_id"))
_remove_all_of = delete(tokens).where(tokens.c.user_id == bindparam("user_id"))
_dead = (
    select(tokens.c.id)
    .where(
        or_(
            tokens.c.expires_at <= bindparam("expired_by"),
            func.coalesce(tokens.c.last_used_at, tokens.c.created_at) <= bindparam("quiet_since", type_=Moment),
        )
    )
    .limit(bindparam("limit"))
)
_purge = delete(tokens).where(tokens.c.id.in_(_dead))

_given = [column.name for column in tokens.c if column is not tokens.c.id]


class SqlTokenStore:
    """A `TokenStore` over one unit of work on a database."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def add(self, token: Token) -> Token:
        row = {name: getattr(token, name) for name in _given}
        return replace(token, id=TokenId(self._unit.writing.execute(_add, row).scalar_one()))

    def find(self, digest: bytes) -> Token | None:
        row = self._unit.reading.execute(_find, {"digest": digest}).first()
        return None if row is None else Token(**row._mapping)

    def of_user(self, user_id: UserId) -> Sequence[Token]:
        return [Token(**row._mapping) for row in self._unit.reading.execute(_of_user, {"user_id": user_id})]

    def note_use(self, token_id: TokenId, at: datetime) -> None:
        self._unit.writing.execute(_note_use, {"token_id": token_id, "last_used_at": at})

    def remove(self, token_id: TokenId) -> bool:
        return bool(self._unit.writing.execute(_remove, {"token_id": token_id}).rowcount)

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.writing.execute(_remove_all_of, {"user_id": user_id})

    def purge(self, *, expired_by: datetime, quiet_since: datetime, limit: int) -> int:
        bounds = {"expired_by": expired_by, "quiet_since": quiet_since, "limit": limit}
        return self._unit.writing.execute(_purge, bounds).rowcount
