"""The tables. A column has the name of the entity's field."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    and_,
    column,
    func,
    inspect,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.engine.processors import str_to_datetime
from sqlalchemy.types import TypeEngine

from blog.adapters.sql.engine.statement import LongText
from blog.domain.accounts.actors import Scope
from blog.domain.posts.previews import PreviewOf

from .content import StoredContent

REVISION: Final = "0015"
"""The migration that leads to the tables below."""

_version: Final = table("alembic_version", column("version_num"))


def revision_of(connection: Connection) -> str | None:
    """Return the migration of the tables in a database, or None if there are no tables of a blog."""
    if not inspect(connection).has_table(_version.name):
        return None
    found: str | None = connection.execute(select(_version.c.version_num)).scalar()
    return found


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC, in microseconds. SQLite has no type for times: it stores ISO 8601 text, which sorts by time."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else TIMESTAMP(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None] | None:
        return _format_time if dialect.name == "sqlite" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:  # noqa: ARG002 - SQLAlchemy names it
        return str_to_datetime if dialect.name == "sqlite" else None


def _format_time(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")


class BigIntId(TypeDecorator[int]):
    """The id of a row, in 64 bits. A larger id is looked up as the largest, which no row has.

    SQLite assigns ids only in a column declared INTEGER, which has 64 bits there.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())

    def bind_processor(self, dialect: Dialect) -> Callable[[int | None], int | None]:  # noqa: ARG002 - SQLAlchemy names it
        return _clamp


def _clamp(value: int | None) -> int | None:
    return None if value is None else min(max(value, -(2**63)), 2**63 - 1)


class Scopes(TypeDecorator[frozenset[Scope]]):
    """The scopes of a token, separated by spaces."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[Scope] | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - as above
        return None if value is None else " ".join(sorted(value))

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], frozenset[Scope] | None]:  # noqa: ARG002 - as above
        return _scopes


@cache
def _scopes(text: str | None) -> frozenset[Scope] | None:
    return None if text is None else frozenset(map(Scope, text.split()))


class TagLines(TypeDecorator[tuple[str, ...]]):
    """The tags of a post, in the order of their author: one in a line."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[..., str]:  # noqa: ARG002 - as above
        return "\n".join

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str], tuple[str, ...]]:  # noqa: ARG002 - as above
        return lines_of


def lines_of(text: str) -> tuple[str, ...]:
    """Return the lines of a value of `TagLines`."""
    return tuple(text.split("\n")) if text else ()


class PreviewKind(TypeDecorator[PreviewOf]):
    """The text that a preview link shows: of the post, or of its working copy."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: PreviewOf | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - as above
        return value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str], PreviewOf]:  # noqa: ARG002 - as above
        return PreviewOf


SortKey = Text().with_variant(Text(collation="C"), "postgresql")
"""A text that is ordered by code points, as in Python and SQLite."""

metadata = MetaData()

users = Table(
    "users",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("username", String(150), nullable=False),
    Column("is_admin", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("deletion", Text),
    sqlite_autoincrement=True,
)

Index("users_username_key", func.lower(users.c.username), unique=True)
Index(
    "users_deletion",
    users.c.id,
    sqlite_where=users.c.deletion.is_not(None),
    postgresql_where=users.c.deletion.is_not(None),
)

usernames = Table(
    "usernames",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("user_id", BigIntId, ForeignKey("users.id", ondelete="SET NULL")),
    sqlite_autoincrement=True,
)

Index("usernames_name_key", usernames.c.name, unique=True)
Index("usernames_user_id", usernames.c.user_id)

tokens = Table(
    "tokens",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("user_id", BigIntId, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("hint", Text, nullable=False, server_default=""),
    Column("scopes", Scopes, nullable=False, server_default=""),
    Column("last_used_at", UtcDateTime),
    sqlite_autoincrement=True,
)

Index("tokens_digest_key", tokens.c.digest, unique=True)
Index("tokens_user_id", tokens.c.user_id)

posts = Table(
    "posts",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("title", Text, nullable=False),
    Column("author_id", BigIntId, ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime),
    Column("version", BigInteger, nullable=False),
    Column("title_key", SortKey, nullable=False, server_default=""),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("slug", Text),
    Column("tags", TagLines, nullable=False, server_default=""),
    Column("body", LongText, nullable=False),  # SQLite reads all pages of a long body to get what is behind it
    Column("summary", Text),
    Column("first_paragraph", Text, nullable=False, server_default=""),
    Column("deleted_at", UtcDateTime),  # NULL outside of the trash, for which SQLite reads no page of the body
    Column("former_published_at", UtcDateTime),
    sqlite_autoincrement=True,
)

DERIVED: Final = frozenset({posts.c.title_key, posts.c.changed_at})
"""The columns that are computed from the other ones, so that a list can be sorted by an index."""

IS_TRASHED: Final = posts.c.deleted_at.is_not(None)
IS_DRAFT: Final = and_(posts.c.published_at.is_(None), posts.c.deleted_at.is_(None))
IS_NO_DRAFT: Final = posts.c.published_at.is_not(None)
"""The condition of the indexes of published and scheduled posts. A partial index cannot depend on the time.

