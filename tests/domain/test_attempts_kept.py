"""The blog promises, of the attempts that it remembers, that…"""

from datetime import timedelta

import pytest
from tests.domain.gate import MINUTE, SECOND, WINDOW, Gate
from tests.domain.people import ELSEWHERE, HOME

from blog.adapters.memory import MemoryAttemptStore, MemoryStore
from blog.domain.accounts import throttle as attempts
from blog.domain.accounts.throttle import Throttle, TooManyAttempts, account_key


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_who_is_refused_leaves_no_trace(gate: Gate) -> None:
    gate.fail()
    with gate.store() as stores:
        before = list(stores.attempts.of_account(account_key("ann"), since=gate.clock() - WINDOW))
    gate.clock.move(4 * MINUTE)
    assert gate.fail(times=1) == 0
    with gate.store() as stores:
        assert list(stores.attempts.of_account(account_key("ann"), since=gate.clock() - WINDOW)) == before
    gate.clock.move(MINUTE)
    assert gate.wait() is None


def test_who_is_refused_takes_no_lock(gate: Gate) -> None:
    gate.fail()
    patient = MemoryStore(timeout=0)
    patient._tables = gate.store._tables
    with patient() as holding, patient() as stores:
        holding.attempts.lock("carl", ELSEWHERE)
        with pytest.raises(TooManyAttempts):
            Throttle(stores.attempts, gate.clock).reserve("ann", HOME)


def test_a_known_address_is_forgotten_after_ninety_days_without_a_success(gate: Gate) -> None:
    gate.succeed()
    gate.clock.move(timedelta(days=90) - SECOND)
    with gate.throttle() as throttle:
        throttle.purge()
    gate.spray()
    assert gate.wait() is None
    gate.clock.move(SECOND)
    with gate.throttle() as throttle:
        assert throttle.purge() == 0
    assert gate.wait() == 299


def test_attempts_are_forgotten_after_a_day(gate: Gate) -> None:
    gate.fail(times=3)
    gate.clock.move(timedelta(days=1) - SECOND)
    with gate.throttle() as throttle:
        assert throttle.purge() == 0
    gate.clock.move(SECOND)
    with gate.throttle() as throttle:
        assert [throttle.purge(limit=2) for _ in range(3)] == [2, 1, 0]


def test_whoever_has_a_million_addresses_fills_no_store(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "MAX_ATTEMPTS", 20)
    monkeypatch.setattr(attempts, "_PURGED_EVERY", 8)
    for n in range(100):
        gate.fail(f"user{n}", f"address{n}", times=1)
    kept = gate.store._tables.login_attempts.rows
    assert 20 <= len(kept) < 28
    assert [attempt.account for attempt in kept.values()][-20:] == [account_key(f"user{n}") for n in range(80, 100)]


def test_who_waits_for_others_is_counted_after_them(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = MemoryAttemptStore.lock

    def waiting(store: MemoryAttemptStore, account: str, address: str) -> None:
        monkeypatch.setattr(MemoryAttemptStore, "lock", lock)
        assert gate.fail() == 8
        lock(store, account, address)

    monkeypatch.setattr(MemoryAttemptStore, "lock", waiting)
    assert gate.fail(times=1) == 0
