"""The trash, and the posts that stored responses show.

Nobody knows which posts the responses show that are stored already. They are deleted a day after they were stored.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0015"
down_revision = "0014"

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_moment = TIMESTAMP(timezone=True).with_variant(sa.String(32), "sqlite")

_DRAFTS: Final = ["author_id", "updated_at", "id"]
_IS_DRAFT_OR_TRASHED: Final = "published_at IS NULL"
_IS_DRAFT: Final = "published_at IS NULL AND deleted_at IS NULL"
_IS_TRASHED: Final = "deleted_at IS NOT NULL"
_COLUMNS: Final = ("deleted_at", "former_published_at")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("posts", sa.Column(name, _moment))
    op.drop_index("posts_drafts", "posts")
    _create_index("posts_drafts", _DRAFTS, _IS_DRAFT)
    _create_index("posts_trash", ["author_id", "deleted_at", "id"], _IS_TRASHED)
    _create_index("posts_deleted_at", ["deleted_at", "id"], _IS_TRASHED)
    op.create_table(
        "response_posts",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        _reference("record_id", "idempotency_records.id"),
        _reference("post_id", "posts.id"),
        sqlite_autoincrement=True,
    )
    op.create_index("response_posts_key", "response_posts", ["post_id", "record_id"], unique=True)
    op.create_index("response_posts_record_id", "response_posts", ["record_id"])


def downgrade() -> None:
    """Forget the trash.

    Raises:
        RuntimeError: there are posts in the trash, which an older version would show among the drafts.
    """
    if op.get_bind().exec_driver_sql(f"SELECT 1 FROM posts WHERE {_IS_TRASHED} LIMIT 1").first():  # noqa: S608 - a constant
        raise RuntimeError("an older version would show the trash among the drafts: restore or delete its posts first")
    op.drop_table("response_posts")
    for index in ("posts_deleted_at", "posts_trash", "posts_drafts"):
        op.drop_index(index, "posts")
    for name in reversed(_COLUMNS):
        op.drop_column("posts", name)
    _create_index("posts_drafts", _DRAFTS, _IS_DRAFT_OR_TRASHED)


def _create_index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "posts", columns, sqlite_where=where, postgresql_where=where)


def _reference(name: str, target: str) -> sa.Column[Any]:
    return sa.Column(name, _number, sa.ForeignKey(target, ondelete="CASCADE"), nullable=False)
