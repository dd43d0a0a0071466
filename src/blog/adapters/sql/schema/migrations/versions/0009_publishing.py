"""Publication times, slugs and tags of posts, and the scope to publish.

Every post that there is was published when it was created, and gets a slug from its title. The table is copied and then
replaced: so the body can come last on SQLite, and readers of PostgreSQL wait only while the table is replaced.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from blog.adapters.sql.schema.tables import UtcDateTime
from blog.domain.posts.slug import numbered, slug_of

revision = "0009"
down_revision = "0008"

_COPY: Final = "posts_copy"
_AT_ONCE: Final = 1000
"""Posts that are in memory at a time."""

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
        sa.Column("slug", sa.Text),
        sa.Column("tags", sa.Text, nullable=False, server_default=""),
        sa.Column("body", sa.Text, nullable=False),
    ]
    _stop_writers()
    _create_slugs()
    _create_tags()
    of_post = "(SELECT slugs.slug FROM slugs WHERE slugs.post_id = posts.id)"
    derived = {"published_at": "created_at", "changed_at": "updated_at", "slug": of_post}
    sources = {name: name for name in _KEPT} | derived
    _replace_posts(columns, sources, _INDEXES)


def downgrade() -> None:
    """Forget the publication times, slugs and tags.

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
    for table in ("tag_changes", "tagged", "tags", "slugs"):
        op.drop_table(table)
    op.execute("UPDATE tokens SET scopes = trim(replace(scopes || ' ', 'posts:publish ', ''))")


def _stop_writers() -> None:
    """Let nobody else change posts until the end of the migration. On SQLite, the migration locks everything anyway."""
    if op.get_bind().dialect.name != "sqlite":
        op.execute("LOCK TABLE posts IN SHARE ROW EXCLUSIVE MODE")  # others still read


def _create_slugs() -> None:
    """Give each post a slug from its title, with a number if an older post has the slug."""
    op.create_table(
        "slugs",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("slug", sa.Text),
        sa.Column("post_id", _number, nullable=False),
        sa.Column("since", _moment, nullable=False),
        sqlite_autoincrement=True,
    )
    slugs = sa.table("slugs", *map(sa.column, ("digest", "slug", "post_id", "since")))
    posts = sa.table("posts", *map(sa.column, ("id", "title", "created_at")))
    connection, taken, last_id = op.get_bind(), _Taken(), 0
    page = sa.select(posts.c.id, posts.c.title, posts.c.created_at).order_by(posts.c.id).limit(_AT_ONCE)
    while rows := connection.execute(page.where(posts.c.id > last_id)).all():
        named = [(row, taken.add(slug_of(row.title) or f"post-{row.id}")) for row in rows]
        values = [
            {
                "digest": hashlib.sha256(slug.encode()).digest(),
                "slug": slug,
                "post_id": row.id,
                "since": row.created_at,
            }
            for row, slug in named
        ]
        connection.execute(sa.insert(slugs), values)
        last_id = rows[-1].id
    op.create_index("slugs_digest_key", "slugs", ["digest"], unique=True)
    op.create_index("slugs_post_id", "slugs", ["post_id"])


def _create_tags() -> None:
    """Create the tables of tags. No post has one yet."""
    op.create_table(
        "tags",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("key", _key, nullable=False),
        sa.Column("posts", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("settled_at", _moment),
    )
    op.create_index("tags_key", "tags", ["key"], unique=True)
    op.create_table(
        "tagged",
        sa.Column("tag_id", _number, primary_key=True, autoincrement=False),
        sa.Column("published_at", _moment, primary_key=True),
        sa.Column("post_id", _number, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tag_changes",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("tag_id", _number, nullable=False),
        sa.Column("published_at", _moment, nullable=False),
        sa.Column("delta", sa.Integer, nullable=False),
    )
    op.create_index("tag_changes_tag_id", "tag_changes", ["tag_id", "published_at", "delta"])


class _Taken:
    """The slugs that are taken, and the highest number that each slug has had."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def add(self, slug: str) -> str:
        """Return the slug, with a number if it is taken, and take it."""
        found = slug
        while found in self._numbers:
            self._numbers[slug] += 1
            found = numbered(slug, self._numbers[slug])
        self._numbers[found] = 1
        return found


def _replace_posts(columns: Sequence[sa.Column[Any]], sources: Mapping[str, str], indexes: _Indexes) -> None:
    """Replace the table of posts by a copy with other columns and indexes. `sources` has the value of each column."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    _stop_writers()
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
