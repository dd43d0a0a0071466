"""Invitations: single-use codes that expire, with which new users register."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Protocol

from blog.domain.audit import Audit, Event
from blog.domain.errors import FieldError, Forbidden, NotFound, ValidationFailed
from blog.domain.shared import UNSTORED, Clock, InvitationId, SecretGenerator, UserId, check_id, check_limit

from .actors import Actor, require_admin
from .secret_format import SecretFormat, digest_of, hint_of

CODE_FORMAT: Final = SecretFormat("bloginvite_")
MAX_DAYS: Final = 90
DEFAULT_DAYS: Final = 7


class Registration(Enum):
    """Registration is open to everybody, to people with an invitation, or to nobody."""

    OPEN = "open"
    INVITE = "invite"
    CLOSED = "closed"


class RegistrationClosed(Forbidden):
    """Registration is closed: only administrators create accounts."""

    def __init__(self) -> None:
        super().__init__("Registration is closed: ask an administrator for an account.")


class InvalidInvitation(Forbidden):
    """The code is malformed, unknown, expired or used. The error does not say which."""

    def __init__(self) -> None:
        super().__init__("Registration takes a valid invitation.")


class InvitationNotFound(NotFound):
    """No open invitation has this id."""

    def __init__(self, invitation_id: InvitationId) -> None:
        super().__init__(f"There is no invitation {invitation_id}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A stored invitation, without its code. `by` is the name of its creator."""

    id: InvitationId = InvitationId(UNSTORED)
    digest: bytes = field(repr=False)
    hint: str
    by_id: UserId | None
    by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedInvitation:
    """A new invitation and its code, which is shown once and not stored."""

    code: str = field(repr=False)
    invitation: Invitation


class InvitationStore(Protocol):
    """Stores open invitations."""

    def add(self, invitation: Invitation) -> Invitation:
        """Store an invitation. Return it with its new id."""

    def take(self, digest: bytes) -> Invitation | None:
        """Delete the invitation with this digest and return it, to one unit of work only. None: there is none."""

    def remove(self, invitation_id: InvitationId) -> bool:
        """Delete an invitation. Return whether it existed."""

    def remove_all_of(self, user_id: UserId) -> None:
        """Delete all invitations that this user created, if there are any."""

    def all_by(self, user_id: UserId) -> Sequence[Invitation]:
        """Return all invitations that this user created by ascending id, also expired ones."""

    def page(self, *, limit: int, after: InvitationId | None = None) -> Sequence[Invitation]:
        """Return up to `limit` invitations by ascending id, after `after`, also expired ones."""

    def purge(self, *, expired_by: datetime, limit: int) -> int:
        """Delete up to `limit` invitations that expired at `expired_by` or before. Return how many."""


@dataclass(slots=True)
class Invitations:
    """Creates, lists, revokes and redeems invitations."""

    store: InvitationStore
    audit: Audit
    now: Clock
    new_secret: SecretGenerator

    def create(self, actor: Actor, *, days: int = DEFAULT_DAYS) -> IssuedInvitation:
        """Create an invitation.

        Raises:
            NotAnAdmin, OutOfScope.
            ValidationFailed: `days` is not valid.
        """
        require_admin(actor)
        if not 1 <= days <= MAX_DAYS:
            raise ValidationFailed([FieldError("days", f"must be a whole number from 1 to {MAX_DAYS}")])
        at, code = self.now(), CODE_FORMAT.generate(self.new_secret)
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
        """Return up to `limit` open invitations by ascending id, after `after`.

        Raises:
            NotAnAdmin, OutOfScope.
            ValidationFailed: `limit` is not valid.
        """
        require_admin(actor)
        check_limit(limit)
        return self.store.page(limit=limit, after=after)

    def revoke(self, actor: Actor, invitation_id: InvitationId) -> None:
        """Revoke an invitation.

        Raises:
            NotAnAdmin, OutOfScope, InvitationNotFound.
        """
        require_admin(actor)
        check_id(invitation_id)
        if not self.store.remove(invitation_id):
            raise InvitationNotFound(invitation_id)
        self.audit.record(Event.INVITATION_REVOKED, actor, "invitation", invitation_id)

    def redeem(self, code: str) -> Invitation:
        """Use an invitation: it is deleted and returned.

        Raises:
            InvalidInvitation.
        """
        invitation = self.store.take(digest_of(code)) if CODE_FORMAT.is_valid(code) else None
        if invitation is None or self.now() >= invitation.expires_at:
            raise InvalidInvitation
        return invitation

    def purge(self, *, limit: int = 1000) -> int:
        """Delete up to `limit` expired invitations. Return how many."""
        return self.store.purge(expired_by=self.now(), limit=limit)
