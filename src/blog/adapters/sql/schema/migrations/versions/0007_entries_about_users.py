"""An index of the entries of the audit that are about a user: everybody can download those about themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0004"

_is_about_a_user = sa.text("subject = 'user'")


def upgrade() -> None:
    op.create_index(
        "audit_entries_about_user",
        "audit_entries",
        ["subject_id", "id"],
        sqlite_where=_is_about_a_user,
        postgresql_where=_is_about_a_user,
    )


def downgrade() -> None:
    op.drop_index("audit_entries_about_user", "audit_entries")
