"""All that is kept about oneself, over HTTP, in pages."""

from itertools import chain
from typing import Any, Final

import msgspec
from litestar import Controller, get
from msgspec import UNSET, Struct, UnsetType

from blog.domain.accounts.actors import Member, Scope, require_scope
from blog.domain.accounts.personal_data import PersonalDataPage, PersonalDataPosition
from blog.domain.blog import Blog
from blog.domain.errors import ValidationFailed
from blog.domain.policy import Action
from blog.domain.posts.pagination import Position, SortOrder
from blog.domain.shared import EntryId
from blog.entrypoints.http.dispatch import ApiRequest
from blog.entrypoints.http.operation import Operation
from blog.entrypoints.http.parsing.cursors import PATTERN, cursor_of, position_of
from blog.entrypoints.http.parsing.lists import PAGE_BYTES
from blog.entrypoints.http.parsing.request import NUMBER, number, page_url, query_of
from blog.entrypoints.http.response import Answer, answer
from blog.entrypoints.http.schemas.accounts import TokenOut, UserOut
from blog.entrypoints.http.schemas.posts import PostOut
from blog.entrypoints.http.schemas.timestamps import Timestamp, to_timestamp

from .audit import EntryOut
from .invitations import InvitationOut

_PATH: Final = "/api/users/me/export/"
_TAKES_QUERY: Final[dict[str, dict[str, Any]]] = {
    "cursor": {
        "type": "string",
        "pattern": f"^(?:{NUMBER}|{PATTERN})$",
        "description": "Where the part begins, as given in `next`.",
    }
}


class AddressOut(Struct):
    """An address from which one's password was right, and when that was last so."""

    address: str
    last_login_at: Timestamp


class PersonalDataOut(Struct):
    """A part of what is kept about oneself: `usernames`, `tokens`, `known_addresses` and `invitations` are in the first
    one. `next` is where the next part is, or null on the last one.
    """

    account: UserOut
    posts: list[PostOut]
    audit: list[EntryOut]
    next: str | None
    usernames: list[str] | UnsetType = UNSET
    tokens: list[TokenOut] | UnsetType = UNSET
    known_addresses: list[AddressOut] | UnsetType = UNSET
    invitations: list[InvitationOut] | UnsetType = UNSET

    @classmethod
    def of(cls, page: PersonalDataPage, next_page: str | None, *, is_first: bool) -> "PersonalDataOut":
        out = cls(
            account=UserOut.of(page.user),
            posts=[PostOut.of(post) for post in page.posts],
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
        return out


class PersonalDataController(Controller):
    path = "/api/users/me/export"
    tags = ("Accounts",)

    @get(
        "/",
        opt=Operation(
            action=Action.EXPORT_OWN_DATA,
            answers=PersonalDataOut,
            takes_query=_TAKES_QUERY,
            refuses=(ValidationFailed,),
        ).opt,
    )
    async def export(self, request: ApiRequest) -> Answer:
        """Download all that is kept about oneself, part by part: follow `next` until it is null."""
        return await request.signed_in(lambda blog, actor: _page(blog, actor, request), reads_only=True)


def _page(blog: Blog, actor: Member, request: ApiRequest) -> Answer:
    """A part, encoded on this thread, since it may be large. Whoever may not have it hears that first of all."""
    require_scope(actor, Scope.ACCOUNT)
    after: PersonalDataPosition | None = query_of(request, cursor=_position).get("cursor")
    page = _fitting(blog.personal_data.page(actor, after=after))
    url = None if page.next is None else page_url(request, _PATH, cursor=_cursor(page.next))
    return answer(PersonalDataOut.of(page, url, is_first=after is None))


def _fitting(page: PersonalDataPage) -> PersonalDataPage:
    """As many posts and entries as a page of a list has room for."""
    size = 0
    for fitting, row in enumerate(chain(map(PostOut.of, page.posts), map(EntryOut.of, page.entries))):
        size += len(msgspec.json.encode(row))
        if size > PAGE_BYTES and fitting:
            return page.truncate(fitting)
    return page


def _cursor(position: PersonalDataPosition) -> str:
    return cursor_of(SortOrder.OLDEST, position) if isinstance(position, Position) else str(position)


def _position(text: str) -> PersonalDataPosition:
    """The position that a cursor is for.

    Raises:
        ValueError: it is for none.
    """
    return EntryId(number(text)) if text.isdigit() else position_of(SortOrder.OLDEST, text)
