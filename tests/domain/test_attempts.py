"""The blog promises, of whoever guesses passwords, that…"""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.gate import MINUTE, SECOND, WINDOW, Gate
from tests.domain.people import ELSEWHERE, HOME

from blog.domain.accounts.throttle import TooManyAttempts, account_key


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_the_ninth_failure_at_an_account_from_an_address_within_five_minutes_is_refused(gate: Gate) -> None:
    assert gate.fail() == 8
    assert gate.wait() == 300
    gate.clock.move(WINDOW - timedelta(microseconds=1))
    assert gate.fail() == 0
    gate.clock.move(timedelta(microseconds=1))
    assert gate.fail() == 8


@given(st.lists(st.integers(0, 100_000_000), min_size=8, max_size=8))
def test_whoever_is_refused_is_told_the_second_at_which_they_may_try_again(gaps: list[int]) -> None:
    gate = Gate()
    for gap in gaps:
        gate.fail(times=1)
        gate.clock.move(timedelta(microseconds=gap // 3))
    wait = gate.wait()
    if wait is None:
        assert gate.clock() - gate.failed[0].at >= WINDOW
    else:
        assert wait >= 1
        assert gate.wait(later=wait * SECOND) is None
        assert wait == 1 or gate.wait(later=(wait - 1) * SECOND) == 1


def test_the_window_moves_on_failure_by_failure(gate: Gate) -> None:
    for _ in range(8):
        gate.fail(times=1)
        gate.clock.move(10 * SECOND)
    assert gate.wait() == 220
    gate.clock.move(220 * SECOND)
    assert gate.fail() == 1
    assert gate.wait() == 10


def test_fifteen_failures_from_an_address_over_any_accounts_are_the_last(gate: Gate) -> None:
    assert [gate.fail(f"user{n}", times=1) for n in range(20)] == [1] * 15 + [0] * 5
    assert gate.wait("nobody else") == 300
    assert gate.wait("user1", ELSEWHERE) is None
    gate.clock.move(WINDOW)
    assert gate.fail("user19", times=1) == 1


def test_who_comes_from_nowhere_in_particular_has_no_address_to_be_counted_by(gate: Gate) -> None:
    assert [gate.fail(f"user{n}", "", times=1) for n in range(40)] == [1] * 40
    assert gate.fail("user0", "") == 7
    gate.succeed("user1", "")
    with gate.store() as stores:
        assert stores.attempts.trusted_addresses("user1") == {}


def test_an_account_takes_sixty_failures_in_five_minutes_from_all_addresses(gate: Gate) -> None:
    assert gate.spray() == 60
    assert gate.wait(address=ELSEWHERE) == 300
    gate.clock.move(WINDOW - SECOND)
    assert gate.wait(address=ELSEWHERE) == 1
    assert gate.wait("bob", ELSEWHERE) is None
    gate.clock.move(SECOND)
    assert gate.wait(address=ELSEWHERE) is None


def test_an_account_takes_a_hundred_failures_in_a_row_within_a_day(gate: Gate) -> None:
    started = gate.clock()
    assert gate.spray() == 60
    gate.clock.move(WINDOW)
    assert gate.spray(start=100) == 40
    gate.clock.move(WINDOW)
    assert gate.fail(address=ELSEWHERE) == 0
    left = started + timedelta(days=1) - gate.clock()
    assert gate.wait(address=ELSEWHERE) == left.total_seconds()
    gate.clock.move(left - SECOND)
    assert gate.wait(address=ELSEWHERE) == 1
    gate.clock.move(SECOND)
    assert gate.spray(start=200) == 60


def test_a_success_in_between_breaks_the_row_and_nothing_else(gate: Gate) -> None:
    gate.succeed()
    gate.clock.move(MINUTE)
    assert gate.spray() == 60
    gate.clock.move(WINDOW)
    gate.succeed()
    gate.clock.move(SECOND)
    assert gate.spray(start=100) == 60
    gate.succeed()
    assert gate.wait(address=ELSEWHERE) == 300


def test_what_the_owner_has_failed_counts_for_others_too_and_they_are_told_how_long(gate: Gate) -> None:
    gate.succeed()
    assert gate.fail(address=ELSEWHERE) == 8
    gate.clock.move(10 * SECOND)
    assert gate.spray() == 52
    gate.clock.move(10 * SECOND)
    assert gate.fail() == 8
    assert gate.wait(address="203.0.113.99") == 290
    assert gate.wait(address="203.0.113.99", later=289 * SECOND) == 1
    assert gate.wait(address="203.0.113.99", later=290 * SECOND) is None


def test_the_owner_is_never_locked_out_by_who_attacks_from_elsewhere(gate: Gate) -> None:
    gate.succeed()
    for _ in range(3):
        gate.spray()
        gate.clock.move(WINDOW)
    assert gate.wait(address=ELSEWHERE) is not None
    gate.succeed()
    assert gate.fail() == 8


def test_the_owner_is_never_locked_out_by_who_attacks_others_from_the_same_address(gate: Gate) -> None:
    gate.succeed()
    for n in range(20):
        gate.fail(f"user{n}")
    assert gate.wait("bob") == 300
    assert gate.wait() is None
    gate.succeed()


def test_an_address_is_known_to_the_accounts_that_were_opened_from_it_and_to_no_other(gate: Gate) -> None:
    gate.succeed("ann", HOME)
    for n in range(4):
        gate.fail(f"user{n}")
    assert gate.wait("ann", HOME) is None
    assert gate.wait("bob", HOME) == 300
    gate.spray("ann")
    assert gate.wait("ann", ELSEWHERE) == 300


def test_a_success_buys_no_guess_at_another_account(gate: Gate) -> None:
    gate.fail("ann", times=7)
    gate.fail("bob", times=7)
    gate.succeed("mallory")
    assert gate.fail("ann") == 1
    assert gate.wait("carl") == 300
    gate.succeed("mallory")
    assert (gate.fail("ann"), gate.fail("carl")) == (0, 0)


def test_a_success_buys_no_guess_from_another_address(gate: Gate) -> None:
    gate.fail(address=ELSEWHERE)
    gate.fail(times=7)
    gate.succeed()
    assert gate.wait(address=ELSEWHERE) == 300
    assert gate.fail() == 8


@pytest.mark.parametrize("kind", ["typos", "typos from nowhere"])
def test_three_typos_are_forgotten_at_every_success(gate: Gate, kind: str) -> None:
    address = HOME if kind == "typos" else ""
    for _ in range(10):
        assert gate.fail(address=address, times=3) == 3
        gate.succeed(address=address)


@pytest.mark.parametrize("spelling", ["ANN", "Ann", "aNN"])
def test_no_other_spelling_evades(gate: Gate, spelling: str) -> None:
    gate.fail("ann", times=4)
    gate.fail(spelling, times=4)
    assert (gate.wait("ann"), gate.wait(spelling), gate.wait("anna")) == (300, 300, None)


@pytest.mark.parametrize("scale", [2, 3])
def test_the_scale_multiplies_every_limit(scale: int) -> None:
    gate = Gate(scale=scale)
    assert gate.fail() == 8 * scale
    assert sum(gate.fail(f"user{n}", ELSEWHERE) for n in range(3)) == 15 * scale
    assert gate.spray("bob") == 60 * scale
    gate.clock.move(WINDOW)
    assert gate.spray("bob", start=100) == 40 * scale


def test_who_is_told_to_wait_is_told_nothing_else(gate: Gate) -> None:
    gate.fail()
    gate.fail("nobody", ELSEWHERE)
    told = []
    for account, address in (("ann", HOME), ("nobody", ELSEWHERE)):
        with gate.throttle() as throttle, pytest.raises(TooManyAttempts) as refusal:
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
def test_no_window_of_five_minutes_holds_more_failures_than_are_allowed(
    steps: list[tuple[str, str, int, float, bool]],
) -> None:
    gate, known = Gate(), set()
    for account, address, times, gap, ends_well in steps:
        gate.fail(account, address, times)
        if ends_well and gate.wait(account, address) is None:
            gate.succeed(account, address)
            known.add((account_key(account), address))
        gate.clock.move(timedelta(seconds=gap))
    for address in (HOME, ELSEWHERE, ""):
        from_there = [each for each in gate.failed if each.address == address]
        for account in map(account_key, ("ann", "bob", "carl")):
            assert most([each.at for each in from_there if each.account == account]) <= 8
        strange = [each.at for each in from_there if (each.account, address) not in known]
        assert most(strange) <= 15 or address == ""


def most(moments: list[datetime]) -> int:
    """How many of these moments lie within some five minutes, at the most."""
    return max((sum(first <= moment < first + WINDOW for moment in moments) for first in moments), default=0)
