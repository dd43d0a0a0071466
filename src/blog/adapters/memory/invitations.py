"""Invitations in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from blog.domain.accounts.invitations import Invitation
from blog.domain.shared import InvitationId, UserId

from .tables import MemoryRepository


class MemoryInvitationStore(MemoryRepository):
    """An `InvitationStore` over one unit of work in memory."""

    def add(self, invitation: Invitation) -> Invitation:
        self._unit.begin()
        invitation = replace(invitation, id=InvitationId(self._unit.new_id(self._tables.invitations)))
        self._unit.put(self._tables.invitations, invitation.id, invitation)
        return invitation

    def take(self, digest: bytes) -> Invitation | None:
        self._unit.begin()
        for invitation in self._all():
            if invitation.digest == digest:
                self._unit.delete(self._tables.invitations, invitation.id)
                return invitation
        return None

    def remove(self, invitation_id: InvitationId) -> bool:
        self._unit.begin()
        is_there = self._unit.find(self._tables.invitations, invitation_id) is not None
        self._unit.delete(self._tables.invitations, invitation_id)
        return is_there

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.begin()
        self._remove(self.all_by(user_id))

    def all_by(self, user_id: UserId) -> Sequence[Invitation]:
        return [invitation for invitation in self._all() if invitation.by_id == user_id]

    def page(self, *, limit: int, after: InvitationId | None = None) -> Sequence[Invitation]:
        return [invitation for invitation in self._all() if after is None or invitation.id > after][:limit]

    def purge(self, *, expired_by: datetime, limit: int) -> int:
        self._unit.begin()
        return self._remove([each for each in self._all() if each.expires_at <= expired_by][:limit])

    def _all(self) -> list[Invitation]:
        """Return all invitations by ascending id."""
        return sorted(self._unit.visible_rows(self._tables.invitations).values(), key=lambda invitation: invitation.id)

    def _remove(self, invitations: Sequence[Invitation]) -> int:
        for invitation in invitations:
            self._unit.delete(self._tables.invitations, invitation.id)
        return len(invitations)
