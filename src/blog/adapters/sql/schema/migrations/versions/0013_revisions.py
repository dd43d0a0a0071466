"""Revisions of posts. Versions from before are not known."""

import sqlalchemy as sa
from alembic import op

from blog.adapters.sql.schema.tables import UtcDateTime

revision = "0013"
down_revision = "0012"

_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "revisions",
        sa.Column("id", _id, sa.Identity(), primary_key=True),
        sa.Column("post_id", _id, sa.ForeignKey("posts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("saved_at", UtcDateTime, nullable=False),
        sa.Column("published_at", UtcDateTime),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("revisions_key", "revisions", ["post_id", "number"], unique=True)


def downgrade() -> None:
    op.drop_table("revisions")
