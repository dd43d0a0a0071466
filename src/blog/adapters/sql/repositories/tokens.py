"""Tokens in a database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from blog.adapters.sql.engine.statement import ReadStatement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository
from blog.adapters.sql.schema.tables import UtcDateTime, tokens, users
from blog.domain.accounts.tokens import Token
from blog.domain.accounts.user import User
from blog.domain.shared import TokenId, UserId


def _token_and_user(
    *, username: str, is_admin: bool, is_active: bool, user_created_at: datetime, **token: Any
) -> tuple[Token, User]:
    user = User(
        id=token["user_id"], username=username, is_admin=is_admin, is_active=is_active, created_at=user_created_at
    )
    return Token(**token), user


_find_with_user = ReadStatement(
    select(tokens, users.c.username, users.c.is_admin, users.c.is_active, users.c.created_at.label("user_created_at"))
    .join(users, users.c.id == tokens.c.user_id)
    .where(tokens.c.digest == bindparam("digest"), users.c.deletion.is_(None)),
    _token_and_user,
)
_add = WriteStatement(insert(tokens).returning(tokens.c.id))
_of_user = ReadStatement(select(tokens).where(tokens.c.user_id == bindparam("user_id")).order_by(tokens.c.id), Token)
_touch = WriteStatement(update(tokens).where(tokens.c.id == bindparam("token_id")))
_remove = WriteStatement(delete(tokens).where(tokens.c.id == bindparam("token_id")))
_remove_all_of = WriteStatement(delete(tokens).where(tokens.c.user_id == bindparam("user_id")))
_dead = (
    select(tokens.c.id)
    .where(
        or_(
            tokens.c.expires_at <= bindparam("expired_by"),
            func.coalesce(tokens.c.last_used_at, tokens.c.created_at) <= bindparam("last_active_at", type_=UtcDateTime),
        )
    )
    .limit(bindparam("limit"))
)
_purge = WriteStatement(delete(tokens).where(tokens.c.id.in_(_dead)))

_given = [column.name for column in tokens.c if column is not tokens.c.id]


class SqlTokenStore(SqlRepository):
    """A `TokenStore` over one unit of work on a database."""

    def add(self, token: Token) -> Token:
        row = {name: getattr(token, name) for name in _given}
        return replace(token, id=TokenId(self._unit.add(_add, **row)))

    def find_with_user(self, digest: bytes) -> tuple[Token, User] | None:
        return self._unit.find(_find_with_user, digest=digest)

    def of_user(self, user_id: UserId) -> Sequence[Token]:
        return self._unit.find_all(_of_user, user_id=user_id)

    def touch(self, token_id: TokenId, at: datetime) -> None:
        self._unit.execute(_touch, token_id=token_id, last_used_at=at)

    def remove(self, token_id: TokenId) -> bool:
        return bool(self._unit.execute(_remove, token_id=token_id))

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.execute(_remove_all_of, user_id=user_id)

    def purge(self, *, expired_by: datetime, last_active_at: datetime, limit: int) -> int:
        return self._unit.execute(_purge, expired_by=expired_by, last_active_at=last_active_at, limit=limit)
