"""The contract of `AttemptStore`."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from blog.domain.accounts.throttle import LoginAttempt
from blog.domain.blog import OpenStores
from blog.domain.shared import UNSTORED, AttemptId

from .fixtures import NOON, Failed, StoresFixture

ANN, HERE = "ann", "192.0.2.1"
BOB, THERE = "bob", "2001:db8::1"
TICK = timedelta(microseconds=1)
LONG_AGO = NOON - timedelta(days=4000)


class AttemptStoreContract(StoresFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty.

    A unit that waits for another must wait for more than a second.
    """

    @pytest.mark.parametrize("address", ["", HERE, THERE])
    @pytest.mark.parametrize("account", [ANN, "registration from 2001:db8::1", "n" * 150])
    def test_an_added_row_is_read_back_unchanged(self, open_stores: OpenStores, account: str, address: str) -> None:
        attempt = LoginAttempt(account=account, address=address, at=NOON)
        with open_stores() as stores:
            added = stores.attempts.add(attempt)
            assert added == replace(attempt, id=added.id)
            assert list(stores.attempts.of_account(account, since=LONG_AGO)) == [added]
            assert list(stores.attempts.of_address(address, since=LONG_AGO)) == [added]
        assert of_account(open_stores, account) == of_address(open_stores, address) == [added]

    def test_ids_are_positive_and_ascend_and_are_not_reused(self, open_stores: OpenStores) -> None:
        ids = []
        for _ in range(4):
            attempt = add(open_stores, ANN, HERE)
            ids.append(attempt.id)
            with open_stores() as stores:
                stores.attempts.remove(attempt)
        assert [UNSTORED, *ids] == sorted({UNSTORED, *ids})

    def test_a_removed_attempt_no_longer_counts(self, open_stores: OpenStores) -> None:
        removed, stored = add(open_stores, ANN, HERE), add(open_stores, ANN, HERE)
        for _ in range(2):  # the second time it is not there
            with open_stores() as stores:
                stores.attempts.remove(removed)
                stores.attempts.remove(replace(removed, id=AttemptId(1_000_000_007)))
                assert list(stores.attempts.of_account(ANN, since=LONG_AGO)) == [stored]
            assert of_account(open_stores, ANN) == of_address(open_stores, HERE) == [stored]

    def test_attempts_are_found_by_account_and_by_address(self, open_stores: OpenStores) -> None:
        pairs = [
            (account, address) for account in (ANN, BOB, "an", "anna") for address in (HERE, THERE, "", "192.0.2.1 ")
        ]
        added = [add(open_stores, *pair) for pair in pairs]
        for account in {account for account, _ in pairs}:
            assert of_account(open_stores, account) == [each for each in added if each.account == account]
        for address in {address for _, address in pairs}:
            assert of_address(open_stores, address) == [each for each in added if each.address == address]
        assert of_account(open_stores, "a%") == of_address(open_stores, "_") == []

    def test_attempts_after_a_time_are_returned_oldest_first(self, open_stores: OpenStores) -> None:
        timestamps = [NOON, NOON - 2 * TICK, NOON - timedelta(days=30), NOON - TICK, NOON + TICK]
        attempts = sorted((add(open_stores, ANN, HERE, at) for at in timestamps), key=lambda attempt: attempt.at)
        for since in (LONG_AGO, *timestamps):
            with open_stores() as stores:
                later = [attempt for attempt in attempts if attempt.at > since]
                assert list(stores.attempts.of_account(ANN, since=since)) == later
                assert list(stores.attempts.of_address(HERE, since=since)) == later

    def test_a_trusted_address_has_the_time_of_its_last_success(self, open_stores: OpenStores) -> None:
        for address, at in ((HERE, NOON), (THERE, NOON - TICK), (HERE, NOON + TICK)):
            with open_stores() as stores:
                stores.attempts.trust_address(ANN, address, at)
                assert stores.attempts.trusted_addresses(ANN)[address] == at
        with open_stores() as stores:
            stores.attempts.trust_address(BOB, THERE, NOON)
        assert trusted(open_stores, ANN) == {HERE: NOON + TICK, THERE: NOON - TICK}
        assert trusted(open_stores, BOB) == {THERE: NOON}
        assert trusted(open_stores, "an") == {}

    def test_a_failed_unit_counts_nothing(self, open_stores: OpenStores) -> None:
        stored = add(open_stores, ANN, HERE)
        with pytest.raises(Failed), open_stores() as stores:
            stores.attempts.remove(stored)
            stores.attempts.add(LoginAttempt(account=ANN, address=HERE, at=NOON))
            stores.attempts.trust_address(ANN, HERE, NOON)
            raise Failed
        assert of_account(open_stores, ANN) == of_address(open_stores, HERE) == [stored]
        assert trusted(open_stores, ANN) == {}

    def test_two_units_cannot_lock_the_same_account_or_address(self, open_stores: OpenStores) -> None:
        def count(account: str, address: str) -> tuple[int, int]:
            with open_stores() as stores:
                stores.attempts.lock(account, address)
                of_ann = stores.attempts.of_account(ANN, since=LONG_AGO)
                return len(of_ann), len(stores.attempts.of_address(HERE, since=LONG_AGO))

        with ThreadPoolExecutor() as pool:
            with open_stores() as stores:
                stores.attempts.lock(ANN, HERE)
                later = [pool.submit(count, *pair) for pair in ((ANN, THERE), (BOB, HERE), (ANN, HERE))]
                assert len(wait(later, timeout=0.2).not_done) == 3
                stores.attempts.add(LoginAttempt(account=ANN, address=HERE, at=NOON))
            assert [each.result(timeout=10) for each in later] == [(1, 1)] * 3

    def test_a_lock_is_reentrant_within_a_unit(self, open_stores: OpenStores) -> None:
        with open_stores() as stores:
            for pair in ((ANN, HERE), (ANN, HERE), (ANN, THERE), (ANN, ANN)):
                stores.attempts.lock(*pair)

    def test_a_failed_unit_releases_its_locks(self, open_stores: OpenStores) -> None:
        with pytest.raises(Failed), open_stores() as stores:
            stores.attempts.lock(ANN, HERE)
            raise Failed
        with ThreadPoolExecutor() as pool:
            attempt = pool.submit(add, open_stores, ANN, HERE).result(timeout=10)
        assert of_account(open_stores, ANN) == [attempt]

    def test_removing_all_of_an_account_leaves_other_accounts(self, open_stores: OpenStores) -> None:
        stored = add(open_stores, BOB, HERE)
        with open_stores() as stores:
            stores.attempts.trust_address(ANN, HERE, NOON)
            stores.attempts.trust_address(BOB, HERE, NOON)
            stores.attempts.add(LoginAttempt(account=ANN, address=HERE, at=NOON))
        add(open_stores, ANN, THERE)
        for _ in range(2):  # the second time there is nothing
            with open_stores() as stores:
                stores.attempts.remove_all_of(ANN)
                assert stores.attempts.of_account(ANN, since=LONG_AGO) == []
            assert of_account(open_stores, ANN) == of_address(open_stores, THERE) == []
            assert trusted(open_stores, ANN) == {}
        assert of_account(open_stores, BOB) == of_address(open_stores, HERE) == [stored]
        assert trusted(open_stores, BOB) == {HERE: NOON}

    def test_only_expired_rows_are_purged(self, open_stores: OpenStores) -> None:
        attempts = [add(open_stores, ANN, HERE, at) for at in (NOON + TICK, NOON, NOON - TICK, NOON + 2 * TICK)]
        stored = [attempts[0], attempts[3]]
        assert purge(open_stores, until=NOON) == 2
        assert of_account(open_stores, ANN) == of_address(open_stores, HERE) == stored
        assert purge(open_stores, until=NOON) == 0

    def test_rows_that_are_not_among_the_newest_are_purged_too(self, open_stores: OpenStores) -> None:
        attempts = [add(open_stores, ANN, HERE) for _ in range(7)]
        assert purge(open_stores, newest=4) == 3
        assert of_account(open_stores, ANN) == attempts[3:]
        assert purge(open_stores, newest=4) == 0

    def test_the_number_of_newest_rows_does_not_depend_on_removed_ones(self, open_stores: OpenStores) -> None:
        attempts = [add(open_stores, ANN, HERE) for _ in range(7)]
        with open_stores() as stores:
            for attempt in attempts[2:6]:
                stores.attempts.remove(attempt)
        assert purge(open_stores, newest=3) == 0
        assert purge(open_stores, newest=2) == 1
        assert of_account(open_stores, ANN) == [attempts[1], attempts[6]]

    def test_trusted_addresses_expire(self, open_stores: OpenStores) -> None:
        with open_stores() as stores:
            for account in (ANN, BOB):
                stores.attempts.trust_address(account, HERE, NOON)
                stores.attempts.trust_address(account, THERE, NOON + TICK)
        attempt = add(open_stores, ANN, HERE)
        assert purge(open_stores, trusted_until=NOON) == 0
        assert trusted(open_stores, ANN) == trusted(open_stores, BOB) == {THERE: NOON + TICK}
        assert of_account(open_stores, ANN) == [attempt]

    def test_at_most_the_limit_is_purged(self, open_stores: OpenStores) -> None:
        with open_stores() as stores:
            for number in range(7):
                stores.attempts.add(LoginAttempt(account=ANN, address=HERE, at=NOON))
                stores.attempts.trust_address(ANN, str(number), NOON)
        for purged, left in ((3, 4), (3, 1), (1, 0), (0, 0)):
            assert purge(open_stores, until=NOON, trusted_until=NOON, limit=3) == purged
            assert len(of_account(open_stores, ANN)) == len(trusted(open_stores, ANN)) == left


