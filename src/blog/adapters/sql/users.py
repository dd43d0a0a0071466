"""Accounts in a database."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from blog.domain.ids import UserId
from blog.domain.users import Credentials, UnknownUser, User, UsernameTaken

from .tables import users
from .unit import Unit

_FIELDS = [users.c.id, users.c.username, users.c.is_admin, users.c.is_active, users.c.created_at]

_get = select(*_FIELDS).where(users.c.id == bindparam("user_id"))
_get_for_change = select(users).where(users.c.id == bindparam("user_id")).with_for_update()
_active_admins = select(*_FIELDS).where(users.c.is_admin, users.c.is_active).order_by(users.c.id).with_for_update()
_find = select(users).where(func.lower(users.c.username) == func.lower(bindparam("username")))
_page = select(*_FIELDS).order_by(users.c.id).limit(bindparam("limit"))
_page_after = _page.where(users.c.id > bindparam("after"))
_add = insert(users).returning(users.c.id)
_save = update(users).where(users.c.id == bindparam("user_id"))


class SqlUserRepository:
    """A `UserRepository` over one unit of work on a database."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def add(self, user: User, password_hash: str) -> User:
        try:
            with self._unit.writing.begin_nested():  # PostgreSQL would refuse all that follows in this unit
                added = self._unit.writing.execute(_add, _columns(Credentials(user, password_hash))).scalar_one()
        except IntegrityError as error:
            raise UsernameTaken(user.username) from error
        return replace(user, id=UserId(added))

    def get(self, user_id: UserId) -> User:
        row = self._unit.reading.execute(_get, {"user_id": user_id}).first()
        if row is None:
            raise UnknownUser(user_id)
        return User(**row._mapping)

    def find(self, username: str) -> Credentials | None:
        row = self._unit.reading.execute(_find, {"username": username}).first()
        return None if row is None else _entity(row)

    def get_for_change(self, user_id: UserId) -> Credentials:
        row = self._unit.writing.execute(_get_for_change, {"user_id": user_id}).first()
        if row is None:
            raise UnknownUser(user_id)
        return _entity(row)

    def active_admins_for_change(self) -> Sequence[User]:
        return [User(**row._mapping) for row in self._unit.writing.execute(_active_admins)]

    def save(self, credentials: Credentials) -> None:
        row = {"user_id": credentials.user.id, **_columns(credentials)}
        try:
            with self._unit.writing.begin_nested():
                saved = self._unit.writing.execute(_save, row)
        except IntegrityError as error:
            raise UsernameTaken(credentials.user.username) from error
        if not saved.rowcount:
            raise UnknownUser(credentials.user.id)

    def page(self, *, limit: int, after: UserId | None = None) -> Sequence[User]:
        statement = _page if after is None else _page_after
        rows = self._unit.reading.execute(statement, {"limit": limit, "after": after})
        return [User(**row._mapping) for row in rows]


def _columns(credentials: Credentials) -> dict[str, Any]:
    """The user as a row of their table, but for the id."""
    fields = {column.name: getattr(credentials.user, column.name) for column in _FIELDS if column is not users.c.id}
    return {**fields, "password_hash": credentials.password_hash}


def _entity(row: Row[Any]) -> Credentials:
    fields = dict(row._mapping)
    return Credentials(password_hash=fields.pop("password_hash"), user=User(**fields))
