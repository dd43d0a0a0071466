"""Publication times of posts, and the scope to publish.

Every post that there is was published when it was created. The table is copied and then replaced: so the body can come
last on SQLite, and readers of PostgreSQL wait only while the table is replaced.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from blog.adapters.sql.schema.tables import UtcDateTime

revision = "0009"
down_revision = "0008"

_COPY: Final = "posts_copy"

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_moment = TIMESTAMP(timezone=True).with_variant(sa.String(32), "sqlite")
_key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_IS_DRAFT: Final = "published_at IS NULL"
_IS_NO_DRAFT: Final = "published_at IS NOT NULL"

_Indexes = Mapping[str, tuple[list[str], str | None]]
"""The ends of the names of indexes, with their columns and conditions."""

_INDEXES: Final[_Indexes] = {
    "author_id": (["author_id", "created_at", "id"], None),
    "drafts": (["author_id", "updated_at", "id"], _IS_DRAFT),
    "published_at": (["published_at", "id"], _IS_NO_DRAFT),
    "author_published": (["author_id", "published_at", "id"], _IS_NO_DRAFT),
    "changed_at": (["changed_at", "id"], _IS_NO_DRAFT),
    "title_key": (["title_key", "id"], _IS_NO_DRAFT),
}
_INDEXES_BEFORE: Final[_Indexes] = {
    "author_id": (["author_id", "created_at", "id"], None),
    "created_at": (["created_at", "id"], None),
    "updated_at": (["updated_at", "id"], None),
    "title_key": (["title_key", "id"], None),
}
_KEPT: Final = ["id", "title", "author_id", "created_at", "updated_at", "version", "title_key", "body"]


def upgrade() -> None:
    op.execute(
        "UPDATE tokens SET scopes = replace(scopes, 'posts:write', 'posts:publish posts:write')"
        " WHERE scopes LIKE '%posts:write%'"
    )
    columns: list[sa.Column[Any]] = [
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("author_id", _number, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("updated_at", _moment, nullable=False),
        sa.Column("published_at", _moment),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("title_key", _key, nullable=False, server_default=""),
        sa.Column("changed_at", _moment, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    ]
    sources = {name: name for name in _KEPT} | {"published_at": "created_at", "changed_at": "updated_at"}
    _replace_posts(columns, sources, _INDEXES)


def downgrade() -> None:
    """Forget the publication times.

    Raises:
        RuntimeError: there are drafts or scheduled posts, which an older version would show to everybody.
    """
    published_at = sa.column("published_at", UtcDateTime)
    hidden = sa.select(sa.literal(1)).select_from(sa.table("posts", published_at)).limit(1)
    is_hidden = sa.or_(published_at.is_(None), published_at > datetime.now(UTC))
    if op.get_bind().execute(hidden.where(is_hidden)).first():
        raise RuntimeError("an older version would show drafts and scheduled posts: publish or delete them first")
    columns: list[sa.Column[Any]] = [
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("author_id", _number, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("updated_at", _moment, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("title_key", _key, nullable=False, server_default=""),
    ]
    _replace_posts(columns, {name: name for name in _KEPT}, _INDEXES_BEFORE)
    op.execute("UPDATE tokens SET scopes = trim(replace(scopes || ' ', 'posts:publish ', ''))")


def _replace_posts(columns: Sequence[sa.Column[Any]], sources: Mapping[str, str], indexes: _Indexes) -> None:
    """Replace the table of posts by a copy with other columns and indexes. `sources` has the value of each column."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        op.execute("LOCK TABLE posts IN SHARE ROW EXCLUSIVE MODE")  # others still read, and cannot write
    op.create_table(_COPY, *columns, sqlite_autoincrement=True)
    names, values = ", ".join(sources), ", ".join(sources.values())
    op.execute(f"INSERT INTO {_COPY} ({names}) SELECT {values} FROM posts ORDER BY id")  # noqa: S608 - constants
    if is_sqlite:
        _swap_on_sqlite()
        _create_indexes("posts", "posts", indexes)
    else:
        _create_indexes(_COPY, _COPY, indexes)
        _swap_on_postgresql(indexes)


def _create_indexes(table: str, prefix: str, indexes: _Indexes) -> None:
    for suffix, (names, condition) in indexes.items():
        where = None if condition is None else sa.text(condition)
        op.create_index(f"{prefix}_{suffix}", table, names, sqlite_where=where, postgresql_where=where)


def _swap_on_sqlite() -> None:
    """Let the copy take the place of the table, and continue after its last id."""
    connection = op.get_bind()
    last = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'posts'").scalar()
    op.drop_table("posts")
    op.rename_table(_COPY, "posts")
    connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'posts'")
    if last is not None:
        connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES ('posts', ?)", (last,))


def _swap_on_postgresql(indexes: _Indexes) -> None:
    """Let the copy take the place of the table. Everything that takes long comes before the lock that stops readers."""
    key = sa.text("SELECT conname FROM pg_constraint WHERE conrelid = 'post_words'::regclass AND contype = 'f'")
    old_key = op.get_bind().execute(key).scalar_one()
    op.create_foreign_key("post_words_copy", "post_words", _COPY, ["id"], ["id"], ondelete="CASCADE")
    op.execute(f"SELECT setval('{_COPY}_id_seq', last_value, is_called) FROM posts_id_seq")  # noqa: S608 - a constant
    op.execute(f"ANALYZE {_COPY}")  # or else plans would be made without statistics until autovacuum comes
    op.drop_constraint(old_key, "post_words")  # this stops readers
    op.drop_table("posts")
    op.rename_table(_COPY, "posts")
    op.execute(f"ALTER TABLE post_words RENAME CONSTRAINT post_words_copy TO {old_key}")
    op.execute(f"ALTER SEQUENCE {_COPY}_id_seq RENAME TO posts_id_seq")
    for suffix in indexes:
        op.execute(f"ALTER INDEX {_COPY}_{suffix} RENAME TO posts_{suffix}")
    names = sa.text("SELECT conname FROM pg_constraint WHERE conrelid = 'posts'::regclass")
    for name in op.get_bind().execute(names).scalars().all():
        op.execute(f"ALTER TABLE posts RENAME CONSTRAINT {name} TO posts{name.removeprefix(_COPY)}")
