"""Stored log-in attempts."""

from datetime import timedelta

import pytest
from tests.domain.actors import ELSEWHERE, HOME
from tests.domain.throttle_driver import MINUTE, SECOND, WINDOW, ThrottleDriver

from blog.adapters.memory import MemoryAttemptStore, MemoryStore
from blog.domain.accounts import throttle as attempts
from blog.domain.accounts.throttle import Throttle, TooManyAttempts, account_key


@pytest.fixture
def driver() -> ThrottleDriver:
    return ThrottleDriver()


def test_refused_attempt_is_not_stored(driver: ThrottleDriver) -> None:
    driver.fail()
    with driver.store() as stores:
        before = list(stores.attempts.of_account(account_key("ann"), since=driver.clock() - WINDOW))
    driver.clock.move(4 * MINUTE)
    assert driver.fail(times=1) == 0
    with driver.store() as stores:
        assert list(stores.attempts.of_account(account_key("ann"), since=driver.clock() - WINDOW)) == before
    driver.clock.move(MINUTE)
    assert driver.wait() is None


def test_refused_attempt_takes_no_lock(driver: ThrottleDriver) -> None:
    driver.fail()
    patient = MemoryStore(timeout=0)
    patient._tables = driver.store._tables
    with patient() as holding, patient() as stores:
        holding.attempts.lock("carl", ELSEWHERE)
        with pytest.raises(TooManyAttempts):
            Throttle(stores.attempts, driver.clock).reserve("ann", HOME)


def test_known_address_expires_after_ninety_days_without_success(driver: ThrottleDriver) -> None:
    driver.succeed()
    driver.clock.move(timedelta(days=90) - SECOND)
    with driver.throttle() as throttle:
        throttle.purge()
    driver.spray()
    assert driver.wait() is None
    driver.clock.move(SECOND)
    with driver.throttle() as throttle:
        assert throttle.purge() == 0
    assert driver.wait() == 299


def test_attempts_are_purged_after_a_day(driver: ThrottleDriver) -> None:
    driver.fail(times=3)
    driver.clock.move(timedelta(days=1) - SECOND)
    with driver.throttle() as throttle:
        assert throttle.purge() == 0
    driver.clock.move(SECOND)
    with driver.throttle() as throttle:
        assert [throttle.purge(limit=2) for _ in range(3)] == [2, 1, 0]


def test_stored_attempts_are_bounded(driver: ThrottleDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "MAX_ATTEMPTS", 20)
    monkeypatch.setattr(attempts, "_PURGED_EVERY", 8)
    for n in range(100):
        driver.fail(f"user{n}", f"address{n}", times=1)
    kept = driver.store._tables.login_attempts.rows
    assert 20 <= len(kept) < 28
    assert [attempt.account for attempt in kept.values()][-20:] == [account_key(f"user{n}") for n in range(80, 100)]


def test_attempts_are_counted_after_the_lock_is_taken(driver: ThrottleDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = MemoryAttemptStore.lock

    def waiting(store: MemoryAttemptStore, account: str, address: str) -> None:
        monkeypatch.setattr(MemoryAttemptStore, "lock", lock)
        assert driver.fail() == 8
        lock(store, account, address)

    monkeypatch.setattr(MemoryAttemptStore, "lock", waiting)
    assert driver.fail(times=1) == 0
