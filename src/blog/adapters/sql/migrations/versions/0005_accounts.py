"""Attempts and known addresses by account, and no longer by its name."""

from hashlib import sha256
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"

_AT_ONCE: Final = 1000
"""Accounts that are held in memory at a time."""


def upgrade() -> None:
    _count_by_account()


def downgrade() -> None:
    _count_by_account(undo=True)


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
