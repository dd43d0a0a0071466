"""Tokens: what somebody who has logged in shows instead of name and password."""

import hashlib
import re
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final, Protocol

from .clock import Clock, NewSecret
from .errors import Unauthenticated
from .ids import UNSTORED, TokenId, UserId

PREFIX: Final = "blog_"
PATTERN: Final = "blog_[0-9A-Za-z]{46}"
"""How a token looks, for whoever scans text for leaked secrets."""

_ALPHABET: Final = digits + ascii_uppercase + ascii_lowercase
_CHECKSUM: Final = 6
_shape = re.compile(PATTERN)


class InvalidToken(Unauthenticated):
    """The token is malformed, unknown, expired or revoked; which of these is nobody's business."""

    def __init__(self) -> None:
        super().__init__("The token is not valid.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What the blog remembers of a token: enough to recognise it, too little to use it."""

    id: TokenId = TokenId(UNSTORED)
    user_id: UserId
    digest: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime

    def is_alive(self, at: datetime) -> bool:
        """A token is good until the moment it expires."""
        return at < self.expires_at


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

    def remove(self, digest: bytes) -> None:
        """Forget the token of this digest; one that is not there is no error."""

    def remove_all_of(self, user_id: UserId) -> None:
        """Forget every token of this user; a user who has none is no error."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the blog does with tokens."""

    store: TokenStore
    now: Clock
    new_secret: NewSecret
    lifetime: timedelta = timedelta(days=30)

    def issue(self, user_id: UserId) -> IssuedToken:
        """A new token for this user, good for one lifetime from now."""
        secret = _sealed(self.new_secret())
        at = self.now()
        token = Token(user_id=user_id, digest=digest_of(secret), created_at=at, expires_at=at + self.lifetime)
        return IssuedToken(secret=secret, token=self.store.add(token))

    def recognise(self, secret: str) -> Token:
        """The living token with this secret.

        Raises:
            InvalidToken: there is none. A secret whose checksum is wrong is refused before the store is asked.
        """
        token = self.store.find(digest_of(secret)) if is_well_formed(secret) else None
        if token is None or not token.is_alive(self.now()):
            raise InvalidToken
        return token

    def revoke(self, token: Token) -> None:
        """End one token."""
        self.store.remove(token.digest)

    def revoke_all_of(self, user_id: UserId) -> None:
        """End every token of this user."""
        self.store.remove_all_of(user_id)


def is_well_formed(secret: str) -> bool:
    """Whether a text can be a token at all: prefix, 40 random characters, checksum, as in GitHub's tokens."""
    return _shape.fullmatch(secret) is not None and secret == _sealed(secret[len(PREFIX) : -_CHECKSUM])


def digest_of(secret: str) -> bytes:
    """The SHA-256 digest by which a token is known. The secret has too much entropy to need salt or stretching."""
    return hashlib.sha256(secret.encode()).digest()


def _sealed(body: str) -> str:
    """The body between the prefix and its CRC-32 in base 62, by which scanners know a token from a look-alike."""
    return PREFIX + body + _base62(zlib.crc32(body.encode())).rjust(_CHECKSUM, "0")


def _base62(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 62)
        text = _ALPHABET[digit] + text
    return text
