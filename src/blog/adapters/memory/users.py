"""Accounts in memory."""

from collections.abc import Sequence
from dataclasses import replace

from blog.domain.accounts.user import Credentials, PendingDeletion, PostsOnDeletion, User, UsernameTaken, UserNotFound
from blog.domain.shared import UNSTORED, UserId

from .tables import MemoryRepository


class MemoryUserRepository(MemoryRepository):
    """A `UserRepository` over one unit of work in memory."""

    def add(self, user: User, password_hash: str) -> User:
        self._unit.begin()
        self._check_name(user)
        user = replace(user, id=UserId(self._unit.new_id(self._tables.users)))
        self._put(Credentials(user, password_hash))
        return user

    def get(self, user_id: UserId) -> User:
        return self._credentials(user_id).user

    def find(self, username: str) -> Credentials | None:
        found = self._find_by_any_name(username)
        return found if found and found.user.username.lower() == username.lower() else None

    def find_by_any_name(self, username: str) -> User | None:
        found = self._find_by_any_name(username)
        return found.user if found else None

    def names_of(self, user_id: UserId) -> Sequence[str]:
        return sorted(
            name for name, holder in self._unit.visible_rows(self._tables.usernames).items() if holder == user_id
        )

    def get_for_update(self, user_id: UserId) -> Credentials:
        self._unit.begin()
        return self._credentials(user_id)

    def active_admins_for_update(self) -> Sequence[User]:
        self._unit.begin()
        return [user for user in self._all() if user.is_active_admin]

    def save(self, credentials: Credentials) -> None:
        self.get_for_update(credentials.user.id)
        self._put(credentials)

    def begin_deletion(self, user_id: UserId, posts: PostsOnDeletion) -> None:
        self.get_for_update(user_id)
        self._unit.delete(self._tables.users, user_id)
        self._unit.put(self._tables.deletions, user_id, PendingDeletion(user_id, posts))

    def next_deletion_for_update(self) -> PendingDeletion | None:
        self._unit.begin()
        deletions = self._unit.visible_rows(self._tables.deletions)
        return deletions[min(deletions)] if deletions else None

    def remove(self, user_id: UserId) -> None:
        self._unit.delete(self._tables.deletions, user_id)
        for name in self.names_of(user_id):
            self._unit.put(self._tables.usernames, name, UserId(UNSTORED))

    def page(self, *, limit: int, after: UserId | None = None) -> Sequence[User]:
        return [user for user in self._all() if after is None or user.id > after][:limit]

    def _all(self) -> list[User]:
        """Return all users by ascending id."""
        everybody = (credentials.user for credentials in self._unit.visible_rows(self._tables.users).values())
        return sorted(everybody, key=lambda user: user.id)

    def _credentials(self, user_id: UserId) -> Credentials:
        credentials = self._unit.find(self._tables.users, user_id)
        if credentials is None:
            raise UserNotFound(user_id)
        return credentials

    def _find_by_any_name(self, username: str) -> Credentials | None:
        user_id = self._unit.find(self._tables.usernames, username.lower())
        return None if user_id is None else self._unit.find(self._tables.users, user_id)

    def _put(self, credentials: Credentials) -> None:
        """Insert or replace an account, and reserve its name.

        Raises:
            UsernameTaken: the name is reserved for another account.
        """
        user = credentials.user
        self._check_name(user)
        self._unit.put(self._tables.usernames, user.username.lower(), user.id)
        self._unit.put(self._tables.users, user.id, credentials)

    def _check_name(self, user: User) -> None:
        if self._unit.find(self._tables.usernames, user.username.lower()) not in {None, user.id}:
            raise UsernameTaken(user.username)
