"""Invitations in a database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from blog.domain.ids import InvitationId
from blog.domain.invitations import Invitation

from .tables import invitations
from .unit import Unit

_add = insert(invitations).returning(invitations.c.id)
_take = delete(invitations).where(invitations.c.digest == bindparam("digest")).returning(invitations)
_remove = delete(invitations).where(invitations.c.id == bindparam("invitation_id"))
_page = select(invitations).order_by(invitations.c.id).limit(bindparam("limit"))
_page_after = _page.where(invitations.c.id > bindparam("after"))
_expired = select(invitations.c.id).where(invitations.c.expires_at <= bindparam("expired_by")).limit(bindparam("limit"))
_purge = delete(invitations).where(invitations.c.id.in_(_expired))

_given = [column.name for column in invitations.c if column is not invitations.c.id]


class SqlInvitationStore:
    """An `InvitationStore` over one unit of work on a database."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def add(self, invitation: Invitation) -> Invitation:
        row = {name: getattr(invitation, name) for name in _given}
        return replace(invitation, id=InvitationId(self._unit.writing.execute(_add, row).scalar_one()))

    def take(self, digest: bytes) -> Invitation | None:
        row = self._unit.writing.execute(_take, {"digest": digest}).first()
        return None if row is None else Invitation(**row._mapping)

    def remove(self, invitation_id: InvitationId) -> bool:
        return bool(self._unit.writing.execute(_remove, {"invitation_id": invitation_id}).rowcount)

    def page(self, *, limit: int, after: InvitationId | None = None) -> Sequence[Invitation]:
        statement = _page if after is None else _page_after
        return [
            Invitation(**row._mapping)
            for row in self._unit.reading.execute(statement, {"limit": limit, "after": after})
        ]

    def purge(self, *, expired_by: datetime, limit: int) -> int:
        return self._unit.writing.execute(_purge, {"expired_by": expired_by, "limit": limit}).rowcount
