"""Accounts in a database."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from blog.domain.ids import UserId
from blog.domain.users import Credentials, UnknownUser, User, UsernameTaken

from .statement import Change, Query
from .tables import users
from .unit import Unit

_FIELDS = [users.c.id, users.c.username, users.c.is_admin, users.c.is_active, users.c.created_at]


def _credentials(*, password_hash: str, **fields: Any) -> Credentials:
    return Credentials(User(**fields), password_hash)


_get = Query(select(*_FIELDS).where(users.c.id == bindparam("user_id")), User)
_get_for_change = Query(select(users).where(users.c.id == bindparam("user_id")), _credentials).for_change()
_active_admins = Query(
    select(*_FIELDS).where(users.c.is_admin, users.c.is_active).order_by(users.c.id), User
).for_change()
_find = Query(select(users).where(func.lower(users.c.username) == func.lower(bindparam("username"))), _credentials)
_page = Query(select(*_FIELDS).order_by(users.c.id).limit(bindparam("limit")), User)
_page_after = Query(_page.core.where(users.c.id > bindparam("after")), User)
_add = Change(insert(users).returning(users.c.id))
_save = Change(update(users).where(users.c.id == bindparam("user_id")))


class SqlUserRepository:
    """A `UserRepository` over one unit of work on a database."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._foreseen: tuple[int, User] | None = None

    def foresee(self, user: User) -> None:
        """Whom one will probably ask for next: they were read just now beside something else."""
        self._foreseen = self._unit.runs, user

    def add(self, user: User, password_hash: str) -> User:
        try:
            with self._unit.attempt():
                added = self._unit.add(_add, **_columns(Credentials(user, password_hash)))
        except IntegrityError as error:
            raise UsernameTaken(user.username) from error
        return replace(user, id=UserId(added))

    def get(self, user_id: UserId) -> User:
        foreseen, self._foreseen = self._foreseen, None
        if foreseen is not None and foreseen[0] == self._unit.runs and foreseen[1].id == user_id:
            return foreseen[1]  # nothing was read or written since
        user = self._unit.find(_get, user_id=user_id)
        if user is None:
            raise UnknownUser(user_id)
        return user

    def find(self, username: str) -> Credentials | None:
        return self._unit.find(_find, username=username)

    def get_for_change(self, user_id: UserId) -> Credentials:
        credentials = self._unit.find(_get_for_change, user_id=user_id)
        if credentials is None:
            raise UnknownUser(user_id)
        return credentials

    def active_admins_for_change(self) -> Sequence[User]:
        return self._unit.all(_active_admins)

    def save(self, credentials: Credentials) -> None:
        try:
            with self._unit.attempt():
                saved = self._unit.change(_save, user_id=credentials.user.id, **_columns(credentials))
        except IntegrityError as error:
            raise UsernameTaken(credentials.user.username) from error
        if not saved:
            raise UnknownUser(credentials.user.id)

    def page(self, *, limit: int, after: UserId | None = None) -> Sequence[User]:
        if after is None:
            return self._unit.all(_page, limit=limit)
        return self._unit.all(_page_after, limit=limit, after=after)


def _columns(credentials: Credentials) -> dict[str, Any]:
    """The user as a row of their table, but for the id."""
    fields = {column.name: getattr(credentials.user, column.name) for column in _FIELDS if column is not users.c.id}
    return {**fields, "password_hash": credentials.password_hash}
