"""The contract of `TokenStore`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from blog.domain.accounts.actors import ALL_SCOPES, Scope
from blog.domain.accounts.secret_format import digest_of
from blog.domain.accounts.tokens import Token, TokenStore
from blog.domain.accounts.user import User
from blog.domain.blog import OpenStores, Stores
from blog.domain.shared import UNSTORED, TokenId, UserId

from .fixtures import NOON, THREADS, require_fixture, run_concurrently

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
NO_TOKENS = [TokenId(UNSTORED), TokenId(-1), TokenId(1_000_000_007), TokenId(2**64), TokenId(-(2**64))]
SCOPES = [frozenset[Scope](), frozenset({Scope.POSTS_READ, Scope.ADMIN}), ALL_SCOPES]


class TokenStoreContract:
    """Needs fixtures: `tokens`, an empty store; and `holders`, the ids of two users that the store knows."""

    threads: int = THREADS
    """The number of threads that use the store at once: 1 for the store of a single unit of work."""

    @pytest.fixture
    def tokens(self) -> TokenStore:
        """The store to be tested, empty."""
        require_fixture(self, "tokens", "your TokenStore, empty")

    @pytest.fixture
    def holders(self) -> tuple[UserId, UserId]:
        """The ids of two users, as `two_users` adds them to the users that the store knows."""
        require_fixture(self, "holders", "the ids of two users that the store knows")

    @pytest.fixture
    def holder(self, holders: tuple[UserId, UserId]) -> UserId:
        """The id of one of them."""
        return holders[0]

    @pytest.mark.parametrize("scopes", SCOPES, ids=len)
    @pytest.mark.parametrize("last_used_at", [None, NOON + timedelta(microseconds=7)])
    def test_an_added_token_is_returned_and_found_unchanged(
        self, tokens: TokenStore, holder: UserId, scopes: frozenset[Scope], last_used_at: datetime | None
    ) -> None:
        token = replace(make_token(holder, "one"), scopes=scopes, last_used_at=last_used_at)
        added = tokens.add(token)
        assert added.id > UNSTORED
        assert added == replace(token, id=added.id)
        assert find(tokens, token.digest) == added
        assert list(tokens.of_user(holder)) == [added]

    def test_an_expired_token_is_found_too(self, tokens: TokenStore, holder: UserId) -> None:
        added = tokens.add(make_token(holder, "old", lifetime=timedelta(days=-400)))
        assert find(tokens, added.digest) == added
        assert list(tokens.of_user(holder)) == [added]

    def test_every_byte_of_a_digest_counts(self, tokens: TokenStore, holder: UserId) -> None:
        digest = tokens.add(make_token(holder, "one")).digest
        for other in (b"", digest[:-1], digest + b"\0", bytes([*digest[:-1], digest[-1] ^ 1]), digest_of("other")):
            assert find(tokens, other) is None

    def test_a_digest_can_have_any_bytes(self, tokens: TokenStore, holder: UserId) -> None:
        digests = [b"\0" * 32, b"\0" * 31 + b"a", b"\xff" * 32, b"a" * 31 + b"\0", b"a" * 31 + b" "]
        for digest in digests:
            tokens.add(make_token(holder, digest))
        assert [found and found.digest for found in (find(tokens, digest) for digest in digests)] == digests

    def test_tokens_of_a_user_are_sorted_by_ascending_id(
        self, tokens: TokenStore, holders: tuple[UserId, UserId]
    ) -> None:
        added = [tokens.add(make_token(holders[number % 2], str(number))) for number in range(12)]
        assert list(tokens.of_user(holders[0])) == added[::2]
        assert list(tokens.of_user(holders[1])) == added[1::2]
        assert list(tokens.of_user(UserId(1_000_000_007))) == []

    def test_a_use_is_recorded_for_one_token_only(self, tokens: TokenStore, holder: UserId) -> None:
        one, other = (tokens.add(make_token(holder, name)) for name in ("one", "other"))
        for at in (NOON + HOUR, NOON + timedelta(days=3, microseconds=1)):
            tokens.touch(one.id, at)
            assert list(tokens.of_user(holder)) == [replace(one, last_used_at=at), other]
            assert find(tokens, one.digest) == replace(one, last_used_at=at)

    @pytest.mark.parametrize("token_id", NO_TOKENS)
    def test_an_unknown_token_is_not_an_error(self, tokens: TokenStore, holder: UserId, token_id: TokenId) -> None:
        stored = tokens.add(make_token(holder, "kept"))
        tokens.touch(token_id, NOON)
        assert tokens.remove(token_id) is False
        assert list(tokens.of_user(holder)) == [stored]

    def test_a_removed_token_is_not_found(self, tokens: TokenStore, holder: UserId) -> None:
        removed, stored = (tokens.add(make_token(holder, name)) for name in ("gone", "kept"))
        assert tokens.remove(removed.id) is True
        assert find(tokens, removed.digest) is None
        assert list(tokens.of_user(holder)) == [stored]
        assert tokens.remove(removed.id) is False
        tokens.touch(removed.id, NOON)
        assert find(tokens, removed.digest) is None

    def test_all_tokens_of_one_user_are_removed(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        removed = [tokens.add(make_token(holders[0], str(number))) for number in range(5)]
        stored = tokens.add(make_token(holders[1], "kept"))
        tokens.remove_all_of(holders[0])
        assert [find(tokens, token.digest) for token in removed] == [None] * 5
        assert list(tokens.of_user(holders[0])) == []
        assert find(tokens, stored.digest) == stored

    def test_a_user_without_tokens_is_not_an_error(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        stored = tokens.add(make_token(holders[1], "kept"))
        tokens.remove_all_of(holders[0])
        tokens.remove_all_of(UserId(1_000_000_007))
        assert find(tokens, stored.digest) == stored

    def test_ids_ascend_and_are_not_reused(self, tokens: TokenStore, holders: tuple[UserId, UserId]) -> None:
        ids = []
        for number in range(4):
            token = tokens.add(make_token(holders[number % 2], str(number)))
            ids.append(token.id)
            tokens.remove(token.id) if number % 2 else tokens.remove_all_of(token.user_id)
        assert ids == sorted(set(ids))

    def test_only_expired_and_unused_tokens_are_purged(
        self, tokens: TokenStore, holders: tuple[UserId, UserId]
    ) -> None:
        expired = (
            TokenTimes(NOON, NOON),
            TokenTimes(NOON - HOUR, NOON + HOUR),
            TokenTimes(NOON - 2 * HOUR, NOON + HOUR, NOON - HOUR),
        )
        alive = [TokenTimes(NOON, NOON + TICK), TokenTimes(NOON - HOUR + TICK, NOON + HOUR)]
        alive += [TokenTimes(NOON - 2 * HOUR, NOON + HOUR, NOON - HOUR + TICK)]
        removed, stored = (
            [tokens.add(make_token_with_times(holder, ages)) for holder in holders for ages in several]
            for several in (expired, alive)
        )
        assert tokens.purge(expired_by=NOON, last_active_at=NOON - HOUR, limit=100) == 6
        assert [find(tokens, token.digest) for token in removed + stored] == [None] * 6 + stored
        assert [*tokens.of_user(holders[0]), *tokens.of_user(holders[1])] == stored
        assert tokens.purge(expired_by=NOON, last_active_at=NOON - HOUR, limit=100) == 0

    def test_at_most_the_limit_is_purged(self, tokens: TokenStore, holder: UserId) -> None:
        for number in range(7):
            tokens.add(make_token(holder, str(number), lifetime=-HOUR))
        for purged, left in ((3, 4), (3, 1), (1, 0), (0, 0)):
            assert tokens.purge(expired_by=NOON, last_active_at=NOON - HOUR, limit=3) == purged
            assert len(tokens.of_user(holder)) == left

    def test_the_store_is_used_by_several_threads_concurrently(
        self, tokens: TokenStore, holders: tuple[UserId, UserId]
    ) -> None:
        def use(thread: int) -> list[Token]:
            stored = []
            for number in range(12):
                holder = holders[(thread + number) % 2]
                added = tokens.add(make_token(holder, f"{thread}: {number}"))
                assert find(tokens, added.digest) == added
                assert added in tokens.of_user(holder)
                tokens.touch(added.id, NOON)
                if number % 3:
                    stored.append(replace(added, last_used_at=NOON))
                else:
                    assert tokens.remove(added.id) is True
                    assert find(tokens, added.digest) is None
            return stored

        stored = [token for of_thread in run_concurrently(use, self.threads) for token in of_thread]
        stored = [*tokens.of_user(holders[0]), *tokens.of_user(holders[1])]
        assert sorted(stored, key=lambda token: token.id) == sorted(stored, key=lambda token: token.id)


def find(tokens: TokenStore, digest: bytes) -> Token | None:
    """Return the token of this digest. Its user must be found with it."""
    found = tokens.find_with_user(digest)
    if found is None:
        return None
    token, user = found
    assert user.id == token.user_id
    return token


def two_users(stores: Stores) -> tuple[UserId, UserId]:
    """Add two users, and return their ids."""
    ann, bob = (stores.users.add(User(username=name, created_at=NOON), "hash") for name in ("ann", "bob"))
    return ann.id, bob.id


class UnitPerCall:
    """A `TokenStore` for tests. Each call is a unit of work of its own, so it finds only what was committed."""

    def __init__(self, open_stores: OpenStores) -> None:
        self._open = open_stores

    def add(self, token: Token) -> Token:
        with self._open() as stores:
            return stores.tokens.add(token)

    def find_with_user(self, digest: bytes) -> tuple[Token, User] | None:
        with self._open() as stores:
            return stores.tokens.find_with_user(digest)

    def of_user(self, user_id: UserId) -> Sequence[Token]:
        with self._open() as stores:
            return stores.tokens.of_user(user_id)

    def touch(self, token_id: TokenId, at: datetime) -> None:
        with self._open() as stores:
            stores.tokens.touch(token_id, at)

    def remove(self, token_id: TokenId) -> bool:
        with self._open() as stores:
            return stores.tokens.remove(token_id)

    def remove_all_of(self, user_id: UserId) -> None:
        with self._open() as stores:
            stores.tokens.remove_all_of(user_id)

    def purge(self, *, expired_by: datetime, last_active_at: datetime, limit: int) -> int:
        with self._open() as stores:
            return stores.tokens.purge(expired_by=expired_by, last_active_at=last_active_at, limit=limit)


class TokenTimes(NamedTuple):
    """The times of a token: created, expires, last used."""

    made: datetime
    expires: datetime
    used: datetime | None = None


def make_token_with_times(holder: UserId, ages: TokenTimes) -> Token:
    """Return a token with these times that is not stored yet."""
    token = make_token(holder, f"of {holder}: {ages}")
    return replace(token, created_at=ages.made, expires_at=ages.expires, last_used_at=ages.used)


def make_token(holder: UserId, secret: str | bytes, *, lifetime: timedelta = timedelta(days=30)) -> Token:
    """Return a token with this secret or digest that is not stored yet. No two of its fields are equal."""
    digest = digest_of(secret) if isinstance(secret, str) else secret
    return Token(
        user_id=holder,
        digest=digest,
        name="a laptop \N{SNOWMAN}",
        hint="blog_ab...wxyz",
        scopes=frozenset({Scope.POSTS_READ, Scope.ACCOUNT}),
        created_at=NOON,
        expires_at=NOON + lifetime,
    )
