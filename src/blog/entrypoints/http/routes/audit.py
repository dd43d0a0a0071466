"""The audit log, for administrators."""

from typing import Any, Final

from msgspec import Struct

from blog.domain.accounts.actors import Member
from blog.domain.audit import AuditEntry, Event
from blog.domain.blog import Blog
from blog.domain.errors import ValidationFailed
from blog.domain.policy import Action
from blog.domain.shared import MAX_PAGE_SIZE
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.query import (
    PAGE_QUERY,
    WHOLE_NUMBER,
    Query,
    number,
    page_size,
    page_url,
    parse_query,
    query_parameters,
)
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response
from blog.entrypoints.http.schemas.timestamps import Timestamp, parse_timestamp, to_timestamp

_TIMESTAMP: Final = {"type": "string", "format": "date-time"}


class EntryOut(Struct):
    """An audit entry: what was done, when, by whom, from where, with which token, and to what."""

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
    """A page of audit entries, newest first. `next` is the URL of the next page, or null on the last one."""

    results: list[EntryOut]
    next: str | None


def _parse_event(text: str) -> Event:
    try:
        return Event(text)
    except ValueError:
        raise ValueError("is not an event that is recorded") from None


def _parse_audit_query(scope: Any) -> dict[str, Any]:
    return parse_query(
        scope,
        limit=page_size,
        cursor=number,
        event=_parse_event,
        user=number,
        subject=str,
        subject_id=number,
        address=str,
        since=parse_timestamp,
        until=parse_timestamp,
    )


_QUERY: Final = Query(
    {
        **PAGE_QUERY.parameters,
        "event": {"type": "string", "enum": list(Event), "description": "Only events of this kind."},
        "user": {**WHOLE_NUMBER, "description": "Only actions of the user with this id."},
        "subject": {"type": "string", "description": "Only actions on objects of this kind, such as `post`."},
        "subject_id": {**WHOLE_NUMBER, "description": "Only actions on the object with this id."},
        "address": {"type": "string", "description": "Only actions from this IP address."},
        "since": _TIMESTAMP | {"description": "Only entries at or after this time."},
        "until": _TIMESTAMP | {"description": "Only entries before this time."},
    },
    _parse_audit_query,
)

audit = Routes("/api/audit", "Audit")


@audit.route(
    "GET",
    "/",
    Operation(
        Action.READ_AUDIT_LOG, executor=ExecutorKind.READ, query=_QUERY, returns=EntriesOut, errors=(ValidationFailed,)
    ),
)
def list_audit_entries(request: ApiRequest, blog: Blog, actor: Member) -> Response:
    """List audit entries, newest first."""
    filters = dict(request.parse_query())
    limit, before = filters.pop("limit", MAX_PAGE_SIZE), filters.pop("cursor", None)
    if "user" in filters:
        filters["actor_id"] = filters.pop("user")
    page = blog.audit.page(actor, limit=limit, before=before, **filters)
    url = None
    if page.next_before is not None:
        parameters = {**query_parameters(request.scope), "limit": limit, "cursor": page.next_before}
        url = page_url(request.scope, "/api/audit/", **parameters)
    return json_response(EntriesOut([EntryOut.of(entry) for entry in page.entries], url))
