"""The audit log: what was done, by whom, when and from which address. It is append-only and tamper-evident.

Each entry is stored in the unit of work that it records. Maintenance seals entries later, many at once: a seal has the
SHA-256 digest of its entries and of the previous seal (a hash chain), so writers never wait for each other.
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
"""The previous digest of the first seal."""

SEALS_PER_PAGE: Final = 1000
"""Seals that `Audit.verify` reads with one query."""

SEAL_FORMAT: Final = 3
"""The format of a new seal. An old seal keeps its format, because its digest may be noted elsewhere.

* Format 1 does not cover the time of the seal. The next seal of a later format covers that time too.
* Format 2 covers the time of the seal.
* Format 3 calls an imported post `post.imported`. Formats 1 and 2 cover the name it had then (`_OLD_EVENTS`).
"""


class Event(StrEnum):
    """The kinds of audit entries."""

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
    POST_RESTORED = "post.restored"
    POST_PURGED = "post.purged"
    POST_PUBLISHED = "post.published"
    POST_SCHEDULED = "post.scheduled"
    POST_UNPUBLISHED = "post.unpublished"
    POST_IMPORTED = "post.imported"
    PREVIEW_CREATED = "preview.created"
    PREVIEW_REVOKED = "preview.revoked"


_OLD_EVENTS: Final = {Event.POST_IMPORTED: "post.taken-in"}
"""The names of events in seals of formats 1 and 2."""
_FIRST_FORMAT_WITH_NEW_EVENTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One recorded action. `actor` is the name at that time; `subject` is the kind of thing that was changed."""

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
        """Return a copy with this id. `dataclasses.replace` takes twice the time, and every change adds an entry."""
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
    """A link of the hash chain: proof of some entries and of the previous seal."""

    id: SealId = SealId(UNSTORED)
    at: datetime
    entries: int
    previous: bytes
    digest: bytes
    format: int = SEAL_FORMAT


class AuditFilter(TypedDict, total=False):
    """Filters of audit entries, all of which must match. `about_user` is the user whose account was changed."""

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
    """A page of entries, newest first. `next_before` is the `before` of the next page: None on the last page."""

    entries: Sequence[AuditEntry]
    next_before: EntryId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerification:
    """The result of a verification. `head` is the digest of the last seal, to be noted outside of the database."""

    sealed: int
    unsealed: int
    head: bytes
    errors: tuple[str, ...]


class AuditLog(Protocol):
    """Stores audit entries and seals. The port has no method that changes or deletes them."""

    def add(self, entry: AuditEntry) -> None:
        """Store an entry under a new id."""

    def page(
        self, *, limit: int, before: EntryId | None = None, **filters: Unpack[AuditFilter]
    ) -> Sequence[AuditEntry]:
        """Return up to `limit` entries by descending id, below `before`, from `since` (inclusive) to `until`
        (exclusive).
        """

    def unsealed(self, *, limit: int) -> Sequence[AuditEntry]:
        """Return up to `limit` entries without a seal by ascending id, and lock sealing until the unit of work ends."""

    def seal(self, seal: Seal, entries: Sequence[AuditEntry]) -> Seal:
        """Store a seal of these entries. Return it with its new id."""

    def last_seal(self) -> Seal | None:
        """Return the seal with the highest id, or None."""

    def seals(self, *, limit: int, after: SealId | None = None) -> Sequence[Seal]:
        """Return up to `limit` seals by ascending id, after `after`."""

    def sealed_by(self, seal_id: SealId) -> Sequence[AuditEntry]:
        """Return all entries of a seal, by ascending id."""

    def counts(self) -> tuple[int, int]:
        """Return the count of sealed entries and the count of unsealed entries."""


