"""Actors: who performs an action, and what their token allows."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from blog.domain.errors import Forbidden
from blog.domain.shared import TokenId, UserId

from .user import User


class Scope(StrEnum):
    """A permission of a token. Public actions need no scope."""

    POSTS_READ = "posts:read"
    POSTS_WRITE = "posts:write"
    POSTS_PUBLISH = "posts:publish"
    ACCOUNT = "account"
    ADMIN = "admin"


class OutOfScope(Forbidden):
    """The token does not have the required scope."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(f"This token was made without the scope {scope}.")


class NotAnAdmin(Forbidden):
    """The action needs an administrator."""

    def __init__(self) -> None:
        super().__init__("Only an administrator may do this.")


class NotAMember(Forbidden):
    """Only a user of the blog may do this, such as to write a post. The operator or an anonymous client may not."""

    def __init__(self) -> None:
        super().__init__("Only a user may do this: act as Member.of(user), or by a token.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A user who authenticated with a token.

    `address` is the client's IP address, if it is known. `needs_touch` says whether the token's last use must be
    stored.
    """

    user: User
    scopes: frozenset[Scope]
    token_id: TokenId | None
    address: str = ""
    needs_touch: bool = False

    @classmethod
    def of(cls, user: User, *, address: str = "") -> "Member":
        """Return the actor for a user whom your own entrypoint has authenticated: with all scopes of this user."""
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
        """Return whether the token has a scope."""
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class Operator:
    """The person at the server's console: an administrator without an account."""

    name: str = "operator"
    address: str = "console"
    is_admin: bool = True
    user_id: UserId | None = None
    token_id: TokenId | None = None

    def has(self, _: Scope) -> bool:
        """Return True: the console has access to the database, so it needs no token."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Anonymous:
    """A client that did not authenticate. `user_id` is the user of the name it sent, if that user exists."""

    address: str = ""
    name: str = ""
    user_id: UserId | None = None
    token_id: TokenId | None = None


Actor: TypeAlias = Member | Operator


def require_member(actor: object) -> None:
    """Check at run time that the actor is a member, because not every caller uses a type checker.

    Raises:
        NotAMember.
        TypeError: it is not an actor, such as a `User`.
    """
    if isinstance(actor, Member):
        return
    if isinstance(actor, Operator | Anonymous):
        raise NotAMember
    raise TypeError(f"an actor must be Member.of(user), not {type(actor).__name__}")


def require_scope(actor: Member, scope: Scope) -> None:
    """Check that the actor is a member, and that their token has this scope.

    Raises:
        NotAMember, OutOfScope.
        TypeError: it is not an actor, such as a `User`.
    """
    if type(actor) is not Member:
        require_member(actor)
    if scope not in actor.scopes:
        raise OutOfScope(scope)


def may_administer(actor: Actor) -> bool:
    """Return whether an actor may administer: users, invitations, imports and the audit log."""
    return actor.is_admin and actor.has(Scope.ADMIN)


def require_admin(actor: Actor) -> None:
    """Check that an actor may administer. Every administrative use case calls this.

    Raises:
        NotAnAdmin, OutOfScope.
        TypeError: it is not an actor, such as a `User`.
    """
    _check_actor(actor)
    if not may_administer(actor):
        raise OutOfScope(Scope.ADMIN) if actor.is_admin else NotAnAdmin


def _check_actor(actor: object) -> None:
    if not isinstance(actor, Member | Operator):
        raise TypeError(f"an actor must be Member.of(user) or Operator(), not {type(actor).__name__}")


def scopes_for(user: User) -> frozenset[Scope]:
    """Return all scopes that a token of this user can have."""
    return ALL_SCOPES if user.is_admin else ALL_SCOPES - {Scope.ADMIN}


ALL_SCOPES: Final = frozenset(Scope)
