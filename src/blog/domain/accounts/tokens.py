"""Tokens: secrets that authenticate a user, instead of name and password."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from blog.domain.audit import Audit, Event
from blog.domain.errors import FieldError, Forbidden, NotFound, Unauthenticated
from blog.domain.shared import UNSTORED, Clock, SecretGenerator, TokenId, UserId, check_id
from blog.domain.validation import validate_text

from .actors import (
    ALL_SCOPES,
    Actor,
    Anonymous,
    Member,
    Scope,
    require_admin,
    require_member,
    require_scope,
    scopes_for,
)
from .secret_format import SecretFormat, digest_of, hint_of
from .user import User, UserRepository

TOKEN_FORMAT: Final = SecretFormat("blog_")
TOKEN_PATTERN: Final = "blog_[0-9A-Za-z]{46}"  # noqa: S105 - not a password
"""A regular expression of tokens, for secret scanners."""

MAX_NAME_LENGTH: Final = 100
MAX_TOKENS_PER_USER: Final = 25
"""Valid tokens of one user at most. A further one revokes the least recently used."""

TOUCH_INTERVAL: Final = timedelta(minutes=1)
"""The precision of `last_used_at`."""


class InvalidToken(Unauthenticated):
    """The token is malformed, unknown, expired or revoked. The error does not say which."""

    def __init__(self) -> None:
        super().__init__("The token is not valid.")


class TokenNotFound(NotFound):
    """The user has no token with this id."""

    def __init__(self, token_id: TokenId) -> None:
        super().__init__(f"There is no token {token_id}.")


class ScopeNotGranted(Forbidden):
    """The user may not have a requested scope."""

    def __init__(self) -> None:
        super().__init__("Only an administrator's token can have the scope admin.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A stored token, with the digest of its secret and without the secret."""

    id: TokenId = TokenId(UNSTORED)
    user_id: UserId
    digest: bytes = field(repr=False)
    name: str = ""
    hint: str = ""
    scopes: frozenset[Scope] = ALL_SCOPES
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None

    @property
    def last_active_at(self) -> datetime:
        """The time of the last use or, if it was never used, of the creation."""
        return self.last_used_at or self.created_at

    def is_valid(self, at: datetime, idle: timedelta) -> bool:
        """Return whether the token is neither expired nor unused for longer than `idle`."""
        return at < self.expires_at and at < (self.last_used_at or self.created_at) + idle

    def needs_touch(self, at: datetime) -> bool:
        """Return whether a use at this time must be stored."""
        return self.last_used_at is None or at >= self.last_used_at + TOUCH_INTERVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A new token and its secret, which is shown once and not stored."""

    secret: str = field(repr=False)
    token: Token


class TokenStore(Protocol):
    """Stores tokens, found by the SHA-256 digest of their secret."""

    def add(self, token: Token) -> Token:
        """Store a token. Return it with its new id."""

    def find_with_user(self, digest: bytes) -> tuple[Token, User] | None:
        """Return the token with this digest, also an expired one, and its user. Return None if either is missing."""

    def of_user(self, user_id: UserId) -> Sequence[Token]:
        """Return all tokens of a user by ascending id, also expired ones."""

    def touch(self, token_id: TokenId, at: datetime) -> None:
        """Set `last_used_at` of a token, if it exists."""

    def remove(self, token_id: TokenId) -> bool:
        """Delete a token. Return whether it existed."""

    def remove_all_of(self, user_id: UserId) -> None:
        """Delete all tokens of a user, if there are any."""

    def purge(self, *, expired_by: datetime, last_active_at: datetime, limit: int) -> int:
        """Delete up to `limit` tokens that expired at `expired_by` or before, or were last active at
        `last_active_at` or before. Return how many.
        """


@dataclass(slots=True)
class Tokens:
    """Issues, checks, lists and revokes tokens."""

    store: TokenStore
    users: UserRepository
    audit: Audit
    now: Clock
    new_secret: SecretGenerator
    lifetime: timedelta = timedelta(days=30)
    idle: timedelta = timedelta(days=14)

    def list_own(self, actor: Member) -> Sequence[Token]:
        """Return the valid tokens of the actor, oldest first.

        Raises:
            OutOfScope.
        """
        require_scope(actor, Scope.ACCOUNT)
        return self._valid_tokens(actor.user_id)

    def list_for(self, actor: Actor, user_id: UserId) -> Sequence[Token]:
        """Return the valid tokens of a user, oldest first.

        Raises:
            NotAnAdmin, OutOfScope, UserNotFound.
        """
        require_admin(actor)
        check_id(user_id)
        return self._valid_tokens(self.users.get(user_id).id)

    def revoke(self, actor: Member, token_id: TokenId) -> None:
        """Revoke a token of the actor. The token of the request can be revoked without any scope.

        Raises:
            OutOfScope, TokenNotFound.
        """
        require_member(actor)
        check_id(token_id)
        if token_id != actor.token_id:
            require_scope(actor, Scope.ACCOUNT)
        self._revoke(actor, self._valid_tokens(actor.user_id), token_id)

    def revoke_for(self, actor: Actor, user_id: UserId, token_id: TokenId) -> None:
        """Revoke a token of a user.

        Raises:
            NotAnAdmin, OutOfScope, UserNotFound, TokenNotFound.
        """
        check_id(token_id)
        self._revoke(actor, self.list_for(actor, user_id), token_id)

    def revoke_all_for(self, actor: Actor, user_id: UserId) -> None:
        """Revoke all tokens of a user.

        Raises:
            NotAnAdmin, OutOfScope, UserNotFound.
        """
        require_admin(actor)
        check_id(user_id)
        self.revoke_all(actor, self.users.get(user_id))

    def revoke_all(self, by: Actor, user: User) -> None:
        """Revoke all tokens of a user. The callers have checked the permission."""
        if self.store.of_user(user.id):
            self.store.remove_all_of(user.id)
            self.audit.record(Event.TOKEN_REVOKED, by, "user", user.id, "all tokens")

    def issue(
        self, user: User, *, name: str = "", scopes: Collection[Scope] | None = None, address: str = ""
    ) -> IssuedToken:
        """Issue a token for a user, with these scopes or, for None, with all scopes of the user.

        Raises:
            ScopeNotGranted: the user may not have one of the scopes.
        """
        granted = scopes_for(user) if scopes is None else frozenset(scopes)
        if not granted <= scopes_for(user):
            raise ScopeNotGranted
        at, secret = self.now(), TOKEN_FORMAT.generate(self.new_secret)
        holder = Anonymous(address=address, name=user.username, user_id=user.id)
        self._evict_oldest(holder, user.id)
        token = self.store.add(
            Token(
                user_id=user.id,
                digest=digest_of(secret),
                name=name,
                hint=hint_of(secret),
                scopes=granted,
                created_at=at,
                expires_at=at + self.lifetime,
            )
        )
        self.audit.record(Event.TOKEN_ISSUED, holder, "token", token.id, " ".join(sorted(granted)))
        return IssuedToken(secret=secret, token=token)

    def authenticate(self, secret: str, *, address: str = "") -> Member:
        """Return the user of a token as the actor of every change.

        Args:
            secret: the token. One whose checksum is wrong is refused before the store is asked.
            address: the address of the client.

        Raises:
            InvalidToken.
        """
        found = self.store.find_with_user(digest_of(secret)) if TOKEN_FORMAT.is_valid(secret) else None
        if found is None:
            raise InvalidToken
        (token, user), at = found, self.now()
        if not (token.is_valid(at, self.idle) and user.is_active):
            raise InvalidToken
        return Member(
            user=user, scopes=token.scopes, token_id=token.id, address=address, needs_touch=token.needs_touch(at)
        )

    def touch(self, actor: Member) -> None:
        """Store the time of the last use, if the stored time is too old. Call it in a unit of work of its own."""
        at = self.now()
        token = next((token for token in self.store.of_user(actor.user_id) if token.id == actor.token_id), None)
        if token is not None and token.needs_touch(at):
            self.store.touch(token.id, max(at, token.last_active_at))  # a clock may be set back

    def purge(self, *, limit: int = 1000) -> int:
        """Delete up to `limit` tokens that are no longer valid. Return how many."""
        at = self.now()
        return self.store.purge(expired_by=at, last_active_at=at - self.idle, limit=limit)

    def _evict_oldest(self, holder: Anonymous, user_id: UserId) -> None:
        """Revoke the least recently used tokens, so that one more fits below the maximum."""
        tokens = sorted(self._valid_tokens(user_id), key=lambda token: (token.last_active_at, token.id), reverse=True)
        for token in tokens[MAX_TOKENS_PER_USER - 1 :]:
            self._remove(holder, token.id, "for a new one")

    def _revoke(self, by: Actor, tokens: Sequence[Token], token_id: TokenId) -> None:
        if not (token_id in {token.id for token in tokens} and self._remove(by, token_id)):
            raise TokenNotFound(token_id)

    def _remove(self, by: Actor | Anonymous, token_id: TokenId, why: str = "") -> bool:
        is_removed = self.store.remove(token_id)
        if is_removed:
            self.audit.record(Event.TOKEN_REVOKED, by, "token", token_id, why)
        return is_removed

    def _valid_tokens(self, user_id: UserId) -> Sequence[Token]:
        at = self.now()
        return [token for token in self.store.of_user(user_id) if token.is_valid(at, self.idle)]


def is_well_formed(secret: str) -> bool:
    """Return whether a text has the format of a token."""
    return TOKEN_FORMAT.is_valid(secret)


def validate_token_name(name: str) -> list[FieldError]:
    """Return the errors of the name of a token. The name may be empty."""
    return validate_text("name", name, max_length=MAX_NAME_LENGTH) if name else []
