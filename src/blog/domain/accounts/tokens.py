"""Tokens: what somebody who has logged in shows instead of name and password."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from blog.domain.audit import Audit, Event
from blog.domain.errors import FieldError, Forbidden, NotFound, Unauthenticated
from blog.domain.shared import UNSTORED, Clock, SecretGenerator, TokenId, UserId
from blog.domain.validation import validate_text

from .actors import ALL_SCOPES, Actor, Anonymous, Member, Scope, require_admin, require_scope, scopes_for
from .secret_format import SecretFormat, digest_of, hint_of
from .user import User, UserNotFound, UserRepository

TOKEN_FORMAT: Final = SecretFormat("blog_")
PATTERN: Final = "blog_[0-9A-Za-z]{46}"
"""How a token looks, for whoever scans text for leaked secrets."""

MAX_NAME_LENGTH: Final = 100
MAX_TOKENS_PER_USER: Final = 25
"""How many living tokens somebody has at most: a further one ends the one that was used the longest ago."""

TOUCH_INTERVAL: Final = timedelta(minutes=1)
"""How exactly the last use of a token is known."""


class InvalidToken(Unauthenticated):
    """The token is malformed, unknown, expired or revoked; which of these is nobody's business."""

    def __init__(self) -> None:
        super().__init__("The token is not valid.")


class TokenNotFound(NotFound):
    """Whoever asks has no token of this number."""

    def __init__(self, token_id: TokenId) -> None:
        super().__init__(f"There is no token {token_id}.")


