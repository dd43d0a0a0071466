"""Tokens in memory, by digest."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from blog.domain.accounts.tokens import Token
from blog.domain.accounts.user import User
from blog.domain.shared import TokenId, UserId

from .tables import MemoryRepository


class MemoryTokenStore(MemoryRepository):
    """A `TokenStore` over one unit of work in memory."""

    def add(self, token: Token) -> Token:
        self._unit.begin()
        token = replace(token, id=TokenId(self._unit.new_id(self._tables.tokens)))
        self._unit.put(self._tables.tokens, token.digest, token)
        return token

    def find_with_user(self, digest: bytes) -> tuple[Token, User] | None:
        with self._unit.lock:  # a consistent snapshot
            token = self._unit.find(self._tables.tokens, digest)
            holder = None if token is None else self._unit.find(self._tables.users, token.user_id)
        return None if token is None or holder is None else (token, holder.user)

    def of_user(self, user_id: UserId) -> Sequence[Token]:
        return [token for token in self._all() if token.user_id == user_id]

    def touch(self, token_id: TokenId, at: datetime) -> None:
        self._unit.begin()
        for token in self._all():
            if token.id == token_id:
                self._unit.put(self._tables.tokens, token.digest, replace(token, last_used_at=at))

    def remove(self, token_id: TokenId) -> bool:
        self._unit.begin()
        return self._remove([token for token in self._all() if token.id == token_id]) > 0

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.begin()
        self._remove(self.of_user(user_id))

    def purge(self, *, expired_by: datetime, last_active_at: datetime, limit: int) -> int:
        self._unit.begin()
        dead = [
            token for token in self._all() if token.expires_at <= expired_by or token.last_active_at <= last_active_at
        ]
        return self._remove(dead[:limit])

    def _all(self) -> list[Token]:
        """Return all tokens by ascending id."""
        return sorted(self._unit.visible_rows(self._tables.tokens).values(), key=lambda token: token.id)

    def _remove(self, tokens: Sequence[Token]) -> int:
        for token in tokens:
            self._unit.delete(self._tables.tokens, token.digest)
        return len(tokens)
