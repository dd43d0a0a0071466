"""Invitations over HTTP, for administrators."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Controller, delete, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, Struct, UnsetType

from blog.domain.accounts.actors import Member
from blog.domain.accounts.invitations import MAX_DAYS, Invitation, IssuedInvitation
from blog.domain.blog import Blog
from blog.domain.errors import Conflict, NotFound, ValidationFailed
from blog.domain.idempotency import KeyReused
from blog.domain.policy import Action
from blog.domain.shared import InvitationId
from blog.entrypoints.http.dispatch import ApiRequest
from blog.entrypoints.http.operation import Operation
from blog.entrypoints.http.parsing.idempotency_key import KEY_HEADER, run_idempotent
from blog.entrypoints.http.parsing.request import PAGE_QUERY, number_in_path, page_after, page_of
from blog.entrypoints.http.response import Answer, answer
from blog.entrypoints.http.schemas.accounts import RedactedStruct
from blog.entrypoints.http.schemas.timestamps import Timestamp, to_timestamp

Days = Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": MAX_DAYS, "default": 7})]


class InvitationIn(Struct, forbid_unknown_fields=True):
    """For how long somebody is invited."""

    days: Days | UnsetType = UNSET


class InvitationOut(Struct):
    """An open invitation, as far as it can be shown again. `by` is whoever made it."""

    id: int
    hint: str
    by: str
    created_at: Timestamp
    expires_at: Timestamp

    @classmethod
    def of(cls, invitation: Invitation) -> "InvitationOut":
        return cls(
            id=invitation.id,
            hint=invitation.hint,
            by=invitation.by,
            created_at=to_timestamp(invitation.created_at),
            expires_at=to_timestamp(invitation.expires_at),
        )


class IssuedInvitationOut(RedactedStruct):
    """An invitation at the only time that its code is shown."""

    code: str
    id: int
    expires_at: Timestamp

    @classmethod
    def of(cls, issued: IssuedInvitation) -> "IssuedInvitationOut":
        return cls(issued.code, issued.invitation.id, to_timestamp(issued.invitation.expires_at))


class InvitationsOut(Struct):
    """Some invitations by ascending id. `next` is where the next page is, or null on the last one."""

    results: list[InvitationOut]
    next: str | None


class InvitationsController(Controller):
    path = "/api/invitations"
    tags = ("Invitations",)

    @get(
        "/",
        opt=Operation(
            action=Action.MANAGE_INVITATIONS,
            answers=InvitationsOut,
            takes_query=PAGE_QUERY,
            refuses=(ValidationFailed,),
        ).opt,
    )
    async def page_of_invitations(self, request: ApiRequest) -> Answer:
        """List open invitations."""
        limit, page = await request.administrator(lambda blog, actor: _page(blog, actor, request), reads_only=True)
        url = page_after(request, "/api/invitations/", limit, [each.id for each in page])
        return answer(InvitationsOut([InvitationOut.of(invitation) for invitation in page], url))

    @post(
        "/",
        opt=Operation(
            action=Action.MANAGE_INVITATIONS,
            status=201,
            answers=IssuedInvitationOut,
            answers_header={"Cache-Control": "Always no-store."},
            takes=InvitationIn,
            takes_header=KEY_HEADER,
            refuses=(ValidationFailed, KeyReused, Conflict),
        ).opt,
    )
    async def invite(self, request: ApiRequest) -> Answer:
        """Invite somebody: a code to register with, once."""
        sent = await request.sent()

        def issued(blog: Blog, actor: Member) -> Answer:
            invitation = blog.invitations.create(actor, **sent.all_members(InvitationIn))
            return answer(IssuedInvitationOut.of(invitation), {"Cache-Control": "no-store"}, status=201)

        return await request.administrator(
            lambda blog, actor: run_idempotent(request, sent, blog, actor, lambda: issued(blog, actor), is_secret=True)
        )

    @delete(
        "/{invitation_id:str}/", opt=Operation(action=Action.MANAGE_INVITATIONS, status=204, refuses=(NotFound,)).opt
    )
    async def cancel(self, request: ApiRequest, invitation_id: FromPath[str]) -> None:
        """Take an invitation back."""
        await request.administrator(
            lambda blog, actor: blog.invitations.revoke(actor, InvitationId(number_in_path(invitation_id)))
        )


def _page(blog: Blog, actor: Member, request: ApiRequest) -> tuple[int, Sequence[Invitation]]:
    """How many were asked for, and those there are."""
    limit, after = page_of(request)
    return limit, blog.invitations.page(actor, limit=limit, after=None if after is None else InvitationId(after))
