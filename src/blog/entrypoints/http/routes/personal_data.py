"""All personal data of the current user, in pages."""

from datetime import datetime
from itertools import chain
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from blog.domain.accounts.actors import Member
from blog.domain.accounts.personal_data import PersonalDataPage, PersonalDataPosition
from blog.domain.blog import Blog
from blog.domain.errors import ValidationFailed
from blog.domain.policy import Action
from blog.domain.posts.pagination import Position, SortOrder
from blog.domain.posts.previews import Preview
from blog.domain.posts.revisions import RevisionPosition
from blog.domain.posts.working_copies import CopyOfPost
from blog.domain.shared import EntryId
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.cursors import PATTERN, cursor_of, position_of
from blog.entrypoints.http.parsing.lists import PAGE_BYTES
from blog.entrypoints.http.parsing.query import NUMBER, Query, number, page_url, parse_query
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response
from blog.entrypoints.http.schemas.accounts import TokenOut, UserOut
from blog.entrypoints.http.schemas.posts import PostOut
from blog.entrypoints.http.schemas.revisions import RevisionOut
from blog.entrypoints.http.schemas.timestamps import Timestamp, to_timestamp
from blog.entrypoints.http.schemas.working_copies import WorkingCopyOut

from .audit import EntryOut
from .invitations import InvitationOut
from .previews import PreviewOut

_PATH: Final = "/api/users/me/export/"


class AddressOut(Struct):
    """An address from which a log-in succeeded, and the time of the last one."""

    address: str
    last_login_at: Timestamp


class OwnPreviewOut(PreviewOut, kw_only=True):
    """A preview link of a post of the user, without its secret."""

    post_id: int

    @classmethod
    def of_post(cls, preview: Preview) -> "OwnPreviewOut":
        return cls(**structs.asdict(PreviewOut.of(preview)), post_id=preview.post_id)


class PersonalDataOut(Struct):
    """A part of the stored personal data. The first part also has `usernames`, `tokens`, `known_addresses`,
    `invitations` and `previews`. `revisions` are earlier versions of posts. `next` is the URL of the next part, or null
    on the last one.
    """

    account: UserOut
    posts: list[PostOut]
    working_copies: list[WorkingCopyOut]
    revisions: list[RevisionOut]
    audit: list[EntryOut]
    next: str | None
    usernames: list[str] | UnsetType = UNSET
    tokens: list[TokenOut] | UnsetType = UNSET
    known_addresses: list[AddressOut] | UnsetType = UNSET
    invitations: list[InvitationOut] | UnsetType = UNSET
    previews: list[OwnPreviewOut] | UnsetType = UNSET

    @classmethod
    def of(cls, page: PersonalDataPage, at: datetime, next_page: str | None, *, is_first: bool) -> "PersonalDataOut":
        out = cls(
            account=UserOut.of(page.user),
            posts=[PostOut.of(post, at) for post in page.posts],
            working_copies=list(map(WorkingCopyOut.of, _copies_of(page))),
            revisions=[RevisionOut.of(placed.revision) for placed in page.revisions],
            audit=[EntryOut.of(entry) for entry in page.entries],
            next=next_page,
        )
        if is_first:
            out.usernames = list(page.usernames)
            out.tokens = [TokenOut.of(token) for token in page.tokens]
            out.known_addresses = [
                AddressOut(each, to_timestamp(at)) for each, at in sorted(page.known_addresses.items())
            ]
            out.invitations = [InvitationOut.of(invitation) for invitation in page.invitations]
            out.previews = [OwnPreviewOut.of_post(preview) for preview in page.previews]
        return out


def _parse_position(text: str) -> PersonalDataPosition:
    if text.isdigit():
        return EntryId(number(text))
    cursor, dot, version = text.partition(".")
    position = position_of(SortOrder.OLDEST, cursor)
    return RevisionPosition(position, number(version)) if dot else position


def _parse_cursor(scope: Any) -> PersonalDataPosition | None:
    return parse_query(scope, cursor=_parse_position).get("cursor")


_QUERY: Final = Query(
    {
        "cursor": {
            "type": "string",
            "pattern": rf"^(?:{NUMBER}|{PATTERN}(?:\.{NUMBER})?)$",
            "description": "The position at which the part begins, from `next`.",
        }
    },
    _parse_cursor,
)

personal_data = Routes("/api/users/me/export", "Accounts")


@personal_data.route(
    "GET",
    "/",
    Operation(
        Action.EXPORT_OWN_DATA,
        executor=ExecutorKind.READ,
        query=_QUERY,
        returns=PersonalDataOut,
        errors=(ValidationFailed,),
    ),
)
def export_personal_data(request: ApiRequest, blog: Blog, actor: Member) -> Response:
    """Export your personal data, in parts: follow `next` until it is null."""
    after, at = request.parse_query(), blog.posts.now()
    page = _fitting(blog.personal_data.page(actor, after=after), at)
    url = None if page.next is None else page_url(request.scope, _PATH, cursor=_cursor(page.next))
    return json_response(PersonalDataOut.of(page, at, url, is_first=after is None))


def _fitting(page: PersonalDataPage, at: datetime) -> PersonalDataPage:
    """Return as many posts, revisions and entries as fit in the page of a list."""
    size = 0
    copies = {found.post.id: WorkingCopyOut.of(found) for found in _copies_of(page)}
    posts = ((PostOut.of(post, at), copies.get(post.id)) for post in page.posts)
    revisions = (RevisionOut.of(placed.revision) for placed in page.revisions)
    for fitting, row in enumerate(chain(posts, revisions, map(EntryOut.of, page.entries))):
        size += len(msgspec.json.encode(row))
        if size > PAGE_BYTES and fitting:
            return page.truncate(fitting)
    return page


def _copies_of(page: PersonalDataPage) -> list[CopyOfPost]:
    """Return the working copies of the posts of a page."""
    posts = {post.id: post for post in page.posts}
    return [CopyOfPost(copy, posts[copy.post_id]) for copy in page.working_copies]


def _cursor(position: PersonalDataPosition) -> str:
    match position:
        case Position():
            return cursor_of(SortOrder.OLDEST, position)
        case RevisionPosition(post, version):
            return f"{cursor_of(SortOrder.OLDEST, post)}.{version}"
        case entry_id:
            return str(entry_id)
