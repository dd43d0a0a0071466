"""Throttling of log-ins."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread

import pytest
from tests.domain.actors import ANOTHER, ELSEWHERE, HOME, OPERATOR, PASSWORD, SpyHasher, entries

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.login import log_in
from blog.domain.accounts.own_account import WrongCredentials
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.throttle import TooManyAttempts, account_key
from blog.domain.accounts.user import User
from blog.domain.audit import Event
from blog.domain.blog import Blog, BlogConfig, ConcurrencyConflict, OpenBlog
from blog.testing.contracts import FrozenClock


def guess(open_blog: OpenBlog, username: str = "ann", *, times: int = 8, address: str = HOME) -> None:
    for _ in range(times):
        with pytest.raises(WrongCredentials):
            log_in(open_blog, username, ANOTHER, address=address)


def test_throttled_log_in_does_not_verify_the_password(
    spied_blog: OpenBlog, spy_hasher: SpyHasher, ann: User, clock: FrozenClock
) -> None:
    guess(spied_blog)
    before, verified = entries(spied_blog), len(spy_hasher.verified)
    told = []
    for password in (PASSWORD, ANOTHER):
        with pytest.raises(TooManyAttempts) as refusal:
            log_in(spied_blog, "ann", password, address=HOME)
        told.append((str(refusal.value), refusal.value.retry_after))
    assert told == [("Too many failed attempts.", 300)] * 2
    assert (entries(spied_blog), len(spy_hasher.verified)) == (before, verified)
    clock.move(timedelta(seconds=299))
    with pytest.raises(TooManyAttempts):
        log_in(spied_blog, "ann", PASSWORD, address=HOME)
    clock.move(timedelta(seconds=1))
    assert log_in(spied_blog, "ann", PASSWORD, address=HOME)[0] == ann


def test_unknown_accounts_are_throttled_alike(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        blog.users.update(OPERATOR, bob.id, is_active=False)
    told = []
    for number, username in enumerate(("ann", "nobody", "bob")):
        guess(open_blog, username, address=f"192.0.2.{number}")
        with pytest.raises(TooManyAttempts) as refusal:
            log_in(open_blog, username, PASSWORD, address=f"192.0.2.{number}")
        told.append((str(refusal.value), refusal.value.retry_after))
    assert len(set(told)) == 1


def test_other_spellings_of_a_name_are_throttled_alike(open_blog: OpenBlog, ann: User) -> None:
    for spelling in ("ann", "ANN", "Ann", "aNN"):
        guess(open_blog, spelling, times=2)
    for spelling in ("ann", "ANN", "anN"):
        with pytest.raises(TooManyAttempts):
            log_in(open_blog, spelling, PASSWORD, address=HOME)


def test_some_typos_and_many_log_ins_are_not_throttled(open_blog: OpenBlog, ann: User) -> None:
    for _ in range(3):
        guess(open_blog, times=3)
        for _ in range(6):
            assert log_in(open_blog, "ann", PASSWORD, address=HOME)[0] == ann


def test_owner_is_never_locked_out(open_blog: OpenBlog, ann: User, clock: FrozenClock) -> None:
    log_in(open_blog, "ann", PASSWORD, address=HOME)
    for n in range(8):
        guess(open_blog, address=f"203.0.113.{n}", times=4 if n == 7 else 8)
    with pytest.raises(TooManyAttempts):
        log_in(open_blog, "ann", PASSWORD, address=ELSEWHERE)
    for n in range(2):
        guess(open_blog, f"user{n}", address=HOME, times=8 - n)
    with pytest.raises(TooManyAttempts):
        log_in(open_blog, "user9", PASSWORD, address=HOME)
    assert log_in(open_blog, "ann", PASSWORD, address=HOME)[0] == ann


def test_guessing_blocks_only_the_attackers_address(open_blog: OpenBlog, ann: User) -> None:
    guess(open_blog, address=ELSEWHERE)
    with pytest.raises(TooManyAttempts):
        log_in(open_blog, "ann", PASSWORD, address=ELSEWHERE)
    assert log_in(open_blog, "ann", PASSWORD, address=HOME)[0] == ann


def test_config_scales_all_limits(store: MemoryStore, hasher: PasswordHasher, clock: FrozenClock, ann: User) -> None:
    wider = create_blog(store, hasher=hasher, now=clock, config=BlogConfig(throttle_scale=3))
    guess(wider, times=24)
    with pytest.raises(TooManyAttempts):
        log_in(wider, "ann", PASSWORD, address=HOME)


def test_concurrent_guesses_do_not_bypass_the_limit(spied_blog: OpenBlog, spy_hasher: SpyHasher, ann: User) -> None:
    refused: list[type[Exception]] = []

    def attempt() -> None:
        try:
            log_in(spied_blog, "ann", ANOTHER, address=HOME)
        except (WrongCredentials, TooManyAttempts) as refusal:
            refused.append(type(refusal))

    threads = [Thread(target=attempt) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (refused.count(WrongCredentials), refused.count(TooManyAttempts)) == (8, 42)
    assert len(spy_hasher.verified) == 8


def test_attempt_is_counted_before_the_password_is_verified(
    spied_blog: OpenBlog, spy_hasher: SpyHasher, open_blog: OpenBlog, ann: User
) -> None:
    guess(spied_blog, times=7)
    meanwhile: list[int] = []

    def begin_login() -> None:
        with pytest.raises(TooManyAttempts) as refusal:
            log_in(open_blog, "ann", PASSWORD, address=HOME)
        meanwhile.append(refusal.value.retry_after)

    spy_hasher.meanwhile = begin_login
    assert log_in(spied_blog, "ann", PASSWORD, address=HOME)[0] == ann
    assert meanwhile == [300]
    assert log_in(spied_blog, "ann", PASSWORD, address=HOME)[0] == ann


def test_refused_attempts_are_not_recorded(open_blog: OpenBlog, ann: User) -> None:
    before = len(entries(open_blog))
    for n in range(200):
        with pytest.raises((WrongCredentials, TooManyAttempts)):
            log_in(open_blog, f"user{n % 4}", ANOTHER, address=HOME)
    events = [entry.event for entry in entries(open_blog)[before:]]
    assert (events.count(Event.LOGIN_FAILED), events.count(Event.LOGIN_THROTTLED)) == (15, 1)
    assert len(events) == 16


def test_log_in_with_a_write_conflict_is_not_counted(open_blog: OpenBlog, ann: User) -> None:
    entered_times = 0

    @contextmanager
    def contended_blog() -> Iterator[Blog]:
        nonlocal entered_times
        entered_times += 1
        with open_blog() as blog:
            yield blog
            if entered_times % 3 == 2:
                raise ConcurrencyConflict("Another change conflicts with this one.")

    for _ in range(20):
        with pytest.raises(ConcurrencyConflict):
            log_in(contended_blog, "ann", PASSWORD, address=HOME)
    assert log_in(open_blog, "ann", PASSWORD, address=HOME)[0] == ann


def test_renamed_account_keeps_its_known_addresses_and_failures(open_blog: OpenBlog, ann: User) -> None:
    log_in(open_blog, "ann", PASSWORD, address=HOME)
    for number in range(20):  # as many as an account takes from strange addresses
        guess(open_blog, times=3, address=f"203.0.113.{number}")
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, username="anna")
    assert log_in(open_blog, "anna", PASSWORD, address=HOME)[0].id == ann.id
    with pytest.raises(TooManyAttempts):
        log_in(open_blog, "anna", PASSWORD, address=ELSEWHERE)


def test_former_name_has_no_known_addresses_and_no_failures(open_blog: OpenBlog, ann: User) -> None:
    log_in(open_blog, "ann", PASSWORD, address=HOME)
    guess(open_blog, times=7, address=ELSEWHERE)
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, username="anna")
    guess(open_blog, "ann", times=8, address=ELSEWHERE)
    with pytest.raises(TooManyAttempts):
        log_in(open_blog, "ann", PASSWORD, address=ELSEWHERE)
    with open_blog() as blog:
        assert blog.throttle.store.trusted_addresses(account_key("ann")) == {}
        assert set(blog.throttle.store.trusted_addresses(account_key(ann.id))) == {HOME}
