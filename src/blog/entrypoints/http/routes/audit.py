"""The audit over HTTP, for administrators, to read."""

from typing import Final

from litestar import Controller, get
from msgspec import Struct

from blog.domain.accounts.actors import Member
from blog.domain.audit import AuditEntry, AuditPage, Event
from blog.domain.blog import Blog
from blog.domain.errors import ValidationFailed
from blog.domain.policy import Action
from blog.domain.shared import MAX_PAGE_SIZE
from blog.entrypoints.http.dispatch import ApiRequest
from blog.entrypoints.http.operation import Operation
from blog.entrypoints.http.parsing.request import PAGE_QUERY, WHOLE_NUMBER, number, page_url, parameters_of, query_of
from blog.entrypoints.http.response import Answer, answer
from blog.entrypoints.http.schemas.timestamps import Timestamp, parse_timestamp, to_timestamp

_MOMENT: Final = {"type": "string", "format": "date-time"}


class EntryOut(Struct):
    """One thing that was done: when, what, by whom, from where, with which token, and to what."""

    id: int
    at: Timestamp
    event: Event
    actor_id: int | None
    actor: str
    address: str
    token_id: int | None
    subject: str
    subject_id: int | None
    detail: str

    @classmethod
    def of(cls, entry: AuditEntry) -> "EntryOut":
        return cls(
            id=entry.id,
            at=to_timestamp(entry.at),
            event=entry.event,
            actor_id=entry.actor_id,
            actor=entry.actor,
            address=entry.address,
            token_id=entry.token_id,
            subject=entry.subject,
            subject_id=entry.subject_id,
            detail=entry.detail,
        )


class EntriesOut(Struct):
    """Some entries, newest first. `next` is where the next page is, or null on the last one."""

    results: list[EntryOut]
    next: str | None


class AuditController(Controller):
    path = "/api/audit"
    tags = ("Audit",)

    @get(
        "/",
        opt=Operation(
            action=Action.READ_AUDIT_LOG,
            answers=EntriesOut,
            takes_query={
                **PAGE_QUERY,
                "event": {"type": "string", "enum": list(Event), "description": "Only this kind of event."},
                "user": {**WHOLE_NUMBER, "description": "Only what the user with this id did."},
                "subject": {"type": "string", "description": "Only what was done to such a thing, such as `post`."},
                "subject_id": {**WHOLE_NUMBER, "description": "Only what was done to the thing with this id."},
                "address": {"type": "string", "description": "Only what came from this IP address."},
                "since": _MOMENT | {"description": "Only from this time on."},
                "until": _MOMENT | {"description": "Only before this time."},
            },
            refuses=(ValidationFailed,),
        ).opt,
    )
    async def entries(self, request: ApiRequest) -> Answer:
        """Read the audit, newest first."""
        limit, page = await request.administrator(lambda blog, actor: _page(blog, actor, request), reads_only=True)
        url = None
        if page.next_before is not None:
            asked = {**parameters_of(request), "limit": limit, "cursor": page.next_before}
            url = page_url(request, "/api/audit/", **asked)
        return answer(EntriesOut([EntryOut.of(entry) for entry in page.entries], url))


def _page(blog: Blog, actor: Member, request: ApiRequest) -> tuple[int, AuditPage]:
    """How many were asked for, and those there are."""
    query = query_of(
        request,
        limit=lambda text: number(text, MAX_PAGE_SIZE),
        cursor=number,
        event=_event,
        user=number,
        subject=str,
        subject_id=number,
        address=str,
        since=parse_timestamp,
        until=parse_timestamp,
    )
    limit, before = query.pop("limit", MAX_PAGE_SIZE), query.pop("cursor", None)
    if "user" in query:
        query["actor_id"] = query.pop("user")
    return limit, blog.audit.page(actor, limit=limit, before=before, **query)


def _event(text: str) -> Event:
    try:
        return Event(text)
    except ValueError:
        raise ValueError("is no event that is recorded") from None
