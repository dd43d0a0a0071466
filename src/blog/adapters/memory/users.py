"""Accounts in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from blog.domain.accounts.user import Credentials, PendingDeletion, PostsOnDeletion, User, UsernameTaken, UserNotFound
from blog.domain.shared import UNSTORED, UserId

from .unit import Table, Unit


@dataclass(frozen=True, slots=True)
class UserTables:
    """Accounts by their number, and their numbers by the name that they have, and by every name that they ever had.

    A name whose account was removed is kept under the number 0. Accounts that are being deleted are hidden.
    """

    by_id: Table[UserId, Credentials] = field(default_factory=Table)
    by_name: Table[str, UserId] = field(default_factory=Table)
    by_any_name: Table[str, UserId] = field(default_factory=Table)
    names: Table[tuple[UserId, str], str] = field(default_factory=Table)
    hidden: Table[UserId, PendingDeletion] = field(default_factory=Table)


class MemoryUserRepository:
    """A `UserRepository` over one unit of work in memory."""

    def __init__(self, unit: Unit, shelves: UserTables) -> None:
        self._unit = unit
        self._shelves = shelves

    def add(self, user: User, password_hash: str) -> User:
        self._unit.begin()
        if self._unit.find(self._shelves.by_any_name, user.username.lower()) is not None:
            raise UsernameTaken(user.username)
        user = replace(user, id=UserId(next(self._shelves.by_id.numbers)))
        self._name(user.id, user.username)
        self._unit.on(self._shelves.by_id).put(user.id, Credentials(user, password_hash))
        return user

    def get(self, user_id: UserId) -> User:
        return self._credentials(user_id).user

    def find(self, username: str) -> Credentials | None:
        user_id = self._unit.find(self._shelves.by_name, username.lower())
        return None if user_id is None else self._credentials(user_id)

    def find_by_any_name(self, username: str) -> User | None:
        user_id = self._unit.find(self._shelves.by_any_name, username.lower())
        found = None if user_id is None else self._unit.find(self._shelves.by_id, user_id)
        return None if found is None else found.user

    def names_of(self, user_id: UserId) -> Sequence[str]:
        return self._unit.on(self._shelves.names).between((user_id, ""), (user_id + 1, ""))

    def get_for_update(self, user_id: UserId) -> Credentials:
        self._unit.begin()
        return self._credentials(user_id)

    def active_admins_for_update(self) -> Sequence[User]:
        self._unit.begin()
        everybody = self._unit.on(self._shelves.by_id).everything()
        return [credentials.user for credentials in everybody if credentials.user.is_active_admin]

    def save(self, credentials: Credentials) -> None:
        current = self.get_for_update(credentials.user.id)
        if current.user.username != credentials.user.username:
            self._rename(current.user, credentials.user.username)
        self._unit.on(self._shelves.by_id).put(credentials.user.id, credentials)

    def begin_deletion(self, user_id: UserId, posts: PostsOnDeletion) -> None:
        user = self.get_for_update(user_id).user
        self._unit.on(self._shelves.by_id).drop(user_id)
        self._unit.on(self._shelves.by_name).drop(user.username.lower())
        self._unit.on(self._shelves.hidden).put(user_id, PendingDeletion(user_id, posts))

    def next_deletion_for_update(self) -> PendingDeletion | None:
        self._unit.begin()
        return next(iter(self._unit.on(self._shelves.hidden).ascending(1)), None)

    def remove(self, user_id: UserId) -> None:
        self._unit.begin()
        self._unit.on(self._shelves.hidden).drop(user_id)
        for name in self.names_of(user_id):
            self._unit.on(self._shelves.by_any_name).put(name, UserId(UNSTORED))
            self._unit.on(self._shelves.names).drop((user_id, name))

    def page(self, *, limit: int, after: UserId | None = None) -> Sequence[User]:
        page = self._unit.on(self._shelves.by_id).ascending(limit, after=after)
        return [credentials.user for credentials in page]

    def _credentials(self, user_id: UserId) -> Credentials:
        credentials = self._unit.find(self._shelves.by_id, user_id)
        if credentials is None:
            raise UserNotFound(user_id)
        return credentials

    def _rename(self, user: User, username: str) -> None:
        if self._unit.find(self._shelves.by_any_name, username.lower()) not in (None, user.id):
            raise UsernameTaken(username)
        self._unit.on(self._shelves.by_name).drop(user.username.lower())
        self._name(user.id, username)

    def _name(self, user_id: UserId, username: str) -> None:
        name = username.lower()
        self._unit.on(self._shelves.by_name).put(name, user_id)
        self._unit.on(self._shelves.by_any_name).put(name, user_id)
        self._unit.on(self._shelves.names).put((user_id, name), name)
