"""What a `TokenStore` promises."""

from datetime import timedelta

import pytest

from blog.domain.blog import OpenStores
from blog.domain.ids import UNSTORED, UserId
from blog.domain.tokens import Token, TokenStore, digest_of

from .given import NOON, not_given


class TokenStoreContract:
    """Needs a fixture `tokens`, an empty store; and one `holders`, if it takes tokens only of users it knows."""

    @pytest.fixture
    def tokens(self) -> TokenStore:
        """The store to be proved, empty."""
        not_given(self, "tokens", "your TokenStore, empty")

    @pytest.fixture
    def holders(self) -> tuple[UserId, UserId]:
        """Two users who can have tokens."""
        return UserId(1), UserId(2)

    def test_what_is_added_is_given_back_with_an_id(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        token = a_token(holders[0], "one")
        added = tokens.add(token)
        assert added.id > UNSTORED
        assert added == Token(
            id=added.id,
            user_id=token.user_id,
            digest=token.digest,
            created_at=token.created_at,
            expires_at=token.expires_at,
        )

    def test_what_is_added_is_found_whole(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        added = [tokens.add(a_token(holder, f"of {holder}")) for holder in holders]
        assert [tokens.find(token.digest) for token in added] == added

    def test_an_expired_token_is_found_too(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        added = tokens.add(a_token(holders[0], "old", lifetime=timedelta(days=-400)))
        assert tokens.find(added.digest) == added

    def test_a_digest_is_found_to_the_last_byte(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        digest = tokens.add(a_token(holders[0], "one")).digest
        for other in (b"", digest[:-1], digest + b"\0", bytes([*digest[:-1], digest[-1] ^ 1]), digest_of("other")):
            assert tokens.find(other) is None

    def test_any_bytes_are_a_digest(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        digests = [b"\0" * 32, b"\0" * 31 + b"a", b"\xff" * 32, b"a" * 31 + b"\0", b"a" * 31 + b" "]
        for digest in digests:
            tokens.add(a_token(holders[0], digest))
        assert [found and found.digest for found in map(tokens.find, digests)] == digests

    def test_a_removed_token_is_forgotten(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        gone, kept = (tokens.add(a_token(holders[0], name)) for name in ("gone", "kept"))
        tokens.remove(gone.digest)
        assert tokens.find(gone.digest) is None
        assert tokens.find(kept.digest) == kept

    def test_removing_what_is_not_there_is_no_error(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        kept = tokens.add(a_token(holders[0], "kept"))
        tokens.remove(digest_of("never"))
        assert tokens.find(kept.digest) == kept

    def test_all_tokens_of_one_user_are_forgotten(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        gone = [tokens.add(a_token(holders[0], str(number))) for number in range(5)]
        kept = tokens.add(a_token(holders[1], "kept"))
        tokens.remove_all_of(holders[0])
        assert [tokens.find(token.digest) for token in gone] == [None] * 5
        assert tokens.find(kept.digest) == kept

    def test_a_user_without_tokens_is_no_error(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        kept = tokens.add(a_token(holders[1], "kept"))
        tokens.remove_all_of(holders[0])
        tokens.remove_all_of(UserId(1_000_000_007))
        assert tokens.find(kept.digest) == kept

    def test_ids_ascend_and_none_is_used_twice(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        ids = []
        for number in range(4):
            token = tokens.add(a_token(holders[number % 2], str(number)))
            ids.append(token.id)
            tokens.remove(token.digest) if number % 2 else tokens.remove_all_of(token.user_id)
        assert ids == sorted(set(ids))


class UnitPerCall:
    """A `TokenStore` for tests whose every call is a unit of work of its own: what is found is what was kept."""

    def __init__(self, open_stores: OpenStores) -> None:
        self._open = open_stores

    def add(self, token: Token) -> Token:
        with self._open() as stores:
            return stores.tokens.add(token)

    def find(self, digest: bytes) -> Token | None:
        with self._open() as stores:
            return stores.tokens.find(digest)

    def remove(self, digest: bytes) -> None:
        with self._open() as stores:
            stores.tokens.remove(digest)

    def remove_all_of(self, user_id: UserId) -> None:
        with self._open() as stores:
            stores.tokens.remove_all_of(user_id)


def a_token(holder: UserId, secret: str | bytes, *, lifetime: timedelta = timedelta(days=30)) -> Token:
    """A token that no store has taken yet, of this secret or with this digest."""
    digest = digest_of(secret) if isinstance(secret, str) else secret
    return Token(user_id=holder, digest=digest, created_at=NOON, expires_at=NOON + lifetime)
