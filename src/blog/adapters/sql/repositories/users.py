"""Accounts in a database."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from blog.adapters.sql.engine.statement import ReadStatement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository
from blog.adapters.sql.schema.tables import BigIntId, usernames, users
from blog.domain.accounts.user import (
    Credentials,
    PendingDeletion,
    PostsOnDeletion,
    User,
    UsernameTaken,
    UserNotFound,
    hidden_name_of,
)
from blog.domain.shared import UserId

_FIELDS = [users.c.id, users.c.username, users.c.is_admin, users.c.is_active, users.c.created_at]


def _credentials(*, password_hash: str, **fields: Any) -> Credentials:
    return Credentials(User(**fields), password_hash)


def _pending(*, user_id: int, posts: str) -> PendingDeletion:
    return PendingDeletion(UserId(user_id), PostsOnDeletion(posts))


_is_shown = users.c.deletion.is_(None)
_this = (users.c.id == bindparam("user_id"), _is_shown)
_known = select(*_FIELDS, users.c.password_hash)
_get = ReadStatement(select(*_FIELDS).where(*_this), User)
_get_for_update = ReadStatement(_known.where(*_this), _credentials).for_update()
_active_admins = ReadStatement(
    select(*_FIELDS).where(users.c.is_admin, users.c.is_active).order_by(users.c.id), User
).for_update()
_find = ReadStatement(
    _known.where(func.lower(users.c.username) == func.lower(bindparam("username")), _is_shown), _credentials
)
_find_by_any_name = ReadStatement(
    select(*_FIELDS)
    .join(usernames, usernames.c.user_id == users.c.id)
    .where(usernames.c.name == bindparam("name"), _is_shown),
    User,
)
_names_of: ReadStatement[dict[str, str]] = ReadStatement(
    select(usernames.c.name)
    .where(usernames.c.user_id == bindparam("user_id", type_=BigIntId))
    .order_by(usernames.c.name),
    dict,
)
_holder: ReadStatement[dict[str, int | None]] = ReadStatement(
    select(usernames.c.user_id).where(usernames.c.name == bindparam("name")), dict
)
_reserve = WriteStatement(insert(usernames))
_page = ReadStatement(select(*_FIELDS).where(_is_shown).order_by(users.c.id).limit(bindparam("limit")), User)
_page_after = ReadStatement(_page.core.where(users.c.id > bindparam("after")), User)
_add = WriteStatement(insert(users).returning(users.c.id))
_save = WriteStatement(update(users).where(*_this))
_next_deletion = ReadStatement(
    select(users.c.id.label("user_id"), users.c.deletion.label("posts"))
    .where(users.c.deletion.is_not(None))
    .order_by(users.c.id)
    .limit(1),
    _pending,
).for_update()
_remove = WriteStatement(delete(users).where(users.c.id == bindparam("user_id"), users.c.deletion.is_not(None)))


class SqlUserRepository(SqlRepository):
    """A `UserRepository` over one unit of work on a database."""

    def add(self, user: User, password_hash: str) -> User:
        try:
            with self._unit.savepoint():
                added = self._unit.add(_add, **_columns(Credentials(user, password_hash)))
                self._unit.execute_deferred(_reserve, name=user.username.lower(), user_id=added)
        except IntegrityError as error:
            raise UsernameTaken(user.username) from error
        return replace(user, id=UserId(added))

    def get(self, user_id: UserId) -> User:
        user = self._unit.find(_get, user_id=user_id)
        if user is None:
            raise UserNotFound(user_id)
        return user

    def find(self, username: str) -> Credentials | None:
        return self._unit.find(_find, username=username)

    def find_by_any_name(self, username: str) -> User | None:
        return self._unit.find(_find_by_any_name, name=username.lower())

    def names_of(self, user_id: UserId) -> Sequence[str]:
        return [row["name"] for row in self._unit.find_all(_names_of, user_id=user_id)]

    def get_for_update(self, user_id: UserId) -> Credentials:
        credentials = self._unit.find(_get_for_update, user_id=user_id)
        if credentials is None:
            raise UserNotFound(user_id)
        return credentials

    def active_admins_for_update(self) -> Sequence[User]:
        return self._unit.find_all(_active_admins)

    def save(self, credentials: Credentials) -> None:
        try:
            with self._unit.savepoint():
                if not self._unit.execute(_save, user_id=credentials.user.id, **_columns(credentials)):
                    raise UserNotFound(credentials.user.id)
                self._reserve(credentials.user)
        except IntegrityError as error:
            raise UsernameTaken(credentials.user.username) from error

    def begin_deletion(self, user_id: UserId, posts: PostsOnDeletion) -> None:
        hidden = {"username": hidden_name_of(user_id), "is_admin": False, "is_active": False, "password_hash": ""}
        if not self._unit.execute(_save, user_id=user_id, **hidden, deletion=posts.value):
            raise UserNotFound(user_id)

    def next_deletion_for_update(self) -> PendingDeletion | None:
        return self._unit.find(_next_deletion)

    def remove(self, user_id: UserId) -> None:
        self._unit.execute(_remove, user_id=user_id)

    def page(self, *, limit: int, after: UserId | None = None) -> Sequence[User]:
        if after is None:
            return self._unit.find_all(_page, limit=limit)
        return self._unit.find_all(_page_after, limit=limit, after=after)

    def _reserve(self, user: User) -> None:
        """Reserve the name for the user, permanently.

        Raises:
            UsernameTaken: it is reserved for another user.
            IntegrityError: another unit has just reserved it.
        """
        name = user.username.lower()
        holder = self._unit.find(_holder, name=name)
        if holder is None:
            self._unit.execute(_reserve, name=name, user_id=user.id)
        elif holder["user_id"] != user.id:
            raise UsernameTaken(user.username)


def _columns(credentials: Credentials) -> dict[str, Any]:
    """Return the columns of a user without the id."""
    fields = {column.name: getattr(credentials.user, column.name) for column in _FIELDS if column is not users.c.id}
    return {**fields, "password_hash": credentials.password_hash}