def add(open_stores: OpenStores, account: str, address: str, at: datetime = NOON) -> LoginAttempt:
    """Store an attempt in a unit of its own."""
    with open_stores() as stores:
        return stores.attempts.add(LoginAttempt(account=account, address=address, at=at))


def of_account(open_stores: OpenStores, account: str) -> list[LoginAttempt]:
    """Return the attempts at an account, in a new unit."""
    with open_stores() as stores:
        return list(stores.attempts.of_account(account, since=LONG_AGO))


def of_address(open_stores: OpenStores, address: str) -> list[LoginAttempt]:
    """Return the attempts from an address, in a new unit."""
    with open_stores() as stores:
        return list(stores.attempts.of_address(address, since=LONG_AGO))


def trusted(open_stores: OpenStores, account: str) -> dict[str, datetime]:
    """Return the trusted addresses, in a new unit."""
    with open_stores() as stores:
        return dict(stores.attempts.trusted_addresses(account))


def purge(
    open_stores: OpenStores,
    *,
    until: datetime = LONG_AGO,
    trusted_until: datetime = LONG_AGO,
    newest: int = 100,
    limit: int = 100,
) -> int:
    """Purge in a unit of its own, and return the count."""
    with open_stores() as stores:
        return stores.attempts.purge(until=until, trusted_until=trusted_until, newest=newest, limit=limit)
