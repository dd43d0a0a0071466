"""Tokens in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from blog.domain.accounts.tokens import Token
from blog.domain.shared import TokenId, UserId

from .unit import Table, Unit


@dataclass(frozen=True, slots=True)
class TokenTables:
    """Tokens by number; and their numbers by digest, and by whose they are."""

    by_id: Table[TokenId, Token] = field(default_factory=Table)
    by_digest: Table[bytes, TokenId] = field(default_factory=Table)
    by_user: Table[tuple[UserId, int], TokenId] = field(default_factory=Table)


class MemoryTokenStore:
    """A `TokenStore` over one unit of work in memory."""

    def __init__(self, unit: Unit, shelves: TokenTables) -> None:
        self._unit = unit
        self._shelves = shelves

    def add(self, token: Token) -> Token:
        self._unit.begin()
        token = replace(token, id=TokenId(next(self._shelves.by_id.numbers)))
        self._unit.on(self._shelves.by_id).put(token.id, token)
        self._unit.on(self._shelves.by_digest).put(token.digest, token.id)
        self._unit.on(self._shelves.by_user).put((token.user_id, token.id), token.id)
        return token

    def find(self, digest: bytes) -> Token | None:
        token_id = self._unit.find(self._shelves.by_digest, digest)
        return None if token_id is None else self._unit.find(self._shelves.by_id, token_id)

    def of_user(self, user_id: UserId) -> Sequence[Token]:
        found = (self._unit.find(self._shelves.by_id, number) for number in self._numbers_of(user_id))
        return [token for token in found if token is not None]  # another unit may have ended one just now

    def touch(self, token_id: TokenId, at: datetime) -> None:
        self._unit.begin()
        if token := self._unit.find(self._shelves.by_id, token_id):
            self._unit.on(self._shelves.by_id).put(token_id, replace(token, last_used_at=at))

    def remove(self, token_id: TokenId) -> bool:
        self._unit.begin()
        token = self._unit.find(self._shelves.by_id, token_id)
        if token is None:
            return False
        self._unit.on(self._shelves.by_id).drop(token_id)
        self._unit.on(self._shelves.by_digest).drop(token.digest)
        self._unit.on(self._shelves.by_user).drop((token.user_id, token_id))
        return True

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.begin()
        for token_id in self._numbers_of(user_id):
            self.remove(token_id)

    def purge(self, *, expired_by: datetime, last_active_at: datetime, limit: int) -> int:
        self._unit.begin()
        tokens = self._unit.on(self._shelves.by_id).everything()
        dead = (token for token in tokens if token.expires_at <= expired_by or token.last_active_at <= last_active_at)
        return sum(self.remove(token.id) for token in islice(dead, limit))

    def _numbers_of(self, user_id: UserId) -> Sequence[TokenId]:
        return self._unit.on(self._shelves.by_user).between((user_id, 0), (UserId(user_id + 1), 0))
