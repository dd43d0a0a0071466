"""A driver of the throttle without a blog."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from tests.domain.actors import HOME

from blog.adapters.memory import MemoryStore
from blog.domain.accounts.throttle import LoginAttempt, Throttle, TooManyAttempts
from blog.testing.contracts import FrozenClock

SECOND, MINUTE, WINDOW = timedelta(seconds=1), timedelta(minutes=1), timedelta(minutes=5)
FAR = 1_000


@dataclass
class ThrottleDriver:
    """Runs each attempt in its own unit of work, on its own store. `failed` has the failed attempts."""

    clock: FrozenClock = field(default_factory=FrozenClock)
    scale: int = 1
    store: MemoryStore = field(default_factory=MemoryStore)
    failed: list[LoginAttempt] = field(default_factory=list)

    @contextmanager
    def throttle(self) -> Iterator[Throttle]:
        with self.store() as stores:
            yield Throttle(stores.attempts, self.clock, self.scale)

    def fail(self, account: str = "ann", address: str = HOME, times: int = FAR) -> int:
        """Fail until the throttle refuses, at most `times`. Return the number of failures that it accepted."""
        for tried in range(times):
            try:
                with self.throttle() as throttle:
                    self.failed.append(throttle.reserve(account, address))
            except TooManyAttempts:
                return tried
        return times

    def succeed(self, account: str = "ann", address: str = HOME) -> None:
        with self.throttle() as throttle:
            attempt = throttle.reserve(account, address)
            throttle.record_success(attempt)
        gone = {(attempt.account, address)}
        self.failed = [each for each in self.failed if (each.account, each.address) not in gone]

    def wait(self, account: str = "ann", address: str = HOME, later: timedelta = timedelta(0)) -> int | None:
        """Return the seconds that an attempt would have to wait, or None, without making it."""
        with self.store() as stores:
            throttle = Throttle(stores.attempts, lambda: self.clock() + later, self.scale)
            try:
                stores.attempts.remove(throttle.reserve(account, address))
            except TooManyAttempts as refusal:
                return refusal.retry_after
        return None

    def spray(self, account: str = "ann", addresses: int = 20, start: int = 0) -> int:
        """Fail from many addresses until the throttle refuses each. Return the number of failures."""
        return sum(self.fail(account, f"203.0.113.{start + n}") for n in range(addresses))
