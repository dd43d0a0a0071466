"""Attempts to log in, counted in memory: by one process, and for it alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from blog.domain.accounts.throttle import LoginAttempt
from blog.domain.shared import AttemptId

from .unit import Table, Unit


@dataclass(frozen=True, slots=True)
class LoginAttemptTables:
    """Attempts by number, by account and by address; and since when an account's password was right from where."""

    by_id: Table[AttemptId, LoginAttempt] = field(default_factory=Table)
    by_account: Table[tuple[str, float], LoginAttempt] = field(default_factory=Table)
    by_address: Table[tuple[str, float], LoginAttempt] = field(default_factory=Table)
    known: Table[tuple[str, str], tuple[str, str, datetime]] = field(default_factory=Table)


class MemoryAttemptStore:
    """An `AttemptStore` over one unit of work in memory."""

    def __init__(self, unit: Unit, shelves: LoginAttemptTables) -> None:
        self._unit = unit
        self._shelves = shelves

    def lock(self, account: str, address: str) -> None:  # noqa: ARG002 - only one unit writes at a time
        self._unit.begin()

    def add(self, attempt: LoginAttempt) -> LoginAttempt:
        self._unit.begin()
        attempt = replace(attempt, id=AttemptId(next(self._shelves.by_id.numbers)))
        self._unit.on(self._shelves.by_id).put(attempt.id, attempt)
        self._unit.on(self._shelves.by_account).put((attempt.account, attempt.id), attempt)
        self._unit.on(self._shelves.by_address).put((attempt.address, attempt.id), attempt)
        return attempt

    def remove(self, attempt: LoginAttempt) -> None:
        self._unit.begin()
        self._unit.on(self._shelves.by_id).drop(attempt.id)
        self._unit.on(self._shelves.by_account).drop((attempt.account, attempt.id))
        self._unit.on(self._shelves.by_address).drop((attempt.address, attempt.id))

    def of_account(self, account: str, *, since: datetime) -> Sequence[LoginAttempt]:
        attempts = self._unit.on(self._shelves.by_account).between((account, 0), (account, float("inf")))
        return _since(since, attempts)

    def of_address(self, address: str, *, since: datetime) -> Sequence[LoginAttempt]:
        attempts = self._unit.on(self._shelves.by_address).between((address, 0), (address, float("inf")))
        return _since(since, attempts)

    def trusted_addresses(self, account: str) -> Mapping[str, datetime]:
        known = self._unit.on(self._shelves.known).between((account, ""), (account + "\0", ""))
        return {address: at for _, address, at in known}

    def trust_address(self, account: str, address: str, at: datetime) -> None:
        self._unit.begin()
        self._unit.on(self._shelves.known).put((account, address), (account, address, at))

    def remove_all_of(self, account: str) -> None:
        self._unit.begin()
        for attempt in self._unit.on(self._shelves.by_account).between((account, 0), (account, float("inf"))):
            self.remove(attempt)
        for address in self.trusted_addresses(account):
            self._unit.on(self._shelves.known).drop((account, address))

    def purge(self, *, until: datetime, trusted_until: datetime, newest: int, limit: int) -> int:
        self._unit.begin()
        attempts = self._unit.on(self._shelves.by_id).everything()
        excess = max(len(attempts) - newest, 0)
        old = [attempt for place, attempt in enumerate(attempts) if attempt.at <= until or place < excess][:limit]
        for attempt in old:
            self.remove(attempt)
        self._forget_addresses(trusted_until, limit)
        return len(old)

    def _forget_addresses(self, until: datetime, limit: int) -> None:
        known = self._unit.on(self._shelves.known)
        old = [(account, address) for account, address, at in known.everything() if at <= until]
        for key in old[:limit]:
            known.drop(key)


def _since(moment: datetime, attempts: Sequence[LoginAttempt]) -> Sequence[LoginAttempt]:
    return sorted((attempt for attempt in attempts if attempt.at > moment), key=lambda attempt: attempt.at)
