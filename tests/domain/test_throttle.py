"""Limits on failed log-in attempts."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.actors import ELSEWHERE, HOME
from tests.domain.throttle_driver import MINUTE, SECOND, WINDOW, ThrottleDriver

from blog.domain.accounts.throttle import TooManyAttempts, account_key


@pytest.fixture
def driver() -> ThrottleDriver:
    return ThrottleDriver()


def test_ninth_failure_by_account_and_address_in_five_minutes_is_refused(driver: ThrottleDriver) -> None:
    assert driver.fail() == 8
    assert driver.wait() == 300
    driver.clock.move(WINDOW - timedelta(microseconds=1))
    assert driver.fail() == 0
    driver.clock.move(timedelta(microseconds=1))
    assert driver.fail() == 8


@given(st.lists(st.integers(0, 100_000_000), min_size=8, max_size=8))
def test_retry_after_is_exact_to_the_second(gaps: list[int]) -> None:
    driver = ThrottleDriver()
    for gap in gaps:
        driver.fail(times=1)
        driver.clock.move(timedelta(microseconds=gap // 3))
    wait = driver.wait()
    if wait is None:
        assert driver.clock() - driver.failed[0].at >= WINDOW
    else:
        assert wait >= 1
        assert driver.wait(later=wait * SECOND) is None
        assert wait == 1 or driver.wait(later=(wait - 1) * SECOND) == 1


def test_window_slides_by_single_failures(driver: ThrottleDriver) -> None:
    for _ in range(8):
        driver.fail(times=1)
        driver.clock.move(10 * SECOND)
    assert driver.wait() == 220
    driver.clock.move(220 * SECOND)
    assert driver.fail() == 1
    assert driver.wait() == 10


def test_address_may_fail_fifteen_times_over_all_accounts(driver: ThrottleDriver) -> None:
    assert [driver.fail(f"user{n}", times=1) for n in range(20)] == [1] * 15 + [0] * 5
    assert driver.wait("nobody else") == 300
    assert driver.wait("user1", ELSEWHERE) is None
    driver.clock.move(WINDOW)
    assert driver.fail("user19", times=1) == 1


def test_attempts_without_address_are_not_limited_by_address(driver: ThrottleDriver) -> None:
    assert [driver.fail(f"user{n}", "", times=1) for n in range(40)] == [1] * 40
    assert driver.fail("user0", "") == 7
    driver.succeed("user1", "")
    with driver.store() as stores:
        assert stores.attempts.trusted_addresses("user1") == {}


def test_account_takes_sixty_failures_in_five_minutes(driver: ThrottleDriver) -> None:
    assert driver.spray() == 60
    assert driver.wait(address=ELSEWHERE) == 300
    driver.clock.move(WINDOW - SECOND)
    assert driver.wait(address=ELSEWHERE) == 1
    assert driver.wait("bob", ELSEWHERE) is None
    driver.clock.move(SECOND)
    assert driver.wait(address=ELSEWHERE) is None


def test_account_takes_a_hundred_consecutive_failures_in_a_day(driver: ThrottleDriver) -> None:
    started = driver.clock()
    assert driver.spray() == 60
    driver.clock.move(WINDOW)
    assert driver.spray(start=100) == 40
    driver.clock.move(WINDOW)
    assert driver.fail(address=ELSEWHERE) == 0
    left = started + timedelta(days=1) - driver.clock()
    assert driver.wait(address=ELSEWHERE) == left.total_seconds()
    driver.clock.move(left - SECOND)
    assert driver.wait(address=ELSEWHERE) == 1
    driver.clock.move(SECOND)
    assert driver.spray(start=200) == 60


def test_success_resets_only_the_consecutive_failures(driver: ThrottleDriver) -> None:
    driver.succeed()
    driver.clock.move(MINUTE)
    assert driver.spray() == 60
    driver.clock.move(WINDOW)
    driver.succeed()
    driver.clock.move(SECOND)
    assert driver.spray(start=100) == 60
    driver.succeed()
    assert driver.wait(address=ELSEWHERE) == 300


def test_failures_of_the_owner_count_for_other_addresses(driver: ThrottleDriver) -> None:
    driver.succeed()
    assert driver.fail(address=ELSEWHERE) == 8
    driver.clock.move(10 * SECOND)
    assert driver.spray() == 52
    driver.clock.move(10 * SECOND)
    assert driver.fail() == 8
    assert driver.wait(address="203.0.113.99") == 290
    assert driver.wait(address="203.0.113.99", later=289 * SECOND) == 1
    assert driver.wait(address="203.0.113.99", later=290 * SECOND) is None


def test_owner_is_not_locked_out_by_attacks_from_other_addresses(driver: ThrottleDriver) -> None:
    driver.succeed()
    for _ in range(3):
        driver.spray()
        driver.clock.move(WINDOW)
    assert driver.wait(address=ELSEWHERE) is not None
    driver.succeed()
    assert driver.fail() == 8


def test_owner_is_not_locked_out_by_attacks_from_the_same_address(driver: ThrottleDriver) -> None:
    driver.succeed()
    for n in range(20):
        driver.fail(f"user{n}")
    assert driver.wait("bob") == 300
    assert driver.wait() is None
    driver.succeed()


def test_address_is_known_only_to_accounts_that_logged_in_from_it(driver: ThrottleDriver) -> None:
    driver.succeed("ann", HOME)
    for n in range(4):
        driver.fail(f"user{n}")
    assert driver.wait("ann", HOME) is None
    assert driver.wait("bob", HOME) == 300
    driver.spray("ann")
    assert driver.wait("ann", ELSEWHERE) == 300


def test_success_allows_no_more_guesses_at_another_account(driver: ThrottleDriver) -> None:
    driver.fail("ann", times=7)
    driver.fail("bob", times=7)
    driver.succeed("mallory")
    assert driver.fail("ann") == 1
    assert driver.wait("carl") == 300
    driver.succeed("mallory")
    assert (driver.fail("ann"), driver.fail("carl")) == (0, 0)


def test_success_allows_no_more_guesses_from_another_address(driver: ThrottleDriver) -> None:
    driver.fail(address=ELSEWHERE)
    driver.fail(times=7)
    driver.succeed()
    assert driver.wait(address=ELSEWHERE) == 300
    assert driver.fail() == 8


@pytest.mark.parametrize("kind", ["typos", "typos from nowhere"])
def test_success_clears_the_failures_of_this_account_and_address(driver: ThrottleDriver, kind: str) -> None:
    address = HOME if kind == "typos" else ""
    for _ in range(10):
        assert driver.fail(address=address, times=3) == 3
        driver.succeed(address=address)


@pytest.mark.parametrize("spelling", ["ANN", "Ann", "aNN"])
def test_other_spellings_of_a_name_share_the_limit(driver: ThrottleDriver, spelling: str) -> None:
    driver.fail("ann", times=4)
    driver.fail(spelling, times=4)
    assert (driver.wait("ann"), driver.wait(spelling), driver.wait("anna")) == (300, 300, None)


@pytest.mark.parametrize("scale", [2, 3])
def test_scale_multiplies_every_limit(scale: int) -> None:
    driver = ThrottleDriver(scale=scale)
    assert driver.fail() == 8 * scale
    assert sum(driver.fail(f"user{n}", ELSEWHERE) for n in range(3)) == 15 * scale
    assert driver.spray("bob") == 60 * scale
    driver.clock.move(WINDOW)
    assert driver.spray("bob", start=100) == 40 * scale


def test_throttled_response_reveals_only_the_wait(driver: ThrottleDriver) -> None:
    driver.fail()
    driver.fail("nobody", ELSEWHERE)
    told = []
    for account, address in (("ann", HOME), ("nobody", ELSEWHERE)):
        with driver.throttle() as throttle, pytest.raises(TooManyAttempts) as refusal:
            throttle.reserve(account, address)
        told.append((str(refusal.value), refusal.value.retry_after))
    assert told == [("Too many failed attempts.", 300)] * 2


STEPS = st.tuples(
    st.sampled_from(["ann", "BOB", "bob", "carl"]),
    st.sampled_from([HOME, ELSEWHERE, ""]),
    st.integers(1, 20),
    st.sampled_from([0, 1, 59.5, 150, 299.999999, 300]),
    st.sampled_from([False, False, False, True]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, max_size=15))
def test_no_five_minute_window_exceeds_the_limits(
    steps: list[tuple[str, str, int, float, bool]],
) -> None:
    driver, known = ThrottleDriver(), set()
    for account, address, times, gap, ends_well in steps:
        driver.fail(account, address, times)
        if ends_well and driver.wait(account, address) is None:
            driver.succeed(account, address)
            known.add((account_key(account), address))
        driver.clock.move(timedelta(seconds=gap))
    for address in (HOME, ELSEWHERE, ""):
        from_there = [each for each in driver.failed if each.address == address]
        for account in map(account_key, ("ann", "bob", "carl")):
            assert most([each.at for each in from_there if each.account == account]) <= 8
        strange = [each.at for each in from_there if (each.account, address) not in known]
        assert most(strange) <= 15 or address == ""


def most(moments: list[datetime]) -> int:
    """Return the maximum number of these times within five minutes."""
    return max((sum(first <= moment < first + WINDOW for moment in moments) for first in moments), default=0)
