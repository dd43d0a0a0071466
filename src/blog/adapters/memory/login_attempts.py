"""Attempts to log in, counted in memory: by one process, and for it alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from blog.domain.accounts.throttle import LoginAttempt
from blog.domain.shared import AttemptId

from .tables import MemoryRepository


class MemoryAttemptStore(MemoryRepository):
    """An `AttemptStore` over one unit of work in memory."""

    def lock(self, account: str, address: str) -> None:  # noqa: ARG002 - only one unit writes at a time
        self._unit.begin()

    def add(self, attempt: LoginAttempt) -> LoginAttempt:
        self._unit.begin()
        attempt = replace(attempt, id=AttemptId(self._unit.new_id(self._tables.login_attempts)))
        self._unit.put(self._tables.login_attempts, attempt.id, attempt)
        return attempt

    def remove(self, attempt: LoginAttempt) -> None:
        self._unit.delete(self._tables.login_attempts, attempt.id)

    def of_account(self, account: str, *, since: datetime) -> Sequence[LoginAttempt]:
        return self._since(since, lambda attempt: attempt.account == account)

    def of_address(self, address: str, *, since: datetime) -> Sequence[LoginAttempt]:
        return self._since(since, lambda attempt: attempt.address == address)

    def trusted_addresses(self, account: str) -> Mapping[str, datetime]:
        trusted = self._unit.visible_rows(self._tables.trusted_addresses)
        return {address: at for (holder, address), at in trusted.items() if holder == account}

    def trust_address(self, account: str, address: str, at: datetime) -> None:
        self._unit.put(self._tables.trusted_addresses, (account, address), at)

    def remove_all_of(self, account: str) -> None:
        self._unit.begin()
        for attempt in self._unit.visible_rows(self._tables.login_attempts).values():
            if attempt.account == account:
                self.remove(attempt)
        for address in self.trusted_addresses(account):
            self._unit.delete(self._tables.trusted_addresses, (account, address))

    def purge(self, *, until: datetime, trusted_until: datetime, newest: int, limit: int) -> int:
        self._unit.begin()
        trusted = self._unit.visible_rows(self._tables.trusted_addresses)
        for key in [key for key, at in trusted.items() if at <= trusted_until][:limit]:
            self._unit.delete(self._tables.trusted_addresses, key)
        attempts = self._unit.visible_rows(self._tables.login_attempts)
        surplus = set(sorted(attempts, reverse=True)[newest:])
        old = [attempt for _, attempt in sorted(attempts.items()) if attempt.at <= until or attempt.id in surplus]
        for attempt in old[:limit]:
            self.remove(attempt)
        return len(old[:limit])

    def _since(self, since: datetime, matches: Callable[[LoginAttempt], bool]) -> Sequence[LoginAttempt]:
        attempts = self._unit.iterate(self._unit.visible_rows(self._tables.login_attempts).values())
        found = [attempt for attempt in attempts if attempt.at > since and matches(attempt)]
        return sorted(found, key=lambda attempt: (attempt.at, attempt.id))
