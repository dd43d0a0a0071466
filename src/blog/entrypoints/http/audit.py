"""The audit over HTTP, for administrators, to read."""

from typing import Final

from litestar import Controller, get
from msgspec import Struct

from blog.domain.actors import Member
from blog.domain.audit import Entry, EntryPage, Event
from blog.domain.blog import Blog
from blog.domain.errors import Invalid
from blog.domain.pages import PAGE_LARGEST
from blog.domain.policy import Action

from .answers import Answer, answer
from .door import Visit
from .moments import Moment, moment, moment_in
from .operations import Operation
from .requests import PAGE_QUERY, WHOLE_NUMBER, number, page_url, parameters_of, query_of

_MOMENT: Final = {"type": "string", "format": "date-time"}


class EntryOut(Struct):
    """One thing that was done: when, what, by whom, from where, with which token, and to what."""

    id: int
    at: Moment
    event: Event
    actor_id: int | None
    actor: str
    address: str
    token_id: int | None
    subject: str
    subject_id: int | None
    detail: str

    @classmethod
    def of(cls, entry: Entry) -> "EntryOut":
        return cls(
            id=entry.id,
            at=moment(entry.at),
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
            action=Action.READ_AUDIT,
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
            refuses=(Invalid,),
        ).opt,
    )
    async def entries(self, request: Visit) -> Answer:
        """Read the audit, newest first."""
        limit, page = await request.administrator(lambda blog, actor: _page(blog, actor, request), reads_only=True)
        url = None
        if page.next_before is not None:
            asked = {**parameters_of(request), "limit": limit, "cursor": page.next_before}
            url = page_url(request, "/api/audit/", **asked)
        return answer(EntriesOut([EntryOut.of(entry) for entry in page.entries], url))


def _page(blog: Blog, actor: Member, request: Visit) -> tuple[int, EntryPage]:
    """How many were asked for, and those there are."""
    query = query_of(
        request,
        limit=lambda text: number(text, PAGE_LARGEST),
        cursor=number,
        event=_event,
        user=number,
        subject=str,
        subject_id=number,
        address=str,
        since=moment_in,
        until=moment_in,
    )
    limit, before = query.pop("limit", PAGE_LARGEST), query.pop("cursor", None)
    if "user" in query:
        query["actor_id"] = query.pop("user")
    return limit, blog.audit.page(actor, limit=limit, before=before, **query)


def _event(text: str) -> Event:
    try:
        return Event(text)
    except ValueError:
        raise ValueError("is no event that is recorded") from None
