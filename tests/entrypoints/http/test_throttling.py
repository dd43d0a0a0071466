"""The blog promises that…"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.entrypoints.http.houses import AWAY, HOME, SECRET, WRONG, House, same
from tests.entrypoints.http.visits import StoppedClock, problem

from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import BlogConfig, OpenStores

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


@pytest.fixture
def house(store: OpenStores, hasher: PasswordHasher, clock: StoppedClock) -> Iterator[House]:
    house = House(store, hasher, clock)
    with house.open_blog() as blog:
        for username in ("alice", "bob"):
            blog.users.add(Operator(), username, SECRET)
    yield house
    house.close()


class CountingHasher:
    """A hasher that counts how often it verifies."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher, self.verified = hasher, 0
        self.hash, self.is_outdated, self.decoy = hasher.hash, hasher.is_outdated, hasher.decoy

    def verify(self, password_hash: str, password: str) -> bool:
        self.verified += 1
        return self._hasher.verify(password_hash, password)


@on_both
def test_after_eight_failures_at_an_account_an_address_waits_until_five_minutes_have_passed(
    house: House, clock: StoppedClock
) -> None:
    for failure in range(8):
        assert house.fails("alice", 1) == [401], failure
        clock.advance(seconds=1)
    refused = house.log_in("alice", WRONG, at=AWAY)
    assert problem(refused, 429)["detail"] == "Too many failed attempts."
    assert refused.headers["retry-after"] == "292"
    clock.advance(seconds=291, milliseconds=999)
    assert house.log_in("alice", WRONG, at=AWAY).headers["retry-after"] == "1"
    clock.advance(milliseconds=1)
    assert house.fails("alice", 2) == [401, 429]
    assert house.log_in("alice", WRONG, at=AWAY).headers["retry-after"] == "1"


def test_whoever_waits_does_not_learn_whether_a_password_is_right(house: House, clock: StoppedClock) -> None:
    house.fails("alice", 8)
    assert same(house.log_in("alice", SECRET, at=AWAY)) == same(house.log_in("alice", WRONG, at=AWAY))
    assert house.log_in("alice", SECRET, at=AWAY).status_code == 429
    clock.advance(minutes=5)
    assert house.log_in("alice", SECRET, at=AWAY).status_code == 200


def test_nobody_looks_at_a_password_that_comes_too_often(hasher: PasswordHasher, clock: StoppedClock) -> None:
    counting = CountingHasher(hasher)
    house = House(MemoryStore(), counting, clock)
    assert house.fails("alice", 20) == [401] * 8 + [429] * 12
    assert counting.verified == 8
    house.close()


@on_both
def test_after_fifteen_failures_at_any_accounts_an_address_waits(house: House, clock: StoppedClock) -> None:
    assert [house.fails(f"name{number}", 1) for number in range(15)] == [[401]] * 15
    refused = house.log_in("alice", SECRET, at=AWAY)
    problem(refused, 429)
    assert refused.headers["retry-after"] == "300"
    assert house.log_in("alice", SECRET, at="198.51.100.2").status_code == 200
    clock.advance(minutes=5)
    assert house.log_in("alice", SECRET, at=AWAY).status_code == 200


def test_a_good_log_in_to_ones_own_account_buys_no_guess_at_another(house: House) -> None:
    for number in range(14):
        assert house.fails(f"name{number}", 1) == [401]
    assert house.log_in("bob", SECRET, at=AWAY).status_code == 200
    assert house.fails("alice", 2) == [401, 429]


@on_both
def test_whoever_attacks_an_account_does_not_lock_its_owner_out(house: House) -> None:
    assert house.log_in("alice").status_code == 200
    attack = [house.fails("alice", 1, at=f"203.0.113.{number}")[0] for number in range(120)]
    assert attack == [401] * 60 + [429] * 60
    problem(house.log_in("alice", at="203.0.113.200"), 429)
    assert [house.log_in("alice").status_code for _ in range(3)] == [200] * 3


def test_a_neighbour_behind_the_same_address_does_not_lock_an_owner_out(house: House) -> None:
    assert house.log_in("alice").status_code == 200
    assert [house.fails(f"name{number}", 1, at=HOME) for number in range(16)] == [[401]] * 15 + [[429]]
    assert house.log_in("alice").status_code == 200
    assert house.fails("alice", 9, at=HOME) == [401] * 8 + [429]


def test_after_a_hundred_failures_in_a_row_from_unknown_addresses_an_account_waits_for_a_day(
    house: House, clock: StoppedClock
) -> None:
    for number in range(100):
        assert house.fails("alice", 1, at=f"203.0.113.{number}") == [401], number
        clock.advance(seconds=10)
    refused = house.log_in("alice", at=AWAY)
    problem(refused, 429)
    assert refused.headers["retry-after"] == str(24 * 3600 - 1000)
    clock.advance(days=1)
    assert house.log_in("alice", at=AWAY).status_code == 200


def test_a_good_log_in_begins_the_hundred_anew(house: House, clock: StoppedClock) -> None:
    for number in range(100):
        assert house.fails("alice", 1, at=f"203.0.113.{number}") == [401], number
        clock.advance(seconds=10)
        if number == 50:
            assert house.log_in("alice").status_code == 200
            clock.advance(seconds=10)
    assert house.fails("alice", 1) == [401]


@on_both
def test_typing_errors_and_good_log_ins_are_no_attack(house: House) -> None:
    for _ in range(4):
        assert house.fails("alice", 3, at=HOME) == [401] * 3
        assert [house.log_in("alice").status_code for _ in range(6)] == [200] * 6


def test_too_many_is_the_same_for_an_account_that_does_not_exist(house: House) -> None:
    assert house.fails("alice", 8) == house.fails("nobody", 8, at="198.51.100.2") == [401] * 8
    refused = house.log_in("alice", WRONG, at=AWAY), house.log_in("nobody", WRONG, at="198.51.100.2")
    assert same(refused[0]) == same(refused[1])
    problem(refused[0], 429)


def test_a_name_spelled_otherwise_is_counted_as_the_same_name(house: House) -> None:
    spellings = ["alice", "ALICE", "Alice", "aLICE", "alicE", "AlicE", "aliCe", "alIce"]
    assert [house.fails(spelling, 1) for spelling in spellings] == [[401]] * 8
    assert house.fails("ALicE", 1) == [429]
    for spelling in (" alice", "alice ", "\uff41lice", "al\u200bice", "alice\n", "al\u0131ce"):
        assert house.fails(spelling, 1, at=HOME) == [400], spelling


def test_all_limits_can_be_multiplied(hasher: PasswordHasher, clock: StoppedClock) -> None:
    house = House(MemoryStore(), hasher, clock, config=BlogConfig(throttle_scale=2))
    assert house.fails("alice", 17) == [401] * 16 + [429]
    house.close()


def test_guesses_made_at_once_in_several_processes_are_counted_as_one_after_another(
    database: Path, hasher: PasswordHasher, clock: StoppedClock
) -> None:
    stores = [SqlStore(f"sqlite:///{database}") for _ in range(3)]
    stores[0].migrate()
    houses = [House(store, hasher, clock) for store in stores]
    sent = {"username": "alice", "password": WRONG}
    guesses = [houses[number % 3].asking("POST", "/api/login/", at=AWAY, json=sent) for number in range(50)]
    statuses = sorted(answer.status_code for answer in houses[0].together(*guesses))
    assert statuses == [401] * 8 + [429] * 42
    for house in houses:
        assert house.fails("alice", 1) == [429]
        house.close()
    for store in stores:
        store.close()
