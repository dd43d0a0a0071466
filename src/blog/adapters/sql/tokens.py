"""Tokens in a database."""

from dataclasses import replace

from sqlalchemy import bindparam, delete, insert, select

from blog.domain.ids import TokenId, UserId
from blog.domain.tokens import Token

from .tables import tokens
from .unit import Unit

_find = select(tokens).where(tokens.c.digest == bindparam("digest"))
_add = insert(tokens).returning(tokens.c.id)
_remove = delete(tokens).where(tokens.c.digest == bindparam("digest"))
_remove_all_of = delete(tokens).where(tokens.c.user_id == bindparam("user_id"))

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

    def remove(self, digest: bytes) -> None:
        self._unit.writing.execute(_remove, {"digest": digest})

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.writing.execute(_remove_all_of, {"user_id": user_id})
