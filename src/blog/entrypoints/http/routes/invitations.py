"""Invitations, for administrators."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from blog.domain.accounts.actors import Member
from blog.domain.accounts.invitations import MAX_DAYS, Invitation, IssuedInvitation
from blog.domain.blog import Blog
from blog.domain.errors import Conflict, NotFound, ValidationFailed
from blog.domain.idempotency import KeyReused
from blog.domain.policy import Action
from blog.domain.shared import InvitationId
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.query import PAGE_QUERY, next_page_url
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response, no_content
from blog.entrypoints.http.schemas.accounts import RedactedStruct
from blog.entrypoints.http.schemas.timestamps import Timestamp, to_timestamp

Days = Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": MAX_DAYS, "default": 7})]


class InvitationIn(Struct, forbid_unknown_fields=True):
    """The number of days after which an invitation expires."""

    days: Days | UnsetType = UNSET


class InvitationOut(Struct):
    """An open invitation without its code. `by` is the administrator who created it."""

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
    """A new invitation. No other response contains its code."""

    code: str
    id: int
    expires_at: Timestamp

    @classmethod
    def of(cls, issued: IssuedInvitation) -> "IssuedInvitationOut":
        return cls(issued.code, issued.invitation.id, to_timestamp(issued.invitation.expires_at))


class InvitationsOut(Struct):
    """A page of invitations by ascending id. `next` is the URL of the next page, or null on the last one."""

    results: list[InvitationOut]
    next: str | None


invitations = Routes("/api/invitations", "Invitations")


@invitations.route(
    "GET",
    "/",
    Operation(
        Action.MANAGE_INVITATIONS,
        executor=ExecutorKind.READ,
        query=PAGE_QUERY,
        returns=InvitationsOut,
        errors=(ValidationFailed,),
    ),
)
def list_invitations(request: ApiRequest, blog: Blog, actor: Member) -> Response:
    """List open invitations."""
    limit, after = request.parse_query()
    page = blog.invitations.page(actor, limit=limit, after=after)
    url = next_page_url(request.scope, "/api/invitations/", limit, [invitation.id for invitation in page])
    return json_response(InvitationsOut([InvitationOut.of(invitation) for invitation in page], url))


@invitations.route(
    "POST",
    "/",
    Operation(
        Action.MANAGE_INVITATIONS,
        executor=ExecutorKind.WRITE,
        body=InvitationIn,
        idempotent=True,
        is_secret=True,
        status=201,
        returns=IssuedInvitationOut,
        response_headers={"Cache-Control": "Always no-store."},
        errors=(ValidationFailed, KeyReused, Conflict),
    ),
)
def create_invitation(request: ApiRequest, blog: Blog, actor: Member) -> Response:
    """Create an invitation: a code for one registration."""
    issued = blog.invitations.create(actor, **request.parse_body())
    return json_response(IssuedInvitationOut.of(issued), {"Cache-Control": "no-store"}, status=201)


@invitations.route(
    "DELETE",
    "/{invitation_id}/",
    Operation(Action.MANAGE_INVITATIONS, executor=ExecutorKind.WRITE, status=204, errors=(NotFound,)),
)
def revoke_invitation(_: ApiRequest, blog: Blog, actor: Member, invitation_id: InvitationId) -> Response:
    """Revoke an invitation."""
    blog.invitations.revoke(actor, invitation_id)
    return no_content()
