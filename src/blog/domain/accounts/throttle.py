"""Attempts: how often somebody may show a wrong password, so that nobody gets anywhere by guessing.

An attempt is counted before the password is looked at, and no longer once it turns out to be right. So guesses that
are made at once cannot slip past the count. The limits are for (account, address), for the address, and for the
account; an address from which the account's password was right before is held to the first of them only, so that
nobody who attacks an account locks its owner out. Sources: NIST SP 800-63B-4 §3.2.2, OWASP Authentication Cheat Sheet.
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
"""How many attempts are remembered at most, however many addresses an attacker has."""

TRUST_PERIOD: Final = timedelta(days=90)
"""How long an address stays known to an account after its password was last right from there."""

_PURGED_EVERY: Final = 512
"""Attempts, after which the oldest are forgotten."""


class TooManyAttempts(RateLimited):
    """Nobody looks at the password, right or wrong, until some time has passed."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many failed attempts.", retry_after=retry_after)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many failures within so long."""

    failures: int
    within: timedelta

    def blocked_until(self, failures: Sequence[datetime], scale: int, at: datetime) -> datetime:
        """Until when there is no further attempt, after failures at these moments, the oldest first."""
        allowed = self.failures * scale
        return at if len(failures) < allowed else failures[-allowed] + self.within


ACCOUNT_AND_ADDRESS: Final = Limit(8, timedelta(minutes=5))
ADDRESS: Final = Limit(15, timedelta(minutes=5))
ACCOUNT: Final = Limit(60, timedelta(minutes=5))
CONSECUTIVE_FAILURES: Final = Limit(100, timedelta(days=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAttempt:
    """Somebody at this address would be let in to the account of this key. An address that is not known is empty."""

    id: AttemptId = AttemptId(UNSTORED)
    account: str
    address: str
    at: datetime


class AttemptStore(Protocol):
    """Where attempts are counted that have failed, or have not yet succeeded, and which addresses are known."""

    def lock(self, account: str, address: str) -> None:
        """Let no other unit of work hold this account or this address before this one ends."""

    def add(self, attempt: LoginAttempt) -> LoginAttempt:
        """Count the attempt under a new id, and give it back with that id."""

    def remove(self, attempt: LoginAttempt) -> None:
        """Count the attempt no longer; one that is not counted is no error."""

    def of_account(self, account: str, *, since: datetime) -> Sequence[LoginAttempt]:
        """The attempts at this account after `since`, the oldest first."""

    def of_address(self, address: str, *, since: datetime) -> Sequence[LoginAttempt]:
        """The attempts from this address after `since`, the oldest first."""

    def trusted_addresses(self, account: str) -> Mapping[str, datetime]:
        """The addresses from which the account's password was right, and when that was last so."""

    def trust_address(self, account: str, address: str, at: datetime) -> None:
        """Remember that the account's password was right from there, then."""

    def remove_all_of(self, account: str) -> None:
        """Forget the attempts at this account and its known addresses; none is no error."""

    def purge(self, *, until: datetime, trusted_until: datetime, newest: int, limit: int) -> int:
        """Forget attempts made by `until`, or that are not among the `newest`, and addresses known only by
        `trusted_until`: up to `limit` of each. How many attempts were forgotten.
        """


@dataclass(slots=True)
class Throttle:
    """Counts attempts, and refuses further ones. `scale` multiplies all limits."""

    store: AttemptStore
    now: Clock
    scale: int = 1

    def reserve(self, account: UserId | str, address: str) -> LoginAttempt:
        """Count an attempt, for the time being as one that fails: at an account, or at a name that no account has.

        Raises:
            TooManyAttempts.
        """
        attempt = LoginAttempt(account=account_key(account), address=network_of(address), at=self.now())
        self._check(attempt)  # without holding anything, which whoever is refused shall not be able to do
        self.store.lock(attempt.account, attempt.address)
        self._check(attempt)
        attempt = self.store.add(attempt)
        if attempt.id % _PURGED_EVERY == 0:
            self.purge()
        return attempt

    def record_success(self, attempt: LoginAttempt) -> None:
        """Count the attempt no longer, nor earlier ones of this account and address, which is known from now on.

        The other attempts from there stay counted: success at one's own account buys no guess at another.
        """
        since = attempt.at - ACCOUNT_AND_ADDRESS.within
        for earlier in self.store.of_account(attempt.account, since=since):
            if earlier.address == attempt.address:
                self.store.remove(earlier)
        if attempt.address:
            self.store.trust_address(attempt.account, attempt.address, attempt.at)

    def cancel(self, attempt: LoginAttempt) -> None:
        """Count an attempt no longer that came to nothing, neither good nor bad."""
        self.store.remove(attempt)

    def trips_limit(self, attempt: LoginAttempt) -> bool:
        """Whether a failed attempt was the last one for now."""
        return self._refused_until(attempt) > attempt.at

    def purge(self, *, limit: int = 1000) -> int:
        """Forget up to `limit` attempts that no longer count; how many."""
        at = self.now()
        return self.store.purge(
            until=at - CONSECUTIVE_FAILURES.within, trusted_until=at - TRUST_PERIOD, newest=MAX_ATTEMPTS, limit=limit
        )

    def _check(self, attempt: LoginAttempt) -> None:
        wait = self._refused_until(attempt) - attempt.at
        if wait > timedelta(0):
            raise TooManyAttempts(math.ceil(wait.total_seconds()))

    def _refused_until(self, attempt: LoginAttempt) -> datetime:
        known = self.store.trusted_addresses(attempt.account)
        failures = self.store.of_account(attempt.account, since=attempt.at - CONSECUTIVE_FAILURES.within)
        until = self._until(
            ACCOUNT_AND_ADDRESS, [failure for failure in failures if failure.address == attempt.address], attempt
        )
        if attempt.address in known:
            return until
        in_a_row_since = max(known.values(), default=failures[0].at if failures else attempt.at)
        in_a_row = [failure for failure in failures if failure.at >= in_a_row_since]
        from_address = self.store.of_address(attempt.address, since=attempt.at - ADDRESS.within)
        return max(
            until,
            self._until(ADDRESS, from_address if attempt.address else [], attempt),
            self._until(ACCOUNT, failures, attempt),
            self._until(CONSECUTIVE_FAILURES, in_a_row, attempt),
        )

    def _until(self, limit: Limit, failures: Sequence[LoginAttempt], attempt: LoginAttempt) -> datetime:
        lately = [failure.at for failure in failures if failure.at > attempt.at - limit.within]
        return limit.blocked_until(lately, self.scale, attempt.at)


def account_key(account: UserId | str) -> str:
    """The key under which attempts are counted and addresses are known.

    An account has the same key whatever its name is, so a renamed account keeps its known addresses and its count, and
    nobody inherits them with a name. A name that no account has is counted by the digest of its folded case, since it
    may be a password that was typed into the wrong field.
    """
    if isinstance(account, int):
        return f"user {account}"
    return sha256(account.casefold().encode()).hexdigest()[:32]


def rename_key(user_id: UserId) -> str:
    """What a user's tries to take another name are counted under: not as log-ins, so that they lock nobody out."""
    return f"rename of user {user_id}"


def network_of(address: str) -> str:
    """What one customer of a network is given, and can choose addresses from: of IPv6 the first 64 bits."""
    try:
        network = ip_network(address)
    except ValueError:
        return address
    return address if isinstance(network, IPv4Network) else str(network.supernet(new_prefix=64))
