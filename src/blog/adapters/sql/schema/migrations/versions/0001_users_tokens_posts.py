"""Users, tokens and posts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0001"
down_revision = None

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_moment = TIMESTAMP(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("username", sa.String(150), nullable=False),
        sa.Column("is_admin", sa.Boolean, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("users_username_key", "users", [sa.text("lower(username)")], unique=True)
    op.create_table(
        "tokens",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("user_id", _number, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("expires_at", _moment, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("tokens_digest_key", "tokens", ["digest"], unique=True)
    op.create_index("tokens_user_id", "tokens", ["user_id"])
    op.create_table(
        "posts",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("author_id", _number, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("updated_at", _moment, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("posts_author_id", "posts", ["author_id"])


def downgrade() -> None:
    op.drop_table("posts")
    op.drop_table("tokens")
    op.drop_table("users")
