"""Users: who has an account, and where accounts are kept."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from blog.domain.errors import Conflict, FieldError, NotFound
from blog.domain.shared import UNSTORED, UserId

USERNAME: Final = r"[0-9A-Za-z_.@+\-]{1,150}"
"""How a username looks. ASCII only, so that no two names look alike and are two people."""

DELETED_USER: Final = "deleted-user"
"""The username that posts are shown under whose author's account was deleted."""

MAX_FORMER_NAMES: Final = 10
"""How many former names an account has at most. All of them stay reserved for ever."""

_username = re.compile(USERNAME)
_reserved = re.compile(rf"{DELETED_USER}(?:-[0-9]+)?", re.IGNORECASE)


class UserNotFound(NotFound):
    """No account has this name or number."""

    def __init__(self, who: str | UserId) -> None:
        super().__init__(f"There is no user {who}.")


class UsernameTaken(Conflict):
    """Somebody has or had this name, or one that differs from it only in case."""

    def __init__(self, username: str) -> None:
        super().__init__(f"The username {username} is taken.")


class TooManyNames(Conflict):
    """The account has as many former names as it may have, and this one would be a further one."""

    def __init__(self) -> None:
        super().__init__(
            f"An account has at most {MAX_FORMER_NAMES} former names, which stay reserved. "
            "It can only take one of these back."
        )


class LastAdmin(Conflict):
    """Nobody would be left who may administer the blog."""

    def __init__(self) -> None:
        super().__init__("The last active administrator stays one.")


class ReservedUser(Conflict):
    """The account stands for deleted ones, and cannot be changed."""

    def __init__(self) -> None:
        super().__init__(f"{DELETED_USER} stands for deleted accounts, and cannot be changed.")


class PostsOnDeletion(StrEnum):
    """What becomes of somebody's posts when their account is deleted."""

    DELETE = "delete"
    KEEP = "keep"


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

    @property
    def is_reserved(self) -> bool:
        """Whether the account is the one that stands for deleted accounts."""
        return self.username == DELETED_USER


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user, and what their password is checked against."""

    user: User
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PendingDeletion:
    """A deleted account that still has posts, and what is to become of them."""

    user_id: UserId
    posts: PostsOnDeletion


class UserRepository(Protocol):
    """Where accounts are kept. A username stays reserved for its first holder, also after a rename or a deletion."""

    def add(self, user: User, password_hash: str) -> User:
        """Keep the user under a new id, and give them back with that id.

        Raises:
            UsernameTaken: the name is or was another user's, or differs from such a name only in case.
        """

    def get(self, user_id: UserId) -> User:
        """The user with this id.

        Raises:
            UserNotFound: there is none.
        """

    def find(self, username: str) -> Credentials | None:
        """The user with this name, in whatever case it is written, or None."""

    def find_by_any_name(self, username: str) -> User | None:
        """The user who has this name or had it once, in whatever case it is written, or None."""

    def names_of(self, user_id: UserId) -> Sequence[str]:
        """Every name that is reserved for this user, in lower case and in alphabetical order."""

    def get_for_update(self, user_id: UserId) -> Credentials:
        """The user with this id, whom no other unit of work changes before this one ends.

        Raises:
            UserNotFound: there is none.
        """

    def active_admins_for_update(self) -> Sequence[User]:
        """All active administrators, of whom no other unit of work changes one before this one ends."""

    def save(self, credentials: Credentials) -> None:
        """Put the user and their password hash in the place of what is stored under their id.

        Raises:
            UserNotFound: nothing is.
            UsernameTaken: the name is or was another user's, or differs from such a name only in case.
        """

    def begin_deletion(self, user_id: UserId, posts: PostsOnDeletion) -> None:
        """Hide the account: nobody finds it any more, by id or by name. Its posts stay, and their author is shown as
        `deleted-user-` and the id.

        Raises:
            UserNotFound: there is none.
        """

    def next_deletion_for_update(self) -> PendingDeletion | None:
        """The hidden account with the lowest id, which no other unit of work gets before this one ends, or None."""

    def remove(self, user_id: UserId) -> None:
        """Remove a hidden account that has no posts. Its id and its names are never given to anybody."""

    def page(self, *, limit: int, after: UserId | None = None) -> Sequence[User]:
        """Up to `limit` users by ascending id, from the first one after `after`."""


def describe_changes(old: User, new: User) -> str:
    """What has changed of an account, in words."""
    changes = []
    if new.username != old.username:
        changes.append(f"{old.username} is now {new.username}")
    if new.is_admin != old.is_admin:
        changes.append("admin" if new.is_admin else "no admin")
    if new.is_active != old.is_active:
        changes.append("active" if new.is_active else "inactive")
    return ", ".join(changes)


def check_name_limit(users: UserRepository, user_id: UserId, username: str) -> None:
    """Refuse a further name for an account that has had many. Its own names can be taken back.

    Raises:
        TooManyNames.
    """
    names = users.names_of(user_id)
    if username.lower() not in names and len(names) > MAX_FORMER_NAMES:
        raise TooManyNames


def validate_username(username: str) -> list[FieldError]:
    """What is wrong with a username."""
    if _username.fullmatch(username):
        return []
    return [FieldError("username", "must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -")]


def validate_new_username(username: str) -> list[FieldError]:
    """What is wrong with a username that somebody wants to take."""
    return [FieldError("username", "is reserved")] if is_reserved(username) else validate_username(username)


def is_reserved(username: str) -> bool:
    """Whether a username stands for deleted accounts, so that nobody can have it."""
    return _reserved.fullmatch(username) is not None


def hidden_name_of(user_id: UserId) -> str:
    """The name under which the posts of a deleted account are shown until they are moved or deleted."""
    return f"{DELETED_USER}-{user_id}"