class ScopeNotGranted(Forbidden):
    """A token can be made for no more than its user may do."""

    def __init__(self) -> None:
        super().__init__("Only an administrator's token can have the scope admin.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What the blog remembers of a token: enough to recognise it, too little to use it."""

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
        """When it was last used or, if it never was, made."""
        return self.last_used_at or self.created_at

    def is_valid(self, at: datetime, idle: timedelta) -> bool:
        """A token is good until the moment it expires, or has not been used for so long."""
        return at < self.expires_at and at < self.last_active_at + idle

    def needs_touch(self, at: datetime) -> bool:
        """Whether a use at this moment is worth a note."""
        return self.last_used_at is None or at >= self.last_used_at + TOUCH_INTERVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A token at the only time that its secret is known: when it is handed over."""

    secret: str = field(repr=False)
    token: Token


class TokenStore(Protocol):
    """Where tokens are kept, found by the SHA-256 digest of their secret."""

    def add(self, token: Token) -> Token:
        """Keep the token under a new id, and give it back with that id."""

    def find(self, digest: bytes) -> Token | None:
        """The token of this digest, expired or not, or None."""

    def of_user(self, user_id: UserId) -> Sequence[Token]:
        """All tokens of this user by ascending id, expired or not."""

    def touch(self, token_id: TokenId, at: datetime) -> None:
        """Set the token's `last_used_at`; one that is not there is no error."""

    def remove(self, token_id: TokenId) -> bool:
        """Forget this token, and say whether it was there."""

    def remove_all_of(self, user_id: UserId) -> None:
        """Forget every token of this user; a user who has none is no error."""

    def purge(self, *, expired_by: datetime, last_active_at: datetime, limit: int) -> int:
        """Forget up to `limit` tokens that expired by then, or were last used (made, if never) by `last_active_at`.
        How many were forgotten.
        """


@dataclass(slots=True)
class Tokens:
    """What is done with tokens."""

    store: TokenStore
    users: UserRepository
    audit: Audit
    now: Clock
    new_secret: SecretGenerator
    lifetime: timedelta = timedelta(days=30)
    idle: timedelta = timedelta(days=14)

    def list_own(self, actor: Member) -> Sequence[Token]:
        """One's own living tokens, the oldest first.

        Raises:
            OutOfScope.
        """
        require_scope(actor, Scope.ACCOUNT)
        return self._alive(actor.user_id)

    def list_for(self, actor: Actor, user_id: UserId) -> Sequence[Token]:
        """Somebody's living tokens, the oldest first.

        Raises:
            NotAnAdmin, OutOfScope, UserNotFound.
        """
        require_admin(actor)
        return self._alive(self.users.get(user_id).id)

    def revoke(self, actor: Member, token_id: TokenId) -> None:
        """End one of one's own tokens. The one that is shown can be ended whatever it was made for.

        Raises:
            OutOfScope, TokenNotFound.
        """
        if token_id != actor.token_id:
            require_scope(actor, Scope.ACCOUNT)
        self._revoke(actor, self._alive(actor.user_id), token_id)

    def revoke_for(self, actor: Actor, user_id: UserId, token_id: TokenId) -> None:
        """End one of somebody's tokens.

        Raises:
            NotAnAdmin, OutOfScope, UserNotFound, TokenNotFound.
        """
        self._revoke(actor, self.list_for(actor, user_id), token_id)

    def revoke_all_for(self, actor: Actor, user_id: UserId) -> None:
        """End all of somebody's tokens.

        Raises:
            NotAnAdmin, OutOfScope, UserNotFound.
        """
        require_admin(actor)
        self.revoke_all(actor, self.users.get(user_id))

    def revoke_all(self, by: Actor, user: User) -> None:
        """End all of a user's tokens, for a reason that has been judged already."""
        if self.store.of_user(user.id):
            self.store.remove_all_of(user.id)
            self.audit.record(Event.TOKEN_REVOKED, by, "user", user.id, "all tokens")

    def issue(
        self, user: User, *, name: str = "", scopes: Collection[Scope] | None = None, address: str = ""
    ) -> IssuedToken:
        """A new token for this user, made for all that they may do or for what is named of it.

        Raises:
            ScopeNotGranted: they may not do what is named.
        """
        granted = scopes_for(user) if scopes is None else frozenset(scopes)
        if not granted <= scopes_for(user):
            raise ScopeNotGranted
        at, secret = self.now(), TOKEN_FORMAT.new(self.new_secret)
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

    def find_valid(self, secret: str) -> Token:
        """The living token with this secret.

        Raises:
            InvalidToken: there is none. A secret whose checksum is wrong is refused before the store is asked.
        """
        token = self.store.find(digest_of(secret)) if is_well_formed(secret) else None
        if token is None or not token.is_valid(self.now(), self.idle):
            raise InvalidToken
        return token

    def authenticate(self, secret: str, *, address: str = "") -> Member:
        """Whose token this is: the actor of every change. `address` is where they call from.

        Raises:
            InvalidToken.
        """
        token = self.find_valid(secret)
        try:
            user = self.users.get(token.user_id)
        except UserNotFound:
            raise InvalidToken from None
        if not user.is_active:
            raise InvalidToken
        return Member(
            user=user,
            scopes=token.scopes,
            token_id=token.id,
            address=address,
            needs_touch=token.needs_touch(self.now()),
        )

    def touch(self, actor: Member) -> None:
        """Remember that a token is in use, if that is not known well enough. Not within the unit that uses it."""
        at = self.now()
        noted = next((token for token in self.store.of_user(actor.user_id) if token.id == actor.token_id), None)
        if noted is not None and noted.needs_touch(at):
            self.store.touch(noted.id, max(at, noted.last_active_at))  # a clock may be set back

    def purge(self, *, limit: int = 1000) -> int:
        """Forget up to `limit` tokens that are dead; how many."""
        at = self.now()
        return self.store.purge(expired_by=at, last_active_at=at - self.idle, limit=limit)

    def _evict_oldest(self, holder: Anonymous, user_id: UserId) -> None:
        """End the tokens that were used the longest ago, but for one less than somebody can have."""
        tokens = sorted(self._alive(user_id), key=lambda token: (token.last_active_at, token.id), reverse=True)
        for token in tokens[MAX_TOKENS_PER_USER - 1 :]:
            self._end(holder, token.id, "for a new one")

    def _revoke(self, by: Actor, tokens: Sequence[Token], token_id: TokenId) -> None:
        if not (token_id in {token.id for token in tokens} and self._end(by, token_id)):
            raise TokenNotFound(token_id)

    def _end(self, by: Actor | Anonymous, token_id: TokenId, why: str = "") -> bool:
        ended = self.store.remove(token_id)
        if ended:
            self.audit.record(Event.TOKEN_REVOKED, by, "token", token_id, why)
        return ended

    def _alive(self, user_id: UserId) -> Sequence[Token]:
        at = self.now()
        return [token for token in self.store.of_user(user_id) if token.is_valid(at, self.idle)]


def is_well_formed(secret: str) -> bool:
    """Whether a text can be a token at all."""
    return TOKEN_FORMAT.is_valid(secret)


def validate_token_name(name: str) -> list[FieldError]:
    """What is wrong with the name that somebody gives a token. It can have none."""
    return validate_text("name", name, max_length=MAX_NAME_LENGTH) if name else []
