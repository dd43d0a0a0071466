"""The system's clock and secret generator, and their fakes, pass the contracts."""

from datetime import timedelta

import pytest

from blog.adapters.system import new_secret, utc_now
from blog.domain.shared import Clock, SecretGenerator
from blog.testing.contracts import ClockContract, CountedSecrets, FrozenClock, SecretGeneratorContract


class TestSystemClock(ClockContract):
    @pytest.fixture
    def now(self) -> Clock:
        return utc_now


class TestSystemSecrets(SecretGeneratorContract):
    @pytest.fixture
    def new_secret(self) -> SecretGenerator:
        return new_secret


def test_a_frozen_clock_stands_still_until_it_is_moved() -> None:
    clock = FrozenClock()
    before = clock()
    assert clock() == before
    clock.move(timedelta(days=1, microseconds=1))
    assert clock() == before + timedelta(days=1, microseconds=1)
    assert clock().utcoffset() == timedelta(0)


def test_fake_secrets_are_as_long_as_real_ones_and_unique() -> None:
    secrets = CountedSecrets()
    generated = [secrets() for _ in range(100)]
    assert {len(secret) for secret in generated} == {40}
    assert len(set(generated)) == 100
