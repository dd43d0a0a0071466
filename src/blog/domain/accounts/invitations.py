"""Invitations: codes by which somebody new can open an account, once and for some time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Protocol

from blog.domain.audit import Audit, Event
from blog.domain.errors import FieldError, Forbidden, NotFound, ValidationFailed
from blog.domain.shared import UNSTORED, Clock, InvitationId, SecretGenerator, UserId, check_limit

from .actors import Actor, require_admin
from .secret_format import SecretFormat, digest_of, hint_of

CODE_FORMAT: Final = SecretFormat("bloginvite_")
MAX_DAYS: Final = 90
DEFAULT_DAYS: Final = 7


class Registration(Enum):
    """Who may open an account."""

    OPEN = "open"
    INVITE = "invite"
    CLOSED = "closed"


class RegistrationClosed(Forbidden):
    """Only an administrator opens accounts here."""

    def __init__(self) -> None:
        super().__init__("Registration is closed: ask an administrator for an account.")


class InvalidInvitation(Forbidden):
    """The code is malformed, unknown, expired or used; which of these is nobody's business."""

    def __init__(self) -> None:
        super().__init__("Registration takes a valid invitation.")


class InvitationNotFound(NotFound):
    """No open invitation has this number."""

    def __init__(self, invitation_id: InvitationId) -> None:
        super().__init__(f"There is no invitation {invitation_id}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What the blog remembers of an invitation. `by` is the name of whoever made it."""

    id: InvitationId = InvitationId(UNSTORED)
    digest: bytes = field(repr=False)
    hint: str
    by_id: UserId | None
    by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedInvitation:
    """An invitation at the only time that its code is known: when it is handed over."""

    code: str = field(repr=False)
    invitation: Invitation


class InvitationStore(Protocol):
    """Where open invitations are kept."""

    def add(self, invitation: Invitation) -> Invitation:
        """Keep the invitation under a new id, and give it back with that id."""

    def take(self, digest: bytes) -> Invitation | None:
        """Forget the invitation of this digest, and give it to this unit of work and no other; None: there is none."""

    def remove(self, invitation_id: InvitationId) -> bool:
        """Forget this invitation, and say whether it was there."""

    def remove_all_by(self, user_id: UserId) -> None:
        """Forget every invitation that this user made; none is no error."""

    def all_by(self, user_id: UserId) -> Sequence[Invitation]:
        """Every invitation that this user made by ascending id, expired or not."""

    def page(self, *, limit: int, after: InvitationId | None = None) -> Sequence[Invitation]:
        """Up to `limit` invitations by ascending id, from the first one after `after`, expired or not."""

    def purge(self, *, expired_by: datetime, limit: int) -> int:
        """Forget up to `limit` invitations that expired by then. How many were forgotten."""


@dataclass(slots=True)
class Invitations:
    """What administrators do with invitations, and what becomes of them."""

    store: InvitationStore
    audit: Audit
    now: Clock
    new_secret: SecretGenerator

    def create(self, actor: Actor, *, days: int = DEFAULT_DAYS) -> IssuedInvitation:
        """Invite somebody.

        Raises:
            NotAnAdmin, OutOfScope.
            ValidationFailed: of `days`.
        """
        require_admin(actor)
        if not 1 <= days <= MAX_DAYS:
            raise ValidationFailed([FieldError("days", f"must be a whole number from 1 to {MAX_DAYS}")])
        at, code = self.now(), CODE_FORMAT.new(self.new_secret)
        invitation = self.store.add(
            Invitation(
                digest=digest_of(code),
                hint=hint_of(code),
                by_id=actor.user_id,
                by=actor.name,
                created_at=at,
                expires_at=at + timedelta(days=days),
            )
        )
        self.audit.record(Event.INVITATION_CREATED, actor, "invitation", invitation.id)
        return IssuedInvitation(code=code, invitation=invitation)

    def page(self, actor: Actor, *, limit: int = 100, after: InvitationId | None = None) -> Sequence[Invitation]:
        """Up to `limit` open invitations by ascending id, from the first one after `after`.

        Raises:
            NotAnAdmin, OutOfScope.
            ValidationFailed: of `limit`.
        """
        require_admin(actor)
        check_limit(limit)
        return self.store.page(limit=limit, after=after)

    def revoke(self, actor: Actor, invitation_id: InvitationId) -> None:
        """Take an invitation back.

        Raises:
            NotAnAdmin, OutOfScope, InvitationNotFound.
        """
        require_admin(actor)
        if not self.store.remove(invitation_id):
            raise InvitationNotFound(invitation_id)
        self.audit.record(Event.INVITATION_REVOKED, actor, "invitation", invitation_id)

    def redeem(self, code: str) -> Invitation:
        """Use an invitation up.

        Raises:
            InvalidInvitation.
        """
        invitation = self.store.take(digest_of(code)) if CODE_FORMAT.is_valid(code) else None
        if invitation is None or self.now() >= invitation.expires_at:
            raise InvalidInvitation
        return invitation

    def purge(self, *, limit: int = 1000) -> int:
        """Forget up to `limit` invitations that have expired; how many."""
        return self.store.purge(expired_by=self.now(), limit=limit)
