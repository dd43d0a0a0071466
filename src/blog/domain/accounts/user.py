"""Users: the entity, its rules and its repository port."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from blog.domain.errors import Conflict, FieldError, NotFound
from blog.domain.shared import UNSTORED, UserId

USERNAME: Final = r"[0-9A-Za-z_.@+\-]{1,150}"
"""A regular expression of usernames. ASCII only, so that no two usernames look alike."""

DELETED_USER: Final = "deleted-user"
"""The username of the sentinel account, the author of posts of deleted accounts."""

MAX_FORMER_NAMES: Final = 10
"""Former usernames of an account at most. All of them stay reserved for ever."""

_username = re.compile(USERNAME)
_reserved = re.compile(rf"{DELETED_USER}(?:-[0-9]+)?", re.IGNORECASE)


class UserNotFound(NotFound):
    """No account has this username or id."""

    def __init__(self, who: str | UserId) -> None:
        super().__init__(f"There is no user {who}.")


class UsernameTaken(Conflict):
    """Another account has or had this username. Case does not matter."""

    def __init__(self, username: str) -> None:
        super().__init__(f"The username {username} is taken.")


class TooManyNames(Conflict):
    """The account has too many former usernames to take another one."""

    def __init__(self) -> None:
        super().__init__(
            f"An account has at most {MAX_FORMER_NAMES} former names, which stay reserved. "
            "It can only take one of these back."
        )


class LastAdmin(Conflict):
    """The change would leave the blog without an active administrator."""

    def __init__(self) -> None:
        super().__init__("The last active administrator stays one.")


class ReservedUser(Conflict):
    """The account is the sentinel of deleted accounts. It cannot be changed."""

    def __init__(self) -> None:
        super().__init__(f"{DELETED_USER} stands for deleted accounts, and cannot be changed.")


class PostsOnDeletion(StrEnum):
    """Whether the posts of a deleted account are deleted or kept under the sentinel account."""

    DELETE = "delete"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user, without secrets."""

    id: UserId = UserId(UNSTORED)
    username: str
    is_admin: bool = False
    is_active: bool = True
    created_at: datetime

    @property
    def is_active_admin(self) -> bool:
        """Whether the user is an active administrator."""
        return self.is_admin and self.is_active

    @property
    def is_reserved(self) -> bool:
        """Whether the account is the sentinel of deleted accounts."""
        return self.username == DELETED_USER


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and the hash of the password."""

    user: User
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PendingDeletion:
    """A deleted account that still has posts, and whether they are deleted or kept."""

    user_id: UserId
    posts: PostsOnDeletion


class UserRepository(Protocol):
    """Stores users. A username stays reserved for its first user, also after a rename or a deletion."""

    def add(self, user: User, password_hash: str) -> User:
        """Store a user. Return it with its new id.

        Raises:
            UsernameTaken: another user has or had the username, in any case of letters.
        """

    def get(self, user_id: UserId) -> User:
        """Return the user with this id.

        Raises:
            UserNotFound: there is none.
        """

    def find(self, username: str) -> Credentials | None:
        """Return the user with this username, in any case of letters, or None."""

    def find_by_any_name(self, username: str) -> User | None:
        """Return the user who has or had this username, in any case of letters, or None."""

    def names_of(self, user_id: UserId) -> Sequence[str]:
        """Return all usernames that are reserved for a user, in lower case and sorted."""

    def get_for_update(self, user_id: UserId) -> Credentials:
        """Return the user with this id, and lock it until the unit of work ends.

        Raises:
            UserNotFound: there is none.
        """

    def active_admins_for_update(self) -> Sequence[User]:
        """Return all active administrators, and lock them until the unit of work ends."""

    def save(self, credentials: Credentials) -> None:
        """Replace the stored user and password hash of this id.

        Raises:
            UserNotFound: there is none.
            UsernameTaken: another user has or had the username, in any case of letters.
        """

    def begin_deletion(self, user_id: UserId, posts: PostsOnDeletion) -> None:
        """Hide an account: no method finds it by id or by username. The author of its posts is shown as
        `deleted-user-` and the id.

        Raises:
            UserNotFound: there is none.
        """

    def next_deletion_for_update(self) -> PendingDeletion | None:
        """Return the hidden account with the lowest id, and lock it until the unit of work ends; or None."""

    def remove(self, user_id: UserId) -> None:
        """Remove a hidden account that has no posts. Its id and its usernames are never reused."""

    def page(self, *, limit: int, after: UserId | None = None) -> Sequence[User]:
        """Return up to `limit` users by ascending id, after `after`."""


def describe_changes(old: User, new: User) -> str:
    """Return a description of the changes of an account, for the audit log."""
    changes = []
    if new.username != old.username:
        changes.append(f"{old.username} is now {new.username}")
    if new.is_admin != old.is_admin:
        changes.append("admin" if new.is_admin else "no admin")
    if new.is_active != old.is_active:
        changes.append("active" if new.is_active else "inactive")
    return ", ".join(changes)


def check_name_limit(users: UserRepository, user_id: UserId, username: str) -> None:
    """Check that an account may take a username. Its former names can always be taken back.

    Raises:
        TooManyNames.
    """
    names = users.names_of(user_id)
    if username.lower() not in names and len(names) > MAX_FORMER_NAMES:
        raise TooManyNames


def validate_username(username: str) -> list[FieldError]:
    """Return the errors of a username."""
    if _username.fullmatch(username):
        return []
    return [FieldError("username", "must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -")]


def validate_new_username(username: str) -> list[FieldError]:
    """Return the errors of a new username, which must not be reserved."""
    return [FieldError("username", "is reserved")] if is_reserved(username) else validate_username(username)


def is_reserved(username: str) -> bool:
    """Return whether a username is reserved for deleted accounts."""
    return _reserved.fullmatch(username) is not None


def hidden_name_of(user_id: UserId) -> str:
    """Return the author name of posts of a deleted account, until they are deleted or reassigned."""
    return f"{DELETED_USER}-{user_id}"
