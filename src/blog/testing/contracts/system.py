"""The contracts of `Clock` and `SecretGenerator`, and deterministic ones for tests."""

from datetime import UTC, datetime, timedelta
from itertools import count
from string import ascii_letters, digits

import pytest

from blog.domain.shared import Clock, SecretGenerator

from .fixtures import NOON, require_fixture


class ClockContract:
    """The contract of `Clock`. Needs a fixture `now`."""

    @pytest.fixture
    def now(self) -> Clock:
        """The clock to be tested."""
        require_fixture(self, "now", "your Clock")

    def test_the_clock_returns_the_current_time(self, now: Clock) -> None:
        assert abs(now() - datetime.now(UTC)) < timedelta(minutes=1)

    def test_the_clock_advances(self, now: Clock) -> None:
        earlier = now()
        assert any(now() > earlier for _ in range(1_000_000))

    def test_the_time_is_aware_and_in_utc(self, now: Clock) -> None:
        assert now().utcoffset() == timedelta(0)


class SecretGeneratorContract:
    """The contract of `SecretGenerator`. Needs a fixture `new_secret`."""

    @pytest.fixture
    def new_secret(self) -> SecretGenerator:
        """The generator to be tested."""
        require_fixture(self, "new_secret", "your SecretGenerator")

    def test_a_secret_has_40_digits_and_letters(self, new_secret: SecretGenerator) -> None:
        secret = new_secret()
        assert len(secret) == 40
        assert set(secret) <= set(digits + ascii_letters)

    def test_a_secret_has_every_character_at_every_position(self, new_secret: SecretGenerator) -> None:
        generated = [new_secret() for _ in range(2_000)]
        assert [set(position) for position in zip(*generated, strict=True)] == [set(digits + ascii_letters)] * 40

    def test_secrets_are_unique(self, new_secret: SecretGenerator) -> None:
        assert len({new_secret() for _ in range(2_000)}) == 2_000


class FrozenClock:
    """A `Clock` for tests: it stands still until a test moves it."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Return the time."""
        return self.at

    def move(self, by: timedelta) -> None:
        """Move the clock."""
        self.at += by


class CountedSecrets:
    """A `SecretGenerator` for tests, which counts."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def __call__(self) -> str:
        """Return the next number in 40 digits."""
        return f"{next(self._numbers):040d}"