A post in the trash has no `published_at`, so it is not among them.
"""

Index("posts_author_id", posts.c.author_id, posts.c.created_at, posts.c.id)
Index(
    "posts_drafts",
    posts.c.author_id,
    posts.c.updated_at,
    posts.c.id,
    sqlite_where=IS_DRAFT,
    postgresql_where=IS_DRAFT,
)
for _name, *_columns in (
    ("posts_trash", posts.c.author_id, posts.c.deleted_at, posts.c.id),
    ("posts_deleted_at", posts.c.deleted_at, posts.c.id),
):
    Index(_name, *_columns, sqlite_where=IS_TRASHED, postgresql_where=IS_TRASHED)
for _name, *_columns in (
    ("posts_published_at", posts.c.published_at, posts.c.id),
    ("posts_author_published", posts.c.author_id, posts.c.published_at, posts.c.id),
    ("posts_changed_at", posts.c.changed_at, posts.c.id),
    ("posts_title_key", posts.c.title_key, posts.c.id),
):
    Index(_name, *_columns, sqlite_where=IS_NO_DRAFT, postgresql_where=IS_NO_DRAFT)

tags = Table(
    "tags",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("key", SortKey, nullable=False),
    Column("posts", BigInteger, nullable=False, server_default="0"),  # as far as the changes are settled
    Column("settled_at", UtcDateTime),  # the latest publication time in `posts`
)

Index("tags_key", tags.c.key, unique=True)

tagged = Table(  # the tags of published and scheduled posts. It is an index: its key is the whole row
    "tagged",
    metadata,
    Column("tag_id", BigIntId, primary_key=True, autoincrement=False),
    Column("published_at", UtcDateTime, primary_key=True),
    Column("post_id", BigIntId, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

tag_changes = Table(  # changes of `tagged` that are not yet in `tags.posts`
    "tag_changes",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("tag_id", BigIntId, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    Column("delta", Integer, nullable=False),
)

Index("tag_changes_tag_id", tag_changes.c.tag_id, tag_changes.c.published_at, tag_changes.c.delta)

INDEX_TABLES: Final = (tags, tagged, tag_changes)
"""The tables that are computed from the posts. A backup does not restore them: they are computed again."""

revisions = Table(
    "revisions",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("post_id", BigIntId, ForeignKey("posts.id", ondelete="CASCADE"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime),
    Column("content", StoredContent, nullable=False),  # last: a list does not read it
    sqlite_autoincrement=True,
)

Index("revisions_key", revisions.c.post_id, revisions.c.number, unique=True)

slugs = Table(
    "slugs",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("slug", Text),
    Column("post_id", BigIntId, nullable=False),  # not a foreign key: a slug outlives its post
    Column("since", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

Index("slugs_digest_key", slugs.c.digest, unique=True)
Index("slugs_post_id", slugs.c.post_id)

working_copies = Table(
    "working_copies",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("post_id", BigIntId, ForeignKey("posts.id", ondelete="CASCADE"), nullable=False),
    Column("based_on", BigInteger, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
    Column("content", StoredContent, nullable=False),
    sqlite_autoincrement=True,
)

Index("working_copies_post_id_key", working_copies.c.post_id, unique=True)
previews = Table(
    "previews",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("hint", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("of", PreviewKind, nullable=False),
    Column("post_id", BigIntId, ForeignKey("posts.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", BigIntId, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

Index("previews_digest_key", previews.c.digest, unique=True)
Index("previews_post_id", previews.c.post_id)
Index("previews_user_id", previews.c.user_id)
Index("previews_expires_at", previews.c.expires_at)

idempotency_records = Table(
    "idempotency_records",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("user_id", BigIntId, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("key", LargeBinary(32), nullable=False),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("response", LargeBinary),
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

Index("idempotency_records_key", idempotency_records.c.user_id, idempotency_records.c.key, unique=True)
Index("idempotency_records_at", idempotency_records.c.at)

response_posts = Table(  # the posts that the response of an idempotency record may show
    "response_posts",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("record_id", BigIntId, ForeignKey("idempotency_records.id", ondelete="CASCADE"), nullable=False),
    Column("post_id", BigIntId, ForeignKey("posts.id", ondelete="CASCADE"), nullable=False),
    sqlite_autoincrement=True,
)

Index("response_posts_key", response_posts.c.post_id, response_posts.c.record_id, unique=True)
Index("response_posts_record_id", response_posts.c.record_id)

invitations = Table(
    "invitations",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("hint", Text, nullable=False),
    Column("by_id", BigIntId, ForeignKey("users.id", ondelete="SET NULL")),
    Column("by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

Index("invitations_digest_key", invitations.c.digest, unique=True)

login_attempts = Table(
    "login_attempts",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("account", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

Index("login_attempts_account_at", login_attempts.c.account, login_attempts.c.at)
Index("login_attempts_address_at", login_attempts.c.address, login_attempts.c.at)

known_addresses = Table(
    "known_addresses",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("account", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

Index("known_addresses_key", known_addresses.c.account, known_addresses.c.address, unique=True)

seals = Table(
    "audit_seals",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("format", Integer, nullable=False, server_default="1"),
    sqlite_autoincrement=True,
)

entries = Table(
    "audit_entries",
    metadata,
    Column("id", BigIntId, Identity(), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("event", Text, nullable=False),
    Column("actor_id", BigIntId),
    Column("actor", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("token_id", BigIntId),
    Column("subject", Text, nullable=False),
    Column("subject_id", BigIntId),
    Column("detail", Text, nullable=False),
    Column("seal_id", BigIntId, ForeignKey("audit_seals.id")),
    sqlite_autoincrement=True,
)

Index("audit_entries_seal_id", entries.c.seal_id, entries.c.id)
Index("audit_entries_actor_id", entries.c.actor_id, entries.c.id)

IS_ABOUT_A_USER: Final = entries.c.subject == literal_column("'user'")
"""It has no parameter, because a partial index is only used by statements with literally the same condition."""
Index(
    "audit_entries_about_user",
    entries.c.subject_id,
    entries.c.id,
    sqlite_where=IS_ABOUT_A_USER,
    postgresql_where=IS_ABOUT_A_USER,
)

STORED_TABLES: Final = [table for table in metadata.sorted_tables if table not in INDEX_TABLES]
"""The tables that are not computed from others, each behind those that it refers to."""
