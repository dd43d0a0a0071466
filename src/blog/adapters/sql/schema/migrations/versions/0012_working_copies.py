"""Working copies: what authors save without publishing it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0012"
down_revision = "0011"

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_moment = TIMESTAMP(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    op.create_table(
        "working_copies",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("post_id", _number, sa.ForeignKey("posts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("based_on", sa.BigInteger, nullable=False),
        sa.Column("saved_at", _moment, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("working_copies_post_id_key", "working_copies", ["post_id"], unique=True)


def downgrade() -> None:
    op.drop_table("working_copies")
