"""Seals that prove when they were made, and posts that were changed after the clock had been set back."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("audit_seals", sa.Column("format", sa.Integer, nullable=False, server_default="1"))
    op.execute("UPDATE posts SET updated_at = created_at WHERE updated_at < created_at")


def downgrade() -> None:
    op.drop_column("audit_seals", "format")
