"""Preview links of posts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0014"
down_revision = "0013"

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_moment = TIMESTAMP(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    op.create_table(
        "previews",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("of", sa.Text, nullable=False),
        sa.Column("post_id", _number, sa.ForeignKey("posts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("user_id", _number, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("expires_at", _moment, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("previews_digest_key", "previews", ["digest"], unique=True)
    op.create_index("previews_post_id", "previews", ["post_id"])
    op.create_index("previews_user_id", "previews", ["user_id"])
    op.create_index("previews_expires_at", "previews", ["expires_at"])


def downgrade() -> None:
    op.drop_table("previews")
