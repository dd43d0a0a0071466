"""Accounts in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from blog.domain.ids import UserId
from blog.domain.users import Credentials, UnknownUser, User, UsernameTaken

from .unit import Shelf, Unit


@dataclass(frozen=True, slots=True)
class UserShelves:
    """Accounts by their number, and their numbers by name."""

    by_id: Shelf[UserId, Credentials] = field(default_factory=Shelf)
    by_name: Shelf[str, UserId] = field(default_factory=Shelf)


class MemoryUserRepository:
    """A `UserRepository` over one unit of work in memory."""

    def __init__(self, unit: Unit, shelves: UserShelves) -> None:
        self._unit = unit
        self._shelves = shelves

    def add(self, user: User, password_hash: str) -> User:
        self._unit.begin()
        names = self._unit.on(self._shelves.by_name)
        name = user.username.lower()
        if self._unit.find(self._shelves.by_name, name) is not None:
            raise UsernameTaken(user.username)
        user = replace(user, id=UserId(next(self._shelves.by_id.numbers)))
        names.put(name, user.id)
        self._unit.on(self._shelves.by_id).put(user.id, Credentials(user, password_hash))
        return user

    def get(self, user_id: UserId) -> User:
        return self._credentials(user_id).user

    def find(self, username: str) -> Credentials | None:
        user_id = self._unit.find(self._shelves.by_name, username.lower())
        return None if user_id is None else self._credentials(user_id)

    def get_for_change(self, user_id: UserId) -> Credentials:
        self._unit.begin()
        return self._credentials(user_id)

    def active_admins_for_change(self) -> Sequence[User]:
        self._unit.begin()
        everybody = self._unit.on(self._shelves.by_id).everything()
        return [credentials.user for credentials in everybody if credentials.user.is_active_admin]

    def save(self, credentials: Credentials) -> None:
        current = self.get_for_change(credentials.user.id)
        if current.user.username != credentials.user.username:
            self._rename(current.user, credentials.user.username)
        self._unit.on(self._shelves.by_id).put(credentials.user.id, credentials)

    def page(self, *, limit: int, after: UserId | None = None) -> Sequence[User]:
        page = self._unit.on(self._shelves.by_id).ascending(limit, after=after)
        return [credentials.user for credentials in page]

    def _credentials(self, user_id: UserId) -> Credentials:
        credentials = self._unit.find(self._shelves.by_id, user_id)
        if credentials is None:
            raise UnknownUser(user_id)
        return credentials

    def _rename(self, user: User, username: str) -> None:
        names = self._unit.on(self._shelves.by_name)
        if self._unit.find(self._shelves.by_name, username.lower()) not in (None, user.id):
            raise UsernameTaken(username)
        names.drop(user.username.lower())
        names.put(username.lower(), user.id)
