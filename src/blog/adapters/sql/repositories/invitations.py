"""Invitations in a database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from blog.adapters.sql.engine.statement import ReadStatement, Statement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository
from blog.adapters.sql.schema.tables import BigIntId, invitations
from blog.domain.accounts.invitations import Invitation
from blog.domain.shared import InvitationId, UserId

_add = WriteStatement(insert(invitations).returning(invitations.c.id))
_take = Statement(
    delete(invitations).where(invitations.c.digest == bindparam("digest")).returning(invitations), Invitation
)
_remove = WriteStatement(delete(invitations).where(invitations.c.id == bindparam("invitation_id")))
_remove_all_of = WriteStatement(delete(invitations).where(invitations.c.by_id == bindparam("user_id")))
_all_by = ReadStatement(
    select(invitations).where(invitations.c.by_id == bindparam("user_id", type_=BigIntId)).order_by(invitations.c.id),
    Invitation,
)
_page = ReadStatement(select(invitations).order_by(invitations.c.id).limit(bindparam("limit")), Invitation)
_page_after = ReadStatement(_page.core.where(invitations.c.id > bindparam("after")), Invitation)
_expired = select(invitations.c.id).where(invitations.c.expires_at <= bindparam("expired_by")).limit(bindparam("limit"))
_purge = WriteStatement(delete(invitations).where(invitations.c.id.in_(_expired)))

_given = [column.name for column in invitations.c if column is not invitations.c.id]


class SqlInvitationStore(SqlRepository):
    """An `InvitationStore` over one unit of work on a database."""

    def add(self, invitation: Invitation) -> Invitation:
        row = {name: getattr(invitation, name) for name in _given}
        return replace(invitation, id=InvitationId(self._unit.add(_add, **row)))

    def take(self, digest: bytes) -> Invitation | None:
        return self._unit.find(_take, digest=digest)

    def remove(self, invitation_id: InvitationId) -> bool:
        return bool(self._unit.execute(_remove, invitation_id=invitation_id))

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.execute(_remove_all_of, user_id=user_id)

    def all_by(self, user_id: UserId) -> Sequence[Invitation]:
        return self._unit.find_all(_all_by, user_id=user_id)

    def page(self, *, limit: int, after: InvitationId | None = None) -> Sequence[Invitation]:
        if after is None:
            return self._unit.find_all(_page, limit=limit)
        return self._unit.find_all(_page_after, limit=limit, after=after)

    def purge(self, *, expired_by: datetime, limit: int) -> int:
        return self._unit.execute(_purge, expired_by=expired_by, limit=limit)
