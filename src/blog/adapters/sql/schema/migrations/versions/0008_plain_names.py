"""Rename tables, columns and an audit event to the standard terms.

The rows stay. Seals of format 2 and below were made when an imported post was recorded as `post.taken-in`, and are
verified with that word (`blog.domain.audit`).
"""

from typing import Final

from alembic import op

revision = "0008"
down_revision = "0007"

_TABLES: Final = {"answers": "idempotency_records", "attempts": "login_attempts"}

_INDEXES: Final = {
    "answers": {"key": (["user_id", "key"], True), "at": (["at"], False)},
    "attempts": {"account_at": (["account", "at"], False), "address_at": (["address", "at"], False)},
}
"""The ends of the names of the indexes, with their columns and whether they are unique."""

_COLUMNS: Final = {"request": "fingerprint", "answer": "response"}
_EVENT: Final = ("post.taken-in", "post.imported")


def upgrade() -> None:
    for old, new in _TABLES.items():
        _rename_table(old, new, indexes_of=old)
    for old, new in _COLUMNS.items():
        op.alter_column("idempotency_records", old, new_column_name=new)
    _rename_event(*_EVENT)
    if _is_sqlite():
        op.rename_table("unread_posts", "pending_posts")
        op.execute("ALTER TABLE pending_posts RENAME COLUMN number TO cumulative_weight")


def downgrade() -> None:
    """Rename everything back. An older version cannot verify seals of format 3 over imported posts."""
    if _is_sqlite():
        op.execute("ALTER TABLE pending_posts RENAME COLUMN cumulative_weight TO number")
        op.rename_table("pending_posts", "unread_posts")
    _rename_event(*reversed(_EVENT))
    for old, new in _COLUMNS.items():
        op.alter_column("idempotency_records", new, new_column_name=old)
    for old, new in _TABLES.items():
        _rename_table(new, old, indexes_of=old)


def _rename_table(old: str, new: str, *, indexes_of: str) -> None:
    for suffix in _INDEXES[indexes_of]:
        op.drop_index(f"{old}_{suffix}", old)
    op.rename_table(old, new)
    for suffix, (columns, is_unique) in _INDEXES[indexes_of].items():
        op.create_index(f"{new}_{suffix}", new, columns, unique=is_unique)
    if not _is_sqlite():
        _rename_what_postgresql_named(old, new)


def _rename_what_postgresql_named(old: str, new: str) -> None:
    """Rename the sequence and the constraints. Since version 18, `NOT NULL` is a constraint with a name too."""
    op.execute(f"ALTER SEQUENCE {old}_id_seq RENAME TO {new}_id_seq")
    names = op.get_bind().exec_driver_sql(f"SELECT conname FROM pg_constraint WHERE conrelid = '{new}'::regclass")  # noqa: S608 - a name of ours
    for name in names.scalars().all():
        op.execute(f"ALTER TABLE {new} RENAME CONSTRAINT {name} TO {new}{name.removeprefix(old)}")


def _rename_event(old: str, new: str) -> None:
    op.execute(f"UPDATE audit_entries SET event = '{new}' WHERE event = '{old}'")  # noqa: S608 - words of our own


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
