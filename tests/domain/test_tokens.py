"""The blog promises, of tokens, that…"""

import hashlib
import re
import zlib
from collections.abc import Iterator
from datetime import timedelta
from string import ascii_lowercase, ascii_uppercase, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.adapters.memory import MemoryStore
from blog.contracts import CountedSecrets, StandingClock
from blog.domain.accounts import User
from blog.domain.ids import UserId
from blog.domain.tokens import PATTERN, InvalidToken, IssuedToken, Token, Tokens, TokenStore, digest_of, is_well_formed

ALPHABET = digits + ascii_uppercase + ascii_lowercase
ANN, BOB = UserId(1), UserId(2)

bodies = st.text(ALPHABET, min_size=40, max_size=40)


@pytest.fixture
def tokens(store: MemoryStore, clock: StandingClock) -> Iterator[Tokens]:
    with store() as stores:
        yield Tokens(stores.tokens, clock, CountedSecrets())


def issued(body: str) -> str:
    """The secret that is made of these random characters."""
    with MemoryStore()() as stores:
        return Tokens(stores.tokens, StandingClock(), lambda: body).issue(ANN).secret


@given(bodies)
def test_a_token_is_its_prefix_forty_characters_and_their_checksum(body: str) -> None:
    secret = issued(body)
    assert re.fullmatch(PATTERN, secret)
    assert (secret[:5], secret[5:45]) == ("blog_", body)
    number = 0
    for digit in secret[45:]:
        number = number * 62 + ALPHABET.index(digit)
    assert number == zlib.crc32(body.encode())
    assert is_well_formed(secret)


def test_a_small_checksum_is_padded_with_zeros() -> None:
    body = next(body for body in (f"{n:040d}" for n in range(10_000)) if zlib.crc32(body.encode()) < 62**5)
    assert issued(body)[45] == "0"
    assert is_well_formed(issued(body))


@given(bodies, st.integers(0, 50), st.sampled_from(ALPHABET + "_- \u0660"))
def test_one_wrong_character_makes_no_token(body: str, place: int, char: str) -> None:
    secret = issued(body)
    wrong = secret[:place] + char + secret[place + 1 :]
    assert is_well_formed(wrong) == (wrong == secret)


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda s: s + "\n", lambda s: " " + s, lambda s: s[:-1]])
def test_nothing_but_the_token_itself_is_the_token(change: "type[str]") -> None:
    assert not is_well_formed(change(issued("aB3" * 13 + "x")))


@given(st.text(st.characters()))
def test_any_other_text_is_no_token(text: str) -> None:
    assert not is_well_formed(text)


@given(bodies)
def test_a_token_is_known_by_the_digest_of_its_secret_only(body: str) -> None:
    assert digest_of(issued(body)) == hashlib.sha256(issued(body).encode()).digest()


def test_an_issued_token_is_recognised(tokens: Tokens) -> None:
    one, other = tokens.issue(ANN), tokens.issue(BOB)
    assert tokens.recognise(one.secret) == one.token
    assert tokens.recognise(other.secret) == other.token
    assert one.token.user_id == ANN


def test_a_token_is_good_until_the_very_moment_it_expires(tokens: Tokens, clock: StandingClock) -> None:
    token = tokens.issue(ANN)
    assert token.token.expires_at == token.token.created_at + timedelta(days=30)
    clock.move(timedelta(days=30) - timedelta(microseconds=1))
    assert tokens.recognise(token.secret) == token.token
    clock.move(timedelta(microseconds=1))
    with pytest.raises(InvalidToken):
        tokens.recognise(token.secret)


def test_a_revoked_token_is_not_recognised_and_others_are(tokens: Tokens) -> None:
    one, other = tokens.issue(ANN), tokens.issue(ANN)
    tokens.revoke(one.token)
    with pytest.raises(InvalidToken, match="The token is not valid"):
        tokens.recognise(one.secret)
    assert tokens.recognise(other.secret) == other.token


def test_all_tokens_of_one_user_are_revoked_and_nobody_elses(tokens: Tokens) -> None:
    hers, his = [tokens.issue(ANN) for _ in range(3)], tokens.issue(BOB)
    tokens.revoke_all_of(ANN)
    for token in hers:
        with pytest.raises(InvalidToken):
            tokens.recognise(token.secret)
    assert tokens.recognise(his.secret) == his.token


def test_why_a_token_is_refused_is_nobodys_business(tokens: Tokens, clock: StandingClock) -> None:
    expired = tokens.issue(ANN)
    clock.move(timedelta(days=31))
    revoked = tokens.issue(ANN)
    tokens.revoke(revoked.token)
    refusals = []
    for secret in ("", "rubbish", "\ud800", issued("0" * 40), expired.secret, revoked.secret):
        with pytest.raises(InvalidToken) as refusal:
            tokens.recognise(secret)
        refusals.append((type(refusal.value), str(refusal.value)))
    assert len(set(refusals)) == 1


class Overheard:
    """A token store that remembers what it was asked for."""

    def __init__(self, store: TokenStore) -> None:
        self.store = store
        self.asked: list[bytes] = []

    def add(self, token: Token) -> Token:
        return self.store.add(token)

    def find(self, digest: bytes) -> Token | None:
        self.asked.append(digest)
        return self.store.find(digest)

    def remove(self, digest: bytes) -> None:
        self.store.remove(digest)

    def remove_all_of(self, user_id: UserId) -> None:
        self.store.remove_all_of(user_id)


def test_a_wrong_checksum_is_refused_before_the_store_is_asked(tokens: Tokens) -> None:
    store = Overheard(tokens.store)
    tokens = Tokens(store, tokens.now, tokens.new_secret)
    secret = tokens.issue(ANN).secret
    wrong = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    for attempt in (wrong, "", secret[:-1], "Bearer " + secret):
        with pytest.raises(InvalidToken):
            tokens.recognise(attempt)
    assert store.asked == []
    tokens.recognise(secret)
    assert store.asked == [digest_of(secret)]


def test_no_secret_shows_where_a_token_is_printed(tokens: Tokens) -> None:
    token = tokens.issue(ANN)
    printed = f"{token!r} {token} {token.token!r}"
    for hidden in (token.secret, token.secret[5:45], repr(token.token.digest), token.token.digest.hex()):
        assert hidden not in printed
    assert isinstance(token, IssuedToken)
    assert "user_id=1" in printed
    assert User.__name__ not in printed
