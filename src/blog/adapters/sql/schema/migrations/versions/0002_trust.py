"""Scopes and use of tokens, invitations, log-in attempts, and the audit log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0002"
down_revision = "0001"

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_moment = TIMESTAMP(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    _describe_tokens()
    _make_invitations()
    _make_attempts()
    _make_audit()


def downgrade() -> None:
    for table in ("audit_entries", "audit_seals", "known_addresses", "attempts", "invitations"):
        op.drop_table(table)
    for column in ("last_used_at", "scopes", "hint", "name"):
        op.drop_column("tokens", column)


def _describe_tokens() -> None:
    """Tokens that there are already can be used for all that their users may do."""
    for column in ("name", "hint", "scopes"):
        op.add_column("tokens", sa.Column(column, sa.Text, nullable=False, server_default=""))
    op.add_column("tokens", sa.Column("last_used_at", _moment))
    op.execute("UPDATE tokens SET scopes = 'account posts:read posts:write'")
    op.execute(
        "UPDATE tokens SET scopes = 'account admin posts:read posts:write'"
        " WHERE user_id IN (SELECT id FROM users WHERE is_admin)"
    )


def _make_invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("by_id", _number, sa.ForeignKey("users.id", ondelete="SET NULL")),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("expires_at", _moment, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("invitations_digest_key", "invitations", ["digest"], unique=True)


def _make_attempts() -> None:
    for table in ("attempts", "known_addresses"):
        op.create_table(
            table,
            sa.Column("id", _number, sa.Identity(), primary_key=True),
            sa.Column("account", sa.Text, nullable=False),
            sa.Column("address", sa.Text, nullable=False),
            sa.Column("at", _moment, nullable=False),
            sqlite_autoincrement=True,
        )
    op.create_index("attempts_account_at", "attempts", ["account", "at"])
    op.create_index("attempts_address_at", "attempts", ["address", "at"])
    op.create_index("known_addresses_key", "known_addresses", ["account", "address"], unique=True)


def _make_audit() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("at", _moment, nullable=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sa.Column("previous", sa.LargeBinary(32), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit_entries",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("at", _moment, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("actor_id", _number),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("token_id", _number),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("subject_id", _number),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("seal_id", _number, sa.ForeignKey("audit_seals.id")),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_entries_seal_id", "audit_entries", ["seal_id", "id"])
