"""Names that stay reserved, accounts that are being deleted, and attempts by account and no longer by name."""

import re
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain, count
from typing import Final

import sqlalchemy as sa
from alembic import op

from blog.adapters.sql.schema.tables import UtcDateTime

revision = "0005"
down_revision = "0003"

_AT_ONCE: Final = 1000
"""Accounts that are held in memory at a time."""

_reserved = re.compile("deleted-user(?:-[0-9]+)?", re.IGNORECASE)
_entries = sa.table(
    "audit_entries",
    sa.column("at", UtcDateTime),
    *(sa.column(name) for name in ("event", "actor", "address", "subject", "subject_id", "detail")),
)


_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_is_hidden = sa.text("deletion IS NOT NULL")


def upgrade() -> None:
    op.add_column("users", sa.Column("deletion", sa.Text))
    op.create_index("users_deletion", "users", ["id"], sqlite_where=_is_hidden, postgresql_where=_is_hidden)
    op.create_index("audit_entries_actor_id", "audit_entries", ["actor_id", "id"])
    _give_up_reserved_names()
    _reserve_names()
    _count_by_account()


def downgrade() -> None:
    _count_by_account(undo=True)
    op.drop_table("usernames")
    op.drop_index("audit_entries_actor_id", "audit_entries")
    op.drop_index("users_deletion", "users")
    op.drop_column("users", "deletion")


def _give_up_reserved_names() -> None:
    """Rename accounts whose names stand for deleted accounts from now on, and record that."""
    connection = op.get_bind()
    like = sa.text("SELECT id, username FROM users WHERE lower(username) LIKE 'deleted-user%'")
    for user in connection.execute(like).all():
        if not _reserved.fullmatch(user.username):
            continue
        name = _free_name(connection, user.id)
        connection.execute(sa.text("UPDATE users SET username = :name WHERE id = :id"), {"name": name, "id": user.id})
        connection.execute(
            sa.insert(_entries),
            {
                "at": datetime.now(UTC),
                "event": "user.changed",
                "actor": "operator",
                "address": "console",
                "subject": "user",
                "subject_id": user.id,
                "detail": f"{user.username} is now {name}",
            },
        )


def _free_name(connection: sa.Connection, user_id: int) -> str:
    taken = sa.text("SELECT 1 FROM users WHERE lower(username) = :name")
    names = (f"user-{user_id}{suffix}" for suffix in chain([""], (f"-{number}" for number in count(2))))
    return next(name for name in names if connection.execute(taken, {"name": name}).first() is None)


def _reserve_names() -> None:
    """Reserve every name that an account has now."""
    op.create_table(
        "usernames",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("user_id", _number, sa.ForeignKey("users.id", ondelete="SET NULL")),
        sqlite_autoincrement=True,
    )
    op.create_index("usernames_name_key", "usernames", ["name"], unique=True)
    op.create_index("usernames_user_id", "usernames", ["user_id"])
    op.execute("INSERT INTO usernames (name, user_id) SELECT lower(username), id FROM users ORDER BY id")


def _count_by_account(*, undo: bool = False) -> None:
    """Give attempts at accounts, and their known addresses, the account's key in the place of its name's."""
    connection, last = op.get_bind(), 0
    page = sa.text("SELECT id, username FROM users WHERE id > :last ORDER BY id LIMIT :limit")
    while users := connection.execute(page, {"last": last, "limit": _AT_ONCE}).all():
        for table in ("attempts", "known_addresses"):
            statement = sa.text(f"UPDATE {table} SET account = :new WHERE account = :old")  # noqa: S608 - one of two names
            keys = [(_key_of_name(user.username), f"user {user.id}") for user in users]
            changed = [{"old": new, "new": old} if undo else {"old": old, "new": new} for old, new in keys]
            connection.execute(statement, changed)
        last = users[-1].id


def _key_of_name(username: str) -> str:
    return sha256(username.casefold().encode()).hexdigest()[:32]
