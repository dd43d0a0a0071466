"""Actors: who does something, how far they may go, and how they are remembered for it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from blog.domain.errors import Forbidden
from blog.domain.shared import TokenId, UserId

from .user import User


class Scope(StrEnum):
    """What a token can be used for. What anybody may do needs none."""

    POSTS_READ = "posts:read"
    POSTS_WRITE = "posts:write"
    ACCOUNT = "account"
    ADMIN = "admin"


class OutOfScope(Forbidden):
    """The token that is shown was not made for this."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(f"This token was made without the scope {scope}.")


class NotAnAdmin(Forbidden):
    """Only an administrator may do this."""

    def __init__(self) -> None:
        super().__init__("Only an administrator may do this.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody with an account, acting by a token of theirs.

    `address` is where they call from, if that is known; `needs_touch`, whether the token's use is to be noted.
    """

    user: User
    scopes: frozenset[Scope]
    token_id: TokenId | None
    address: str = ""
    needs_touch: bool = False

    @classmethod
    def of(cls, user: User, *, address: str = "") -> "Member":
        """Somebody whom a door of your own has recognised without a token: they may do all that they may."""
        return cls(user=user, scopes=scopes_for(user), token_id=None, address=address)

    @property
    def user_id(self) -> UserId:
        return self.user.id

    @property
    def name(self) -> str:
        return self.user.username

    @property
    def is_admin(self) -> bool:
        return self.user.is_admin

    def has(self, scope: Scope) -> bool:
        """Whether the token was made for this."""
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class Operator:
    """Whoever runs the blog at its own console: an administrator without an account."""

    name: str = "operator"
    address: str = "console"
    is_admin: bool = True
    user_id: UserId | None = None
    token_id: TokenId | None = None

    def has(self, _: Scope) -> bool:
        """Whoever holds the database needs no token."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Anonymous:
    """Whoever has not shown who they are. `user_id` is whom they say they are, if there is such a user."""

    address: str = ""
    name: str = ""
    user_id: UserId | None = None
    token_id: TokenId | None = None


Actor: TypeAlias = Member | Operator


def require_scope(actor: Actor, scope: Scope) -> None:
    """Nobody goes beyond what their token was made for.

    Raises:
        OutOfScope.
    """
    if not actor.has(scope):
        raise OutOfScope(scope)


def may_administer(actor: Actor) -> bool:
    """Accounts, invitations and the audit are seen and changed by administrators only."""
    return actor.is_admin and actor.has(Scope.ADMIN)


def require_admin(actor: Actor) -> None:
    """Every act of administration passes through here.

    Raises:
        NotAnAdmin, OutOfScope.
    """
    if not may_administer(actor):
        raise OutOfScope(Scope.ADMIN) if actor.is_admin else NotAnAdmin


def scopes_for(user: User) -> frozenset[Scope]:
    """All that a token of this user can be made for."""
    return ALL_SCOPES if user.is_admin else ALL_SCOPES - {Scope.ADMIN}


ALL_SCOPES: Final = frozenset(Scope)
