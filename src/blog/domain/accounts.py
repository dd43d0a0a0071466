"""Accounts: who may come in, and how they show it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias

from .clock import Clock
from .errors import Conflict, Fault, Forbidden, Invalid, NotFound, Unauthenticated
from .ids import UNSTORED, UserId
from .pages import check_limit
from .passwords import PasswordHasher, faults_in_new_password, faults_in_password
from .tokens import InvalidToken, IssuedToken, Tokens

USERNAME: Final = r"[0-9A-Za-z_.@+\-]{1,150}"
"""How a username looks. ASCII only, so that no two names look alike and are two people."""

_username = re.compile(USERNAME)


class WrongCredentials(Unauthenticated):
    """Name and password do not open an account; whether the name exists is not told."""

    def __init__(self) -> None:
        super().__init__("Unknown username, wrong password, or inactive account.")


class NotAnAdmin(Forbidden):
    """Only an administrator may do this to accounts."""

    def __init__(self) -> None:
        super().__init__("Only an administrator may do this.")


class UnknownUser(NotFound):
    """No account has this name or number."""

    def __init__(self, who: str | UserId) -> None:
        super().__init__(f"There is no user {who}.")


class UsernameTaken(Conflict):
    """Somebody has this name, or one that differs from it only in case."""

    def __init__(self, username: str) -> None:
        super().__init__(f"The username {username} is taken.")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody with an account, as everybody may know them."""

    id: UserId = UserId(UNSTORED)
    username: str
    is_admin: bool = False
    is_active: bool = True
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Operator:
    """Whoever runs the blog at its own console: an administrator without an account."""

    is_admin: Literal[True] = True


Actor: TypeAlias = User | Operator


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

    def save(self, credentials: Credentials) -> None:
        """Put the user and their password hash in the place of what is stored under their id.

        Raises:
            UnknownUser: nothing is.
        """

    def page(self, *, limit: int, after: UserId | None = None) -> Sequence[User]:
        """Up to `limit` users by ascending id, from the first one after `after`."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """What one can do with accounts."""

    repository: UserRepository
    tokens: Tokens
    hasher: PasswordHasher
    now: Clock

    def add(self, actor: Actor, username: str, password: str, *, is_admin: bool = False) -> User:
        """Open an account.

        Raises:
            NotAnAdmin, UsernameTaken.
            Invalid: of `username` and `password`.
        """
        _must_administer(actor)
        if faults := [*faults_in_username(username), *faults_in_new_password(password, username)]:
            raise Invalid(faults)
        user = User(username=username, is_admin=is_admin, created_at=self.now())
        return self.repository.add(user, self.hasher.hash(password))

    def page(self, actor: Actor, *, limit: int = 100, after: UserId | None = None) -> Sequence[User]:
        """Up to `limit` accounts by ascending id, from the first one after `after`.

        Raises:
            NotAnAdmin.
            Invalid: of `limit`.
        """
        _must_administer(actor)
        check_limit(limit)
        return self.repository.page(limit=limit, after=after)

    def set_password(self, actor: Actor, username: str, password: str) -> None:
        """Give an account a new password, and end all its tokens.

        Raises:
            NotAnAdmin, UnknownUser.
            Invalid: of `password`.
        """
        _must_administer(actor)
        user = self._named(username)
        if faults := faults_in_new_password(password, user.username):
            raise Invalid(faults)
        password_hash = self.hasher.hash(password)
        self.repository.save(replace(self.repository.get_for_change(user.id), password_hash=password_hash))
        self.tokens.revoke_all_of(user.id)

    def deactivate(self, actor: Actor, username: str) -> None:
        """Shut an account, and end all its tokens.

        Raises:
            NotAnAdmin, UnknownUser.
        """
        self.tokens.revoke_all_of(self._set_active(actor, username, active=False).id)

    def activate(self, actor: Actor, username: str) -> None:
        """Open a shut account again; its old tokens stay dead.

        Raises:
            NotAnAdmin, UnknownUser.
        """
        self._set_active(actor, username, active=True)

    def revoke_tokens(self, actor: Actor, username: str) -> None:
        """End all tokens of an account.

        Raises:
            NotAnAdmin, UnknownUser.
        """
        _must_administer(actor)
        self.tokens.revoke_all_of(self._named(username).id)

    def log_in(self, username: str, password: str) -> tuple[User, IssuedToken]:
        """A new token for whoever knows the password.

        Raises:
            WrongCredentials: after the same one verification, whatever was wrong.
            Invalid: of `username` and `password`, when no account can have them.
        """
        if faults := [*faults_in_username(username), *faults_in_password(password)]:
            raise Invalid(faults)
        user = self._verified(username, password)
        return user, self.tokens.issue(user.id)

    def authenticate(self, secret: str) -> User:
        """Whose token this is: the actor of every change.

        Raises:
            InvalidToken.
        """
        token = self.tokens.recognise(secret)
        try:
            user = self.repository.get(token.user_id)
        except UnknownUser:
            raise InvalidToken from None
        if not user.is_active:
            raise InvalidToken
        return user

    def log_out(self, secret: str) -> None:
        """End this token.

        Raises:
            InvalidToken: it was not alive.
        """
        self.tokens.revoke(self.tokens.recognise(secret))

    def _verified(self, username: str, password: str) -> User:
        found = self.repository.find(username)
        matches = self.hasher.verify(found.password_hash if found else self.hasher.decoy, password)
        if found is None or not matches:
            raise WrongCredentials
        return self._confirmed(found, password)

    def _confirmed(self, verified: Credentials, password: str) -> User:
        """The user as they are now: verifying took its time and held no lock, and much may have happened meanwhile."""
        current = self.repository.get_for_change(verified.user.id)
        unchanged = current.password_hash == verified.password_hash
        if not current.user.is_active or not (unchanged or self.hasher.verify(current.password_hash, password)):
            raise WrongCredentials
        if self.hasher.is_outdated(current.password_hash):
            self.repository.save(replace(current, password_hash=self.hasher.hash(password)))
        return current.user

    def _set_active(self, actor: Actor, username: str, *, active: bool) -> User:
        _must_administer(actor)
        current = self.repository.get_for_change(self._named(username).id)
        user = replace(current.user, is_active=active)
        self.repository.save(replace(current, user=user))
        return user

    def _named(self, username: str) -> User:
        found = None if faults_in_username(username) else self.repository.find(username)
        if found is None:
            raise UnknownUser(username)
        return found.user


def faults_in_username(username: str) -> list[Fault]:
    """What is wrong with a username."""
    if _username.fullmatch(username):
        return []
    return [Fault("username", "must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -")]


def _must_administer(actor: Actor) -> None:
    """Accounts are changed by administrators only."""
    if not actor.is_admin:
        raise NotAnAdmin
