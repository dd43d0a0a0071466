"""Export all personal data of the token's user as one JSON document."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from blog.domain.accounts.invitations import Invitation
from blog.domain.accounts.personal_data import PersonalDataPage, PersonalDataPosition
from blog.domain.accounts.tokens import Token
from blog.domain.audit import AuditEntry
from blog.domain.posts.pagination import Position
from blog.domain.posts.post import Post
from blog.entrypoints.cli.session import Session, open_session, require_token
from blog.settings import Settings


def export(settings: Settings) -> None:
    """Print the document while it is read. Its members are those of `GET /api/users/me/export/`."""
    require_token(settings)
    with open_session(settings) as session:
        pages = _Pages(session)
        first = pages.current
        addresses = [{"address": each, "last_login_at": at} for each, at in sorted(first.known_addresses.items())]
        _print_members(
            {
                "account": [asdict(first.user)],
                "usernames": first.usernames,
                "tokens": map(_token, first.tokens),
                "known_addresses": addresses,
                "invitations": map(_invitation, first.invitations),
                "posts": map(_post, pages.posts()),
                "audit": map(asdict, pages.entries()),
            }
        )


class _Pages:
    """The pages of personal data. Each page is read in a unit of work of its own when it is needed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.current = self._read(None)

    def posts(self) -> Iterator[Post]:
        yield from self.current.posts
        while isinstance(self.current.next, Position):
            self.current = self._read(self.current.next)
            yield from self.current.posts

    def entries(self) -> Iterator[AuditEntry]:
        yield from self.current.entries
        while self.current.next is not None:
            self.current = self._read(self.current.next)
            yield from self.current.entries

    def _read(self, after: PersonalDataPosition | None) -> PersonalDataPage:
        with self._session.as_member() as (blog, member):
            return blog.personal_data.page(member, after=after)


def _print_members(members: Mapping[str, Iterable[object]]) -> None:
    """Print an object whose members are lists, one element a line, except `account`, which is one object."""
    separator = "{"
    for name, elements in members.items():
        print(f"{separator}\n{json.dumps(name)}: ", end="")
        lines = (json.dumps(each, default=_timestamp) for each in elements)
        if name == "account":
            print(next(lines), end="")
        else:
            _print_list(lines)
        separator = ","
    print("\n}")


def _print_list(lines: Iterable[str]) -> None:
    separator = "["
    for line in lines:
        print(f"{separator}\n  {line}", end="")
        separator = ","
    print("[]" if separator == "[" else "\n]", end="")


def _post(post: Post) -> dict[str, Any]:
    """Return a post as the HTTP API shows it, with the author's id as `user`."""
    fields = asdict(post)
    return {"id": fields.pop("id"), "user": fields.pop("author_id"), **fields}


def _token(token: Token) -> dict[str, Any]:
    """Return a token without its digest."""
    fields = asdict(token)
    del fields["digest"], fields["user_id"]
    return {**fields, "scopes": sorted(token.scopes)}


def _invitation(invitation: Invitation) -> dict[str, Any]:
    """Return an invitation without its digest."""
    fields = asdict(invitation)
    del fields["digest"], fields["by_id"]
    return fields


def _timestamp(at: datetime) -> str:
    """Return a time as the HTTP API shows it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
