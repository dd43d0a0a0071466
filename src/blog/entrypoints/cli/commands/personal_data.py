"""Export all personal data of the token's user as one JSON document."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any, Final

from blog.domain.accounts.personal_data import PersonalDataPage, PersonalDataPosition
from blog.domain.audit import AuditEntry
from blog.domain.posts.pagination import Position
from blog.domain.posts.post import Post
from blog.domain.posts.revisions import Revision, RevisionPosition
from blog.domain.posts.trash import TRASH_RETENTION
from blog.domain.posts.working_copies import WorkingCopy
from blog.entrypoints.cli.session import Session, open_session, require_token
from blog.settings import Settings

_HIDDEN: Final = {"digest", "user_id", "by_id"}
"""Fields of rows that are not printed: secrets, and the id of the account, which is printed once."""
_PAGED: Final = {"posts", "working_copies", "revisions", "entries", "next"}
"""Fields that later pages have, too."""


def export(settings: Settings) -> None:
    """Print the document while it is read. Its members are those of `GET /api/users/me/export/`."""
    require_token(settings)
    with open_session(settings) as session:
        pages = _Pages(session)
        members: dict[str, Iterable[object]] = {"account": [asdict(pages.current.user)]}
        for name in (field.name for field in fields(PersonalDataPage) if field.name not in {"user", *_PAGED}):
            members[name] = _rows(getattr(pages.current, name))
        members |= {"working_copies": pages.working_copies(), "posts": pages.posts()}
        members |= {"revisions": pages.revisions(), "audit": map(asdict, pages.entries())}
        _print_members(members)


class _Pages:
    """The pages of personal data. Each page is read in a unit of work of its own when it is needed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.current, self._at = self._read(None)

    def working_copies(self) -> Iterator[dict[str, Any]]:
        """Read the pages of posts for their working copies, and again for the posts: both are lists of their own."""
        page = self.current
        yield from map(_with_content, page.working_copies)
        while isinstance(page.next, Position):
            page, _ = self._read(page.next)
            yield from map(_with_content, page.working_copies)

    def posts(self) -> Iterator[dict[str, Any]]:
        yield from (_post(post, self._at) for post in self.current.posts)
        while isinstance(self.current.next, Position):
            self.current, self._at = self._read(self.current.next)
            yield from (_post(post, self._at) for post in self.current.posts)

    def revisions(self) -> Iterator[dict[str, Any]]:
        yield from (_with_content(placed.revision) for placed in self.current.revisions)
        while isinstance(self.current.next, RevisionPosition):
            self.current, self._at = self._read(self.current.next)
            yield from (_with_content(placed.revision) for placed in self.current.revisions)

    def entries(self) -> Iterator[AuditEntry]:
        yield from self.current.entries
        while self.current.next is not None:
            self.current, self._at = self._read(self.current.next)
            yield from self.current.entries

    def _read(self, after: PersonalDataPosition | None) -> tuple[PersonalDataPage, datetime]:
        """Return a page, and the time of its unit of work, which decides the status of posts."""
        with self._session.as_member() as (blog, member):
            return blog.personal_data.page(member, after=after), blog.posts.now()


def _print_members(members: Mapping[str, Iterable[object]]) -> None:
    """Print an object whose members are lists, one element a line, except `account`, which is one object."""
    separator = "{"
    for name, elements in members.items():
        print(f"{separator}\n{json.dumps(name)}: ", end="")
        lines = (json.dumps(each, default=_json_value) for each in elements)
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


def _post(post: Post, at: datetime) -> dict[str, Any]:
    """Return a post as the HTTP API shows it, with the author's id as `user`, and the status at this moment."""
    row = {name: value for name, value in asdict(post).items() if name not in _DERIVED_OF_POSTS}
    shown = {"id": row.pop("id"), "user": row.pop("author_id"), "status": post.status(at), **row}
    shown["summary"] = post.shown_summary
    if post.deleted_at is not None:
        shown["published_at"] = post.former_published_at
        shown |= {"deleted_at": post.deleted_at, "expires_at": post.deleted_at + TRASH_RETENTION}
    return shown


_DERIVED_OF_POSTS: Final = {"first_paragraph", "deleted_at", "former_published_at"}
"""Fields of posts that the HTTP API shows as parts of others, or for posts in the trash only."""


def _with_content(row: Revision | WorkingCopy) -> dict[str, Any]:
    """Return an earlier version or a working copy of a post as the HTTP API shows it."""
    members = asdict(row)
    return {**members.pop("content"), "post": members.pop("post_id"), **members}


def _rows(rows: Mapping[str, datetime] | Sequence[Any]) -> list[object]:
    """Return rows of the first page as the HTTP API shows them."""
    if isinstance(rows, Mapping):
        return [{"address": address, "last_login_at": at} for address, at in sorted(rows.items())]
    return [row if isinstance(row, str) else _without_hidden(asdict(row)) for row in rows]


def _without_hidden(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in _HIDDEN}


def _json_value(value: datetime | frozenset[str]) -> object:
    """Return a time, or a set such as the scopes of a token, as the HTTP API shows it."""
    if isinstance(value, frozenset):
        return sorted(value)
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
