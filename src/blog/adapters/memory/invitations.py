"""Invitations in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from blog.domain.accounts.invitations import Invitation
from blog.domain.shared import InvitationId, UserId

from .unit import Table, Unit


@dataclass(frozen=True, slots=True)
class InvitationTables:
    """Invitations by number, and their numbers by digest."""

    by_id: Table[InvitationId, Invitation] = field(default_factory=Table)
    by_digest: Table[bytes, InvitationId] = field(default_factory=Table)


class MemoryInvitationStore:
    """An `InvitationStore` over one unit of work in memory."""

    def __init__(self, unit: Unit, shelves: InvitationTables) -> None:
        self._unit = unit
        self._shelves = shelves

    def add(self, invitation: Invitation) -> Invitation:
        self._unit.begin()
        invitation = replace(invitation, id=InvitationId(next(self._shelves.by_id.numbers)))
        self._unit.on(self._shelves.by_id).put(invitation.id, invitation)
        self._unit.on(self._shelves.by_digest).put(invitation.digest, invitation.id)
        return invitation

    def take(self, digest: bytes) -> Invitation | None:
        self._unit.begin()
        invitation_id = self._unit.find(self._shelves.by_digest, digest)
        if invitation_id is None:
            return None
        invitation = self._unit.find(self._shelves.by_id, invitation_id)
        self.remove(invitation_id)
        return invitation

    def remove(self, invitation_id: InvitationId) -> bool:
        self._unit.begin()
        invitation = self._unit.find(self._shelves.by_id, invitation_id)
        if invitation is None:
            return False
        self._unit.on(self._shelves.by_id).drop(invitation_id)
        self._unit.on(self._shelves.by_digest).drop(invitation.digest)
        return True

    def remove_all_by(self, user_id: UserId) -> None:
        self._unit.begin()
        for invitation in self.all_by(user_id):
            self.remove(invitation.id)

    def all_by(self, user_id: UserId) -> Sequence[Invitation]:
        invitations = self._unit.on(self._shelves.by_id).everything()
        return [invitation for invitation in invitations if invitation.by_id == user_id]

    def page(self, *, limit: int, after: InvitationId | None = None) -> Sequence[Invitation]:
        return self._unit.on(self._shelves.by_id).ascending(limit, after=after)

    def purge(self, *, expired_by: datetime, limit: int) -> int:
        self._unit.begin()
        invitations = self._unit.on(self._shelves.by_id).everything()
        dead = (invitation for invitation in invitations if invitation.expires_at <= expired_by)
        return sum(self.remove(invitation.id) for invitation in islice(dead, limit))
