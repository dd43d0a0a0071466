"""Rate limits of log-ins over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.entrypoints.http.clients import StoppedClock, problem
from tests.entrypoints.http.configured_sites import AWAY, HOME, SECRET, WRONG, ConfiguredSite, same

from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import BlogConfig, OpenStores

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


@pytest.fixture
def configured_site(store: OpenStores, hasher: PasswordHasher, clock: StoppedClock) -> Iterator[ConfiguredSite]:
    configured_site = ConfiguredSite(store, hasher, clock)
    with configured_site.open_blog() as blog:
        for username in ("alice", "bob"):
            blog.users.add(Operator(), username, SECRET)
    yield configured_site
    configured_site.close()


class CountingHasher:
    """A hasher that counts how often it verifies."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher, self.verified = hasher, 0
        self.hash, self.is_outdated, self.decoy = hasher.hash, hasher.is_outdated, hasher.decoy

    def verify(self, password_hash: str, password: str) -> bool:
        self.verified += 1
        return self._hasher.verify(password_hash, password)


@on_both
def test_eight_failures_at_an_account_block_an_address_for_five_minutes(
    configured_site: ConfiguredSite, clock: StoppedClock
) -> None:
    for failure in range(8):
        assert configured_site.fail_log_ins("alice", 1) == [401], failure
        clock.advance(seconds=1)
    refused = configured_site.log_in("alice", WRONG, at=AWAY)
    assert problem(refused, 429)["detail"] == "Too many failed attempts."
    assert refused.headers["retry-after"] == "292"
    clock.advance(seconds=291, milliseconds=999)
    assert configured_site.log_in("alice", WRONG, at=AWAY).headers["retry-after"] == "1"
    clock.advance(milliseconds=1)
    assert configured_site.fail_log_ins("alice", 2) == [401, 429]
    assert configured_site.log_in("alice", WRONG, at=AWAY).headers["retry-after"] == "1"


def test_a_blocked_client_does_not_learn_whether_a_password_is_right(
    configured_site: ConfiguredSite, clock: StoppedClock
) -> None:
    configured_site.fail_log_ins("alice", 8)
    assert same(configured_site.log_in("alice", SECRET, at=AWAY)) == same(
        configured_site.log_in("alice", WRONG, at=AWAY)
    )
    assert configured_site.log_in("alice", SECRET, at=AWAY).status_code == 429
    clock.advance(minutes=5)
    assert configured_site.log_in("alice", SECRET, at=AWAY).status_code == 200


def test_a_blocked_attempt_is_not_hashed(hasher: PasswordHasher, clock: StoppedClock) -> None:
    counting = CountingHasher(hasher)
    configured_site = ConfiguredSite(MemoryStore(), counting, clock)
    assert configured_site.fail_log_ins("alice", 20) == [401] * 8 + [429] * 12
    assert counting.verified == 8
    configured_site.close()


@on_both
def test_fifteen_failures_at_any_accounts_block_an_address(
    configured_site: ConfiguredSite, clock: StoppedClock
) -> None:
    assert [configured_site.fail_log_ins(f"name{number}", 1) for number in range(15)] == [[401]] * 15
    refused = configured_site.log_in("alice", SECRET, at=AWAY)
    problem(refused, 429)
    assert refused.headers["retry-after"] == "300"
    assert configured_site.log_in("alice", SECRET, at="198.51.100.2").status_code == 200
    clock.advance(minutes=5)
    assert configured_site.log_in("alice", SECRET, at=AWAY).status_code == 200


def test_a_log_in_to_the_own_account_gives_no_guesses_at_others(configured_site: ConfiguredSite) -> None:
    for number in range(14):
        assert configured_site.fail_log_ins(f"name{number}", 1) == [401]
    assert configured_site.log_in("bob", SECRET, at=AWAY).status_code == 200
    assert configured_site.fail_log_ins("alice", 2) == [401, 429]


@on_both
def test_an_attack_on_an_account_does_not_lock_its_owner_out(configured_site: ConfiguredSite) -> None:
    assert configured_site.log_in("alice").status_code == 200
    attack = [configured_site.fail_log_ins("alice", 1, at=f"203.0.113.{number}")[0] for number in range(120)]
    assert attack == [401] * 60 + [429] * 60
    problem(configured_site.log_in("alice", at="203.0.113.200"), 429)
    assert [configured_site.log_in("alice").status_code for _ in range(3)] == [200] * 3


