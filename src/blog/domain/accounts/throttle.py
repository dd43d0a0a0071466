"""Rate limits of log-ins, against guessing of passwords (brute force).

An attempt is counted before the password is verified, and the count is cancelled if the password is right. So parallel
guesses are all counted. There are limits for an account and address together, for an address, and for an account. Only
the first limit applies to a trusted address, from which the account's password was right before. So an attacker cannot
lock the owner out. Sources: NIST SP 800-63B-4 §3.2.2, OWASP Authentication Cheat Sheet.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv4Network, ip_network
from typing import Final, Protocol

from blog.domain.errors import RateLimited
from blog.domain.shared import UNSTORED, AttemptId, Clock, UserId

MAX_ATTEMPTS: Final = 100_000
"""Stored attempts at most, for any number of addresses that an attacker has."""

TRUST_PERIOD: Final = timedelta(days=90)
"""How long an address stays trusted after the last successful log-in from it."""

_PURGED_EVERY: Final = 512
"""Attempts between two purges."""


class TooManyAttempts(RateLimited):
    """Too many attempts failed. The password is not verified, right or wrong."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many failed attempts.", retry_after=retry_after)


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate limit: this many failures within this time."""

    failures: int
    within: timedelta

    def blocked_until(self, failures: Sequence[datetime], scale: int, at: datetime) -> datetime:
        """Return until when attempts are blocked, after failures at these times, oldest first."""
        allowed = self.failures * scale
        return at if len(failures) < allowed else failures[-allowed] + self.within


ACCOUNT_AND_ADDRESS: Final = Limit(8, timedelta(minutes=5))
ADDRESS: Final = Limit(15, timedelta(minutes=5))
ACCOUNT: Final = Limit(60, timedelta(minutes=5))
CONSECUTIVE_FAILURES: Final = Limit(100, timedelta(days=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAttempt:
    """An attempt to log in to the account of a key (`account_key`). `address` is empty if it is unknown."""

    id: AttemptId = AttemptId(UNSTORED)
    account: str
    address: str
    at: datetime


class AttemptStore(Protocol):
    """Stores attempts that failed or are not finished, and trusted addresses."""

    def lock(self, account: str, address: str) -> None:
        """Lock this account and this address until the unit of work ends."""

    def add(self, attempt: LoginAttempt) -> LoginAttempt:
        """Store an attempt. Return it with its new id."""

    def remove(self, attempt: LoginAttempt) -> None:
        """Delete an attempt, if it is stored."""

    def of_account(self, account: str, *, since: datetime) -> Sequence[LoginAttempt]:
        """Return the attempts at an account after `since`, oldest first."""

    def of_address(self, address: str, *, since: datetime) -> Sequence[LoginAttempt]:
        """Return the attempts from an address after `since`, oldest first."""

    def trusted_addresses(self, account: str) -> Mapping[str, datetime]:
        """Return the trusted addresses of an account, each with the time of its last successful log-in."""

    def trust_address(self, account: str, address: str, at: datetime) -> None:
        """Store the time of a successful log-in to an account from an address."""

    def remove_all_of(self, account: str) -> None:
        """Delete the attempts at an account and its trusted addresses, if there are any."""

    def purge(self, *, until: datetime, trusted_until: datetime, newest: int, limit: int) -> int:
        """Delete up to `limit` attempts and up to `limit` trusted addresses. Return how many attempts were deleted.

        Args:
            until: attempts of this time or before are deleted.
            trusted_until: addresses whose last log-in was at this time or before are deleted.
            newest: only this number of newest attempts stays.
            limit: how many rows of each are deleted.
        """


@dataclass(slots=True)
class Throttle:
    """Counts attempts and enforces the limits. `scale` multiplies all limits."""

    store: AttemptStore
    now: Clock
    scale: int = 1

    def reserve(self, account: UserId | str, address: str) -> LoginAttempt:
        """Count an attempt as a failure until it succeeds: at an account, or at a username that no account has.

        Raises:
            TooManyAttempts.
        """
        attempt = LoginAttempt(account=account_key(account), address=network_of(address), at=self.now())
        self._check(attempt)  # without a lock, so that blocked clients take none
        self.store.lock(attempt.account, attempt.address)
        self._check(attempt)
        attempt = self.store.add(attempt)
        if attempt.id % _PURGED_EVERY == 0:
            self.purge()
        return attempt

    def record_success(self, attempt: LoginAttempt) -> None:
        """Delete this and earlier attempts at this account from this address, and trust the address.

        Attempts from this address at other accounts stay counted: logging in to one's own account gives no more guesses
        at others.
        """
        since = attempt.at - ACCOUNT_AND_ADDRESS.within
        for earlier in self.store.of_account(attempt.account, since=since):
            if earlier.address == attempt.address:
                self.store.remove(earlier)
        if attempt.address:
            self.store.trust_address(attempt.account, attempt.address, attempt.at)

    def cancel(self, attempt: LoginAttempt) -> None:
        """Delete an attempt that neither succeeded nor failed."""
        self.store.remove(attempt)

    def reaches_limit(self, attempt: LoginAttempt) -> bool:
        """Return whether a failed attempt has reached a limit."""
        return self._blocked_until(attempt) > attempt.at

    def purge(self, *, limit: int = 1000) -> int:
        """Delete up to `limit` attempts that no longer count. Return how many."""
        at = self.now()
        return self.store.purge(
            until=at - CONSECUTIVE_FAILURES.within, trusted_until=at - TRUST_PERIOD, newest=MAX_ATTEMPTS, limit=limit
        )

    def _check(self, attempt: LoginAttempt) -> None:
        wait = self._blocked_until(attempt) - attempt.at
        if wait > timedelta(0):
            raise TooManyAttempts(math.ceil(wait.total_seconds()))

    def _blocked_until(self, attempt: LoginAttempt) -> datetime:
        trusted = self.store.trusted_addresses(attempt.account)
        failures = self.store.of_account(attempt.account, since=attempt.at - CONSECUTIVE_FAILURES.within)
        until = self._limit_blocks_until(
            ACCOUNT_AND_ADDRESS, [failure for failure in failures if failure.address == attempt.address], attempt
        )
        if attempt.address in trusted:
            return until
        consecutive_since = max(trusted.values(), default=failures[0].at if failures else attempt.at)
        consecutive = [failure for failure in failures if failure.at >= consecutive_since]
        from_address = self.store.of_address(attempt.address, since=attempt.at - ADDRESS.within)
        return max(
            until,
            self._limit_blocks_until(ADDRESS, from_address if attempt.address else [], attempt),
            self._limit_blocks_until(ACCOUNT, failures, attempt),
            self._limit_blocks_until(CONSECUTIVE_FAILURES, consecutive, attempt),
        )

    def _limit_blocks_until(self, limit: Limit, failures: Sequence[LoginAttempt], attempt: LoginAttempt) -> datetime:
        recent = [failure.at for failure in failures if failure.at > attempt.at - limit.within]
        return limit.blocked_until(recent, self.scale, attempt.at)


def account_key(account: UserId | str) -> str:
    """Return the key under which attempts are counted and addresses are trusted.

    The key of an account has its id, so a renamed account keeps its attempts and addresses, and the next user of a name
    does not inherit them. The key of an unknown username is a digest, because it may be a password in the wrong field.
    """
    if isinstance(account, int):
        return f"user {account}"
    return sha256(account.casefold().encode()).hexdigest()[:32]


def rename_key(user_id: UserId) -> str:
    """Return the key of attempts to rename. It is not the key of log-ins, so they never lock a user out."""
    return f"rename of user {user_id}"


def network_of(address: str) -> str:
    """Return the network of one customer, who can choose any address in it: of IPv6 the first 64 bits."""
    try:
        network = ip_network(address)
    except ValueError:
        return address
    return address if isinstance(network, IPv4Network) else str(network.supernet(new_prefix=64))
