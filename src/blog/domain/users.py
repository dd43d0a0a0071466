"""Users: who has an account, and where accounts are kept."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from .errors import Conflict, Fault, NotFound
from .ids import UNSTORED, UserId

USERNAME: Final = r"[0-9A-Za-z_.@+\-]{1,150}"
"""How a username looks. ASCII only, so that no two names look alike and are two people."""

_username = re.compile(USERNAME)


class UnknownUser(NotFound):
    """No account has this name or number."""

    def __init__(self, who: str | UserId) -> None:
        super().__init__(f"There is no user {who}.")


class UsernameTaken(Conflict):
    """Somebody has this name, or one that differs from it only in case."""

    def __init__(self, username: str) -> None:
        super().__init__(f"The username {username} is taken.")


class LastAdmin(Conflict):
    """Nobody would be left who may administer the blog."""

    def __init__(self) -> None:
        super().__init__("The last active administrator stays one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody with an account, as everybody may know them."""

    id: UserId = UserId(UNSTORED)
    username: str
    is_admin: bool = False
    is_active: bool = True
    created_at: datetime

    @property
    def is_active_admin(self) -> bool:
        """Whether the blog can be administered by them."""
        return self.is_admin and self.is_active


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user, and what their password is checked against."""

    user: User
    password_hash: str = field(repr=False)


class UserRepository(Protocol):
    """Where accounts are kept."""

    def add(self, user: User, password_hash: str) -> User:
        """Keep the user under a new id, and give them back with that id.

        Raises:
            UsernameTaken: the name is another user's, or differs from it only in case.
        """

    def get(self, user_id: UserId) -> User:
        """The user with this id.

        Raises:
            UnknownUser: there is none.
        """

    def find(self, username: str) -> Credentials | None:
        """The user with this name, in whatever case it is written, or None."""

    def get_for_change(self, user_id: UserId) -> Credentials:
        """The user with this id, whom no other unit of work changes before this one ends.

        Raises:
            UnknownUser: there is none.
        """

    def active_admins_for_change(self) -> Sequence[User]:
        """All active administrators, of whom no other unit of work changes one before this one ends."""

    def save(self, credentials: Credentials) -> None:
        """Put the user and their password hash in the place of what is stored under their id.

        Raises:
            UnknownUser: nothing is.
            UsernameTaken: the name is another user's, or differs from it only in case.
        """

    def page(self, *, limit: int, after: UserId | None = None) -> Sequence[User]:
        """Up to `limit` users by ascending id, from the first one after `after`."""


def changes_between(old: User, new: User) -> str:
    """What has changed of an account, in words."""
    changes = []
    if new.username != old.username:
        changes.append(f"{old.username} is now {new.username}")
    if new.is_admin != old.is_admin:
        changes.append("admin" if new.is_admin else "no admin")
    if new.is_active != old.is_active:
        changes.append("active" if new.is_active else "inactive")
    return ", ".join(changes)


def faults_in_username(username: str) -> list[Fault]:
    """What is wrong with a username."""
    if _username.fullmatch(username):
        return []
    return [Fault("username", "must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -")]
