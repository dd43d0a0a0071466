"""All that is kept about the holder of the token, as one JSON document."""

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
from blog.entrypoints.cli.session import Session, require_token, session
from blog.settings import Settings


def export(settings: Settings) -> None:
    """Print it, part by part, however much it is. Its members are those of `GET /api/users/me/export/`."""
    require_token(settings)
    with session(settings) as here:
        walk = _Walk(here)
        first = walk.page
        addresses = [{"address": each, "last_login_at": at} for each, at in sorted(first.known_addresses.items())]
        _print_members(
            {
                "account": [asdict(first.user)],
                "usernames": first.usernames,
                "tokens": map(_token, first.tokens),
                "known_addresses": addresses,
                "invitations": map(_invitation, first.invitations),
                "posts": map(_post, walk.posts()),
                "audit": map(asdict, walk.entries()),
            }
        )


class _Walk:
    """The pages of what is kept, each read in a unit of work of its own when it is needed."""

    def __init__(self, here: Session) -> None:
        self._here = here
        self.page = self._read(None)

    def posts(self) -> Iterator[Post]:
        yield from self.page.posts
        while isinstance(self.page.next, Position):
            self.page = self._read(self.page.next)
            yield from self.page.posts

    def entries(self) -> Iterator[AuditEntry]:
        yield from self.page.entries
        while self.page.next is not None:
            self.page = self._read(self.page.next)
            yield from self.page.entries

    def _read(self, after: PersonalDataPosition | None) -> PersonalDataPage:
        with self._here.acting_as_member() as (blog, member):
            return blog.personal_data.page(member, after=after)


def _print_members(members: Mapping[str, Iterable[object]]) -> None:
    """Print an object whose members are lists, one line for each element. The account is no list: there is one."""
    separator = "{"
    for name, elements in members.items():
        print(f"{separator}\n{json.dumps(name)}: ", end="")
        lines = (json.dumps(each, default=_told) for each in elements)
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
    """As the API shows it, where an author's id is called `user`."""
    shown = asdict(post)
    return {"id": shown.pop("id"), "user": shown.pop("author_id"), **shown}


def _token(token: Token) -> dict[str, Any]:
    """What can be shown of a token, which is not its digest."""
    shown = asdict(token)
    del shown["digest"], shown["user_id"]
    return {**shown, "scopes": sorted(token.scopes)}


def _invitation(invitation: Invitation) -> dict[str, Any]:
    """What can be shown of an invitation, which is not its digest."""
    shown = asdict(invitation)
    del shown["digest"], shown["by_id"]
    return shown


def _told(at: datetime) -> str:
    """A moment as the API writes it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