def test_another_user_of_the_same_address_does_not_lock_an_owner_out(configured_site: ConfiguredSite) -> None:
    assert configured_site.log_in("alice").status_code == 200
    assert [configured_site.fail_log_ins(f"name{number}", 1, at=HOME) for number in range(16)] == [[401]] * 15 + [[429]]
    assert configured_site.log_in("alice").status_code == 200
    assert configured_site.fail_log_ins("alice", 9, at=HOME) == [401] * 8 + [429]


def test_a_hundred_consecutive_failures_from_unknown_addresses_block_an_account_for_a_day(
    configured_site: ConfiguredSite, clock: StoppedClock
) -> None:
    for number in range(100):
        assert configured_site.fail_log_ins("alice", 1, at=f"203.0.113.{number}") == [401], number
        clock.advance(seconds=10)
    refused = configured_site.log_in("alice", at=AWAY)
    problem(refused, 429)
    assert refused.headers["retry-after"] == str(24 * 3600 - 1000)
    clock.advance(days=1)
    assert configured_site.log_in("alice", at=AWAY).status_code == 200


def test_a_log_in_resets_the_count_of_consecutive_failures(
    configured_site: ConfiguredSite, clock: StoppedClock
) -> None:
    for number in range(100):
        assert configured_site.fail_log_ins("alice", 1, at=f"203.0.113.{number}") == [401], number
        clock.advance(seconds=10)
        if number == 50:
            assert configured_site.log_in("alice").status_code == 200
            clock.advance(seconds=10)
    assert configured_site.fail_log_ins("alice", 1) == [401]


@on_both
def test_typing_errors_between_log_ins_are_not_blocked(configured_site: ConfiguredSite) -> None:
    for _ in range(4):
        assert configured_site.fail_log_ins("alice", 3, at=HOME) == [401] * 3
        assert [configured_site.log_in("alice").status_code for _ in range(6)] == [200] * 6


def test_the_limits_are_the_same_for_an_unknown_account(configured_site: ConfiguredSite) -> None:
    assert (
        configured_site.fail_log_ins("alice", 8)
        == configured_site.fail_log_ins("nobody", 8, at="198.51.100.2")
        == [401] * 8
    )
    refused = (
        configured_site.log_in("alice", WRONG, at=AWAY),
        configured_site.log_in("nobody", WRONG, at="198.51.100.2"),
    )
    assert same(refused[0]) == same(refused[1])
    problem(refused[0], 429)


def test_usernames_are_counted_case_insensitively(configured_site: ConfiguredSite) -> None:
    spellings = ["alice", "ALICE", "Alice", "aLICE", "alicE", "AlicE", "aliCe", "alIce"]
    assert [configured_site.fail_log_ins(spelling, 1) for spelling in spellings] == [[401]] * 8
    assert configured_site.fail_log_ins("ALicE", 1) == [429]
    for spelling in (" alice", "alice ", "\uff41lice", "al\u200bice", "alice\n", "al\u0131ce"):
        assert configured_site.fail_log_ins(spelling, 1, at=HOME) == [400], spelling


def test_all_limits_can_be_multiplied(hasher: PasswordHasher, clock: StoppedClock) -> None:
    configured_site = ConfiguredSite(MemoryStore(), hasher, clock, config=BlogConfig(throttle_scale=2))
    assert configured_site.fail_log_ins("alice", 17) == [401] * 16 + [429]
    configured_site.close()


def test_concurrent_guesses_in_several_processes_are_all_counted(
    database: Path, hasher: PasswordHasher, clock: StoppedClock
) -> None:
    stores = [SqlStore(f"sqlite:///{database}") for _ in range(3)]
    stores[0].migrate()
    sites = [ConfiguredSite(store, hasher, clock) for store in stores]
    sent = {"username": "alice", "password": WRONG}
    guesses = [sites[number % 3].ask_async("POST", "/api/login/", at=AWAY, json=sent) for number in range(50)]
    statuses = sorted(answer.status_code for answer in sites[0].gather(*guesses))
    assert statuses == [401] * 8 + [429] * 42
    for configured_site in sites:
        assert configured_site.fail_log_ins("alice", 1) == [429]
        configured_site.close()
    for store in stores:
        store.close()
