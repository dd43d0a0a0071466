"""Expiry of tokens."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.domain.actors import PASSWORD, as_member

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.login import log_in
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.tokens import InvalidToken, Tokens
from blog.domain.accounts.user import User
from blog.domain.blog import BlogConfig, OpenBlog
from blog.domain.shared import UserId
from blog.testing.contracts import FrozenClock

INSTANT = timedelta(microseconds=1)
MISSING = UserId(404)

INSTANT = timedelta(microseconds=1)


@pytest.fixture
def tokens(open_blog: OpenBlog) -> Iterator[Tokens]:
    with open_blog() as blog:
        yield blog.tokens


def test_used_token_is_valid_until_it_expires(ann: User, tokens: Tokens, clock: FrozenClock) -> None:
    issued = tokens.issue(ann)
    for _ in range(3):
        clock.move(timedelta(days=9))
        tokens.touch(as_member(ann, token_id=issued.token.id))
    clock.move(timedelta(days=3) - INSTANT)
    assert tokens.authenticate(issued.secret).token_id == issued.token.id
    clock.move(INSTANT)
    with pytest.raises(InvalidToken):
        tokens.authenticate(issued.secret)


@pytest.mark.parametrize("used", [False, True])
def test_unused_token_is_valid_for_fourteen_days(ann: User, tokens: Tokens, clock: FrozenClock, *, used: bool) -> None:
    issued = tokens.issue(ann)
    if used:
        clock.move(timedelta(days=13))
        tokens.touch(as_member(ann, token_id=issued.token.id))
    clock.move(timedelta(days=14) - INSTANT)
    assert tokens.authenticate(issued.secret).token_id == issued.token.id
    clock.move(INSTANT)
    with pytest.raises(InvalidToken):
        tokens.authenticate(issued.secret)
    assert list(tokens.list_own(as_member(ann))) == []
    tokens.touch(as_member(ann, token_id=issued.token.id))


def test_config_sets_the_lifetime_of_tokens(
    store: MemoryStore, hasher: PasswordHasher, clock: FrozenClock, ann: User
) -> None:
    terms = BlogConfig(token_lifetime=timedelta(hours=3), token_idle=timedelta(hours=1))
    with create_blog(store, hasher=hasher, now=clock, config=terms)() as blog:
        issued = blog.tokens.issue(ann)
        assert issued.token.expires_at == clock() + timedelta(hours=3)
        clock.move(timedelta(hours=1))
        with pytest.raises(InvalidToken):
            blog.tokens.authenticate(issued.secret)


def test_last_use_is_recorded_at_most_once_a_minute(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    noted = []
    for seconds in (0, 1, 58.999999, 0.000001, 30, 29.999999, 0.000001):
        clock.move(timedelta(seconds=seconds))
        with open_blog() as blog:
            actor = blog.tokens.authenticate(issued.secret)
        with open_blog() as blog:
            blog.tokens.touch(actor)
            noted.append((actor.needs_touch, blog.tokens.list_own(actor)[0].last_used_at == clock()))
    assert noted == [(True, True), *[(False, False)] * 2, (True, True), *[(False, False)] * 2, (True, True)]


def test_concurrently_recorded_use_is_not_recorded_again(ann: User, tokens: Tokens, clock: FrozenClock) -> None:
    actor = replace(as_member(ann, token_id=tokens.issue(ann).token.id), needs_touch=True)
    tokens.touch(actor)
    first = clock()
    clock.move(timedelta(seconds=59))
    tokens.touch(actor)
    assert tokens.list_own(actor)[0].last_used_at == first


def test_expired_tokens_are_purged_in_batches(ann: User, bob: User, tokens: Tokens, clock: FrozenClock) -> None:
    used = tokens.issue(bob).token
    for _ in range(5):
        tokens.issue(ann)
    clock.move(timedelta(days=14) - INSTANT)
    tokens.touch(as_member(bob, token_id=used.id))
    assert tokens.purge() == 0
    clock.move(INSTANT)
    living = tokens.issue(ann).token
    assert [tokens.purge(limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert list(tokens.store.of_user(ann.id)) == [living]
    clock.move(timedelta(days=14))
    assert tokens.purge() == 2


def test_setting_the_clock_back_does_not_expire_tokens(ann: User, tokens: Tokens, clock: FrozenClock) -> None:
    issued = tokens.issue(ann)
    clock.move(timedelta(hours=-3))
    tokens.touch(as_member(ann, token_id=issued.token.id))
    (token,) = tokens.list_own(as_member(ann))
    assert token.last_used_at == token.created_at
