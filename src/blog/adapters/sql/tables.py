"""The tables. Their columns are named like the fields of the entities they hold."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
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
    func,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, to the microsecond. SQLite knows no times: it keeps ISO 8601 text, which sorts as time does."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy names it
        return datetime.fromisoformat(value) if isinstance(value, str) else value  # type: ignore[return-value]


class Number(TypeDecorator[int]):
    """The number of a row, in 64 bits. No row has one beyond, so whoever asks for one is answered as at the edge.

    SQLite numbers rows only in a column declared INTEGER, which holds 64 bits there.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy names it
        return None if value is None else min(max(value, -(2**63)), 2**63 - 1)


metadata = MetaData()

users = Table(
    "users",
    metadata,
    Column("id", Number, Identity(), primary_key=True),
    Column("username", String(150), nullable=False),
    Column("is_admin", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("password_hash", Text, nullable=False),
    sqlite_autoincrement=True,
)

Index("users_username_key", func.lower(users.c.username), unique=True)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Number, Identity(), primary_key=True),
    Column("user_id", Number, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

Index("tokens_digest_key", tokens.c.digest, unique=True)
Index("tokens_user_id", tokens.c.user_id)

posts = Table(
    "posts",
    metadata,
    Column("id", Number, Identity(), primary_key=True),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("author_id", Number, ForeignKey("users.id"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("version", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

Index("posts_author_id", posts.c.author_id)
