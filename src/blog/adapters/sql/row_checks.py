"""Checks of the rows of a backup by the rules of the domain.

If a rule of the domain becomes stricter, this module must keep the old rule: old posts may be restored.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Boolean, Column, Integer, LargeBinary, Table

from blog.adapters.sql.repositories.slugs import digest_of_slug
from blog.adapters.sql.schema.content import StoredContent, decode_content
from blog.adapters.sql.schema.tables import STORED_TABLES, BigIntId, Scopes, UtcDateTime, lines_of
from blog.domain.accounts.actors import Scope
from blog.domain.accounts.tokens import validate_token_name
from blog.domain.accounts.user import PostsOnDeletion, validate_username
from blog.domain.audit import Event
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.importing import MAX_VERSION
from blog.domain.posts.post import MAX_YEAR, MIN_YEAR, content_of, validate_post, validate_unfinished
from blog.domain.posts.previews import PreviewOf, validate_preview_name
from blog.domain.search.tokenizer import sort_key
from blog.domain.shared import UNSTORED
from blog.domain.validation import CONTROLS

_MAX_LISTED: Final = 20
"""The number of errors that are listed. Further errors are only counted."""

_TOO_MANY: Final = 10_000
"""The number of errors after which the rest of a backup is not checked."""

_MAX_ID: Final = 2**53
"""The largest id that every JSON parser reads exactly."""

_MAX_TEXT_LENGTH: Final = 2_000
"""The longest text for which the domain has no rule."""

_utc = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", re.ASCII)
_EVENTS: Final = frozenset(Event)
_SCOPES: Final = frozenset(Scope)
_controls = re.compile(f"[{CONTROLS}\t\r\n]")

Check = Callable[[Any], str | None]
"""Returns what is wrong with a value that is not NULL, or None."""


class RowErrors:
    """The errors of the rows of a backup. They do not repeat values."""

    def __init__(self) -> None:
        self._listed: list[FieldError] = []
        self._count = 0

    def add(self, table: str, row_id: object, column: str, message: str) -> None:
        """Add an error of a row, or of one of its columns."""
        self._count += 1
        if len(self._listed) < _MAX_LISTED:
            row = f" {row_id}" if isinstance(row_id, int) else ""
            self._listed.append(FieldError(f"{table}{row}{f', {column}' if column else ''}", message))

    def raise_if_many(self) -> None:
        """Stop early if there are too many errors.

        Raises:
            ValidationFailed: there are.
        """
        if self._count >= _TOO_MANY:
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """Refuse the backup if there are errors.

        Raises:
            ValidationFailed: there are.
        """
        if not self._count:
            return
        more = self._count - len(self._listed)
        raise ValidationFailed([*self._listed, *([FieldError("backup", f"has {more} further errors")] if more else [])])


def check_rows(file: Path) -> None:
    """Check every row of a database of the current revision by the rules of the domain.

    Columns that are derived from others are not checked, but computed again.

    Raises:
        ValidationFailed: some rows break a rule.
    """
    errors = RowErrors()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        for table in STORED_TABLES:
            checks = {column.name: checks_of(column) for column in table.c}
            for row in _rows(connection, table):
                for name, message in _errors_in(table, row, checks):
                    errors.add(table.name, row["id"], name, message)
            errors.raise_if_many()
        _check_slugs(connection, errors)
        _check_revisions(connection, errors)
        errors.raise_if_any()
        _derive(connection)
        connection.execute("COMMIT")


def _rows(connection: sqlite3.Connection, table: Table) -> Iterator[dict[str, Any]]:
    names = [column.name for column in table.c]
    listed = ", ".join(f'"{name}"' for name in names)
    for row in connection.execute(f"SELECT {listed} FROM {table.name}"):  # noqa: S608 - names of our own
        yield dict(zip(names, row, strict=True))


def _errors_in(table: Table, row: dict[str, Any], checks: Mapping[str, Check]) -> Iterator[tuple[str, str]]:
    wrong = [
        (name, message) for name, check in checks.items() if row[name] is not None and (message := check(row[name]))
    ]
    yield from wrong
    if not wrong and table.name == "posts" and row["updated_at"] < row["created_at"]:
        yield "updated_at", "must not be before created_at"
    if not wrong and table.name == "posts" and row["deleted_at"] and row["published_at"]:
        yield "published_at", "must be empty in the trash"
    if not wrong and table.name == "posts" and row["former_published_at"] and not row["deleted_at"]:
        yield "former_published_at", "must be empty outside of the trash"
    if not wrong and table.name == "slugs" and row["slug"] and digest_of_slug(row["slug"]) != row["digest"]:
        yield "digest", "must be the digest of slug"


def _check_slugs(connection: sqlite3.Connection, errors: RowErrors) -> None:
    """Check that each post that is published or scheduled, or can be again, has a slug, which no other post has."""
    own = "SELECT 1 FROM slugs WHERE slugs.slug = posts.slug AND slugs.post_id = posts.id"
    has_slug = "coalesce(published_at, former_published_at) IS NOT NULL"
    without = f"SELECT id FROM posts WHERE {has_slug} AND NOT EXISTS ({own})"  # noqa: S608 - constants
    for (post_id,) in connection.execute(without):
        errors.add("posts", post_id, "slug", "must be among its slugs")


def _check_revisions(connection: sqlite3.Connection, errors: RowErrors) -> None:
    """Check that each revision is an earlier version of its post."""
    later = (
        "SELECT revisions.id FROM revisions JOIN posts ON posts.id = post_id WHERE number >= version AND version >= 1"
    )
    for (revision_id,) in connection.execute(later):
        errors.add("revisions", revision_id, "number", "must be lower than the version of its post")


def _derive(connection: sqlite3.Connection) -> None:
    titles = connection.execute("SELECT id, title, title_key FROM posts").fetchall()
    changed = [(key, post_id) for post_id, title, known in titles if (key := sort_key(title)) != known]
    connection.executemany("UPDATE posts SET title_key = ? WHERE id = ?", changed)
    # The checked times have one format, so that the later one is the greater text.
    later = "max(updated_at, coalesce(published_at, updated_at))"
    connection.execute(f"UPDATE posts SET changed_at = {later} WHERE changed_at <> {later}")  # noqa: S608 - a constant


def checks_of(column: Column[Any]) -> Check:
    """Return the check of a column: by its name if the domain has a rule for it, else by its type."""
    if special := _BY_NAME.get(f"{column.table.name}.{column.name}"):
        return special
    kind = column.type
    if column.primary_key:
        return _id
    if isinstance(kind, LargeBinary):
        return _bytes_of(kind.length) if kind.length else _anything
    if isinstance(kind, Boolean):
        return _boolean
    if isinstance(kind, Integer):
        return _version
    return next((check for each, check in _BY_TYPE.items() if isinstance(kind, each)), _text)


def is_id(value: object) -> bool:
    """Return whether a row can have this id, and there are ids left after it."""
    return isinstance(value, int) and 1 <= value <= _MAX_ID


def _id(value: int) -> str | None:
    return None if is_id(value) else f"must be a whole number from 1 to {_MAX_ID}"


def _reference(value: int) -> str | None:
    """Check an id that an audit entry names. It is 0 if the row was never stored."""
    return None if value == UNSTORED else _id(value)


def _version(value: int) -> str | None:
    return None if 1 <= value <= MAX_VERSION else f"must be a whole number from 1 to {MAX_VERSION}"


def _boolean(value: int) -> str | None:
    return None if value in {0, 1} else "must be 0 or 1"


def _time(value: str) -> str | None:
    """Check a time: in UTC and in one format, so that the order of the texts is the order of the times."""
    with suppress(ValueError):
        if _utc.fullmatch(value) and MIN_YEAR <= datetime.fromisoformat(value).year <= MAX_YEAR:
            return None
    return f"must be a time in UTC, with microseconds, in a year from {MIN_YEAR} to {MAX_YEAR}"


def _scopes(value: str) -> str | None:
    return None if set(value.split()) <= _SCOPES else "has a scope that is not known"


def _bytes_of(length: int) -> Check:
    return lambda value: None if len(value) == length else f"must have {length} bytes"


def _anything(_: object) -> None:
    """Accept any value: only one client reads it."""


def _text(value: str) -> str | None:
    if len(value) > _MAX_TEXT_LENGTH:
        return f"must have at most {_MAX_TEXT_LENGTH} characters"
    return "must not contain control characters or line breaks" if _controls.search(value) else None


def _content(value: bytes) -> str | None:
    """Check what a column of the type `StoredContent` holds."""
    try:
        return _first(validate_post(**content_of(decode_content(value))))
    except (AttributeError, TypeError, ValueError):  # of a value, or a member in it, of another type
        return "must be the content of a post"


def _working_copy(value: bytes) -> str | None:
    try:
        return _first(validate_unfinished(**content_of(decode_content(value))))
    except (AttributeError, TypeError, ValueError):  # of a value, or a member in it, of another type
        return "must be the content of a post"


def _event(value: str) -> str | None:
    return None if value in _EVENTS else "is not an event that this version knows"


def _reserved_name(value: str) -> str | None:
    return "must be in lower case" if value != value.lower() else _first(validate_username(value))


def _first(errors: list[FieldError]) -> str | None:
    return errors[0].message if errors else None


_BY_TYPE: Final[dict[type, Check]] = {
    UtcDateTime: _time,
    Scopes: _scopes,
    BigIntId: _reference,
    StoredContent: _content,
}

_BY_NAME: Final[dict[str, Check]] = {
    "audit_entries.event": _event,
    "posts.body": lambda value: _first(validate_post(body=value)),
    "posts.first_paragraph": lambda value: _first(validate_post(summary=value or None)),
    "posts.slug": lambda value: _first(validate_post(slug=value)),
    "posts.summary": lambda value: _first(validate_post(summary=value)),
    "posts.tags": lambda value: _first(validate_post(tags=lines_of(value))),
    "posts.title": lambda value: _first(validate_post(title=value)),
    "previews.name": lambda value: _first(validate_preview_name(value)),
    "previews.of": lambda value: None if value in set(PreviewOf) else "must be post or working_copy",
    "slugs.slug": lambda value: _first(validate_post(slug=value)),
    "posts.changed_at": _anything,
    "posts.title_key": _anything,
    "tokens.name": lambda value: _first(validate_token_name(value)),
    "working_copies.content": _working_copy,
    "usernames.name": _reserved_name,
    "users.deletion": lambda value: None if value in set(PostsOnDeletion) else "must be delete or keep",
    "users.username": lambda value: _first(validate_username(value)),
}