@dataclass(slots=True)
class Audit:
    """Records, reads, seals and verifies audit entries."""

    log: AuditLog
    now: Clock

    def record(
        self, event: Event, by: Actor | Anonymous, subject: str, subject_id: int | None, detail: str = ""
    ) -> None:
        """Add an entry, in the unit of work that makes the change."""
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
        """Return a page of up to `limit` entries, newest first, below `before`.

        Raises:
            NotAnAdmin, OutOfScope.
            ValidationFailed: `limit` is not valid.
        """
        require_admin(actor)
        check_limit(limit)
        entries = self.log.page(limit=limit + 1, before=before, **filters)
        page = entries[:limit]
        return AuditPage(page, next_before=page[-1].id if len(entries) > limit else None)

    def seal(self, *, limit: int = 1000) -> Seal | None:
        """Seal up to `limit` unsealed entries. Return the seal, or None if all entries are sealed."""
        entries = self.log.unsealed(limit=limit)
        if not entries:
            return None
        last = self.log.last_seal()
        at = max(self.now(), *(entry.at for entry in entries), *([last.at] if last else []))  # a clock may be set back
        seal = Seal(at=at, entries=len(entries), previous=last.digest if last else GENESIS_DIGEST, digest=b"")
        untimed = self._untimed() if last and last.format == 1 else ()
        return self.log.seal(replace(seal, digest=seal_digest(seal, entries, untimed)), entries)

    def verify(self, actor: Actor, *, head: bytes | None = None) -> AuditVerification:
        """Verify that no sealed entry was changed, removed or inserted, and that `head` is the digest of a seal.

        Unsealed entries are not verified. An attacker who rewrites the whole chain is only detected by a `head` that
        was noted outside of the database.

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
                errors.append(f"A seal before seal {seal.id} was changed or removed.")
            if seal.digest != seal_digest(seal, entries, untimed) or seal.entries != len(entries):
                errors.append(_seal_error(seal, untimed))
            if seal.format != 1:
                untimed.clear()
            else:
                untimed.append(seal)
            previous = seal.digest
            known.add(previous)
            proven += len(entries)
        if not sealed <= proven <= self.log.counts()[0]:  # others may seal meanwhile
            errors.append("Some entries belong to a seal that was removed.")
        if head is not None and head not in known:
            errors.append("No seal has the digest that was noted.")
        return AuditVerification(sealed=sealed, unsealed=unsealed, head=previous, errors=tuple(errors))

    def _untimed(self) -> Sequence[Seal]:
        """Return the seals of format 1 at the end of the chain."""
        untimed: list[Seal] = []
        for seal in self._seals():
            if seal.format != 1:
                untimed.clear()
            else:
                untimed.append(seal)
        return untimed

    def _seals(self) -> Iterator[Seal]:
        after: SealId | None = None
        while seals := self.log.seals(limit=SEALS_PER_PAGE, after=after):
            yield from seals
            after = seals[-1].id


def seal_digest(seal: Seal, entries: Iterable[AuditEntry], untimed: Sequence[Seal] = ()) -> bytes:
    """Return the SHA-256 digest that a seal must have.

    Args:
        seal: the seal; its format, its time and its previous digest count.
        entries: the entries of the seal, by ascending id.
        untimed: the seals of format 1 right before it, whose times no seal covers yet.
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
    """Return the fields of an entry, as a seal of this format covers them."""
    for name in AuditEntry.__dataclass_fields__:
        value = getattr(entry, name)
        if isinstance(value, datetime):
            yield str(value) if seal_format == 1 else _utc(value)
        elif isinstance(value, Event) and seal_format < _FIRST_FORMAT_WITH_NEW_EVENTS:
            yield _OLD_EVENTS.get(value, value)
        else:
            yield value


def _seal_error(seal: Seal, untimed: Sequence[Seal]) -> str:
    if seal.format == 1:
        return f"An entry of seal {seal.id} was changed, removed or inserted."
    times = "the time of this or an older seal" if untimed else "the time of the seal"
    return f"Seal {seal.id}: {times} or an entry was changed, or an entry was removed or inserted."


def _line(*values: object) -> bytes:
    """Encode values so that different values have different bytes."""
    return json.dumps(values).encode() + b"\n"


def _utc(at: datetime) -> str:
    """Format a time in UTC, because databases return it in different zones."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
