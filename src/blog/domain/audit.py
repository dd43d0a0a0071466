"""The audit: what was done, by whom, when and from where; nobody changes it, and if somebody did, it would show.

Each entry is kept in the unit of work that it records. Later, entries are sealed by the batch: a seal carries the
SHA-256 digest of its entries and of the seal before it, so that writers never wait for one another to be chained.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol, TypedDict, Unpack

from blog.domain.accounts.actors import Actor, Anonymous, require_admin

from .shared import UNSTORED, Clock, EntryId, SealId, TokenId, UserId, check_limit

GENESIS_DIGEST: Final = bytes(32)
"""What stands before the first seal."""

SEAL_FORMAT: Final = 3
"""The format of a new seal. An old seal keeps its format, because its digest may be noted elsewhere.

* Format 1 does not cover the time of the seal. The next seal of a later format covers that time too.
* Format 2 covers the time of the seal.
* Format 3 calls an imported post `post.imported`. Formats 1 and 2 cover the name it had then (`_OLD_EVENTS`).
"""


class Event(StrEnum):
    """What is recorded."""

    LOGGED_IN = "login.succeeded"
    LOGIN_FAILED = "login.failed"
    LOGIN_THROTTLED = "login.throttled"
    LOGGED_OUT = "logout"
    TOKEN_ISSUED = "token.issued"  # noqa: S105 - not a password
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - not a password
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - not a password
    PASSWORD_RESET = "password.reset"  # noqa: S105 - not a password
    USER_CREATED = "user.created"
    USER_REGISTERED = "user.registered"
    USER_CHANGED = "user.changed"
    USER_DELETED = "user.deleted"
    INVITATION_CREATED = "invitation.created"
    INVITATION_REVOKED = "invitation.revoked"
    POST_CREATED = "post.created"
    POST_CHANGED = "post.changed"
    POST_DELETED = "post.deleted"
    POST_IMPORTED = "post.imported"


_OLD_EVENTS: Final = {Event.POST_IMPORTED: "post.taken-in"}
"""The names of events in seals of formats 1 and 2."""
_FIRST_FORMAT_WITH_NEW_EVENTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that was done. The actor's name is the one they had then; `subject` is what it was done to."""

    id: EntryId = EntryId(UNSTORED)
    at: datetime
    event: Event
    actor_id: UserId | None
    actor: str
    address: str
    token_id: TokenId | None
    subject: str
    subject_id: int | None
    detail: str = ""

    def with_id(self, entry_id: EntryId) -> "AuditEntry":
        """The entry under the id that a log gives it. `replace` takes twice the time, and every change is entered."""
        return AuditEntry(
            id=entry_id,
            at=self.at,
            event=self.event,
            actor_id=self.actor_id,
            actor=self.actor,
            address=self.address,
            token_id=self.token_id,
            subject=self.subject,
            subject_id=self.subject_id,
            detail=self.detail,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """Proof of some entries, and of the seal before it."""

    id: SealId = SealId(UNSTORED)
    at: datetime
    entries: int
    previous: bytes
    digest: bytes
    format: int = SEAL_FORMAT


class AuditFilter(TypedDict, total=False):
    """Which entries are asked for: those that are all of this. `about_user` is whose account something was done to."""

    event: Event
    actor_id: UserId
    about_user: UserId
    subject: str
    subject_id: int
    address: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some entries, newest first, and the id before which the next page begins: None on the last page."""

    entries: Sequence[AuditEntry]
    next_before: EntryId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerification:
    """What became of the seals. `head` is the digest of the last one: whoever notes it elsewhere can ask for it."""

    sealed: int
    unsealed: int
    head: bytes
    errors: tuple[str, ...]


class AuditLog(Protocol):
    """Where the audit is kept. There is no way to change or to remove what is in it."""

    def add(self, entry: AuditEntry) -> None:
        """Keep the entry under a new id."""

    def page(
        self, *, limit: int, before: EntryId | None = None, **filters: Unpack[AuditFilter]
    ) -> Sequence[AuditEntry]:
        """Up to `limit` entries by descending id, from the first one below `before`; times from `since` to before
        `until`.
        """

    def unsealed(self, *, limit: int) -> Sequence[AuditEntry]:
        """Up to `limit` entries without a seal by ascending id. No other unit of work gets any before this one ends."""

    def seal(self, seal: Seal, entries: Sequence[AuditEntry]) -> Seal:
        """Keep the seal under a new id, put it on these entries, and give it back with that id."""

    def last_seal(self) -> Seal | None:
        """The seal with the highest id, or None."""

    def seals(self, *, limit: int, after: SealId | None = None) -> Sequence[Seal]:
        """Up to `limit` seals by ascending id, from the first one after `after`."""

    def sealed_by(self, seal_id: SealId) -> Sequence[AuditEntry]:
        """All entries with this seal, by ascending id."""

    def counts(self) -> tuple[int, int]:
        """How many entries have a seal, and how many have none."""


@dataclass(slots=True)
class Audit:
    """What is done with the audit."""

    log: AuditLog
    now: Clock

    def record(
        self, event: Event, by: Actor | Anonymous, subject: str, subject_id: int | None, detail: str = ""
    ) -> None:
        """Keep what is being done, if what is being done is kept."""
        self.log.add(
            AuditEntry(
                at=self.now(),
                event=event,
                actor_id=by.user_id,
                actor=by.name,
                address=by.address,
                token_id=by.token_id,
                subject=subject,
                subject_id=subject_id,
                detail=detail,
            )
        )

    def page(
        self, actor: Actor, *, limit: int = 100, before: EntryId | None = None, **filters: Unpack[AuditFilter]
    ) -> AuditPage:
        """Read a page of up to `limit` entries, newest first, on from `before`.

        Raises:
            NotAnAdmin, OutOfScope.
            Invalid: of `limit`.
        """
        require_admin(actor)
        check_limit(limit)
        entries = self.log.page(limit=limit + 1, before=before, **filters)
        page = entries[:limit]
        return AuditPage(page, next_before=page[-1].id if len(entries) > limit else None)

    def seal(self, *, limit: int = 1000) -> Seal | None:
        """Seal up to `limit` entries that have no seal yet; None if there are none."""
        entries = self.log.unsealed(limit=limit)
        if not entries:
            return None
        last = self.log.last_seal()
        at = max(self.now(), *(entry.at for entry in entries), *([last.at] if last else []))  # a clock may be set back
        seal = Seal(at=at, entries=len(entries), previous=last.digest if last else GENESIS_DIGEST, digest=b"")
        untimed = self._untimed() if last and last.format == 1 else ()
        return self.log.seal(replace(seal, digest=digest_of(seal, entries, untimed)), entries)

    def verify(self, actor: Actor, *, head: bytes | None = None) -> AuditVerification:
        """Prove that no sealed entry was changed, removed or slipped in, and that `head` is one of the seals.

        What is not sealed yet is not proven; nor is anything to whoever lets the whole chain be made anew and has
        noted no head elsewhere.

        Raises:
            NotAnAdmin, OutOfScope.
        """
        require_admin(actor)
        sealed, unsealed = self.log.counts()
        errors, proven, previous, known = [], 0, GENESIS_DIGEST, {GENESIS_DIGEST}
        untimed: list[Seal] = []
        for seal in self._seals():
            entries = self.log.sealed_by(seal.id)
            if seal.previous != previous:
                errors.append(f"Before seal {seal.id}, a seal was changed or removed.")
            if seal.digest != digest_of(seal, entries, untimed) or seal.entries != len(entries):
                errors.append(_fault_of(seal, untimed))
            if seal.format != 1:
                untimed.clear()
            else:
                untimed.append(seal)
            previous = seal.digest
            known.add(previous)
            proven += len(entries)
        if not sealed <= proven <= self.log.counts()[0]:  # others may seal meanwhile
            errors.append("There are entries of a seal that was removed.")
        if head is not None and head not in known:
            errors.append("The seal with the digest that was noted is not there.")
        return AuditVerification(sealed=sealed, unsealed=unsealed, head=previous, errors=tuple(errors))

    def _untimed(self) -> Sequence[Seal]:
        """The seals of format 1 at the end of the chain."""
        untimed: list[Seal] = []
        for seal in self._seals():
            if seal.format != 1:
                untimed.clear()
            else:
                untimed.append(seal)
        return untimed

    def _seals(self) -> Iterator[Seal]:
        after: SealId | None = None
        while seals := self.log.seals(limit=1000, after=after):
            yield from seals
            after = seals[-1].id


def digest_of(seal: Seal, entries: Iterable[AuditEntry], untimed: Sequence[Seal] = ()) -> bytes:
    """The SHA-256 digest that a seal must have.

    Args:
        seal: its format, its time and the digest of the seal before it count.
        entries: what it proves, by ascending id.
        untimed: the seals of format 1 right before it, whose times no seal proves yet.
    """
    digest = hashlib.sha256(seal.previous)
    if seal.format != 1:
        digest.update(_line("seal", seal.format, _utc(seal.at), seal.entries))
        for earlier in untimed:
            digest.update(_line("seal", earlier.format, _utc(earlier.at), earlier.entries))
    for entry in entries:
        digest.update(_line(*_sealed_values(entry, seal.format)))
    return digest.digest()


def _sealed_values(entry: AuditEntry, seal_format: int) -> Iterator[object]:
    """The fields of an entry, as a seal of this format covers them."""
    for name in AuditEntry.__dataclass_fields__:
        value = getattr(entry, name)
        if isinstance(value, datetime):
            yield str(value) if seal_format == 1 else _utc(value)
        elif isinstance(value, Event) and seal_format < _FIRST_FORMAT_WITH_NEW_EVENTS:
            yield _OLD_EVENTS.get(value, value)
        else:
            yield value


def _fault_of(seal: Seal, untimed: Sequence[Seal]) -> str:
    if seal.format == 1:
        return f"Of the entries of seal {seal.id}, one was changed, removed or slipped in."
    times = "its time, or that of an older seal," if untimed else "its time"
    return f"Of seal {seal.id}, {times} or one of its entries was changed, or an entry was removed or slipped in."


def _line(*values: object) -> bytes:
    """Values as bytes that no other values have."""
    return json.dumps(values).encode() + b"\n"


def _utc(at: datetime) -> str:
    """A moment in one spelling, whatever zone a database gives it in."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
