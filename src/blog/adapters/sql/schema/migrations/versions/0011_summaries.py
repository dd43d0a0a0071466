"""Summaries of posts, and the first paragraphs of the posts that there are.

Both columns come after the body. Everything that reads them reads the body too.
"""

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from alembic import context, op

revision = "0011"
down_revision = "0010"

_AT_ONCE: Final = 1000
"""Posts that are in memory at a time."""
_FOUND: Final = "first_paragraphs"

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    first_paragraph: Callable[[str], str] | None = context.config.attributes.get("first_paragraph")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("LOCK TABLE posts IN SHARE ROW EXCLUSIVE MODE")  # others still read
    if first_paragraph is not None:
        _find(first_paragraph)
    op.add_column("posts", sa.Column("summary", sa.Text))  # on PostgreSQL, this stops readers
    op.add_column("posts", sa.Column("first_paragraph", sa.Text, nullable=False, server_default=""))
    if first_paragraph is not None:
        op.execute(
            f"UPDATE posts SET first_paragraph = {_FOUND}.text FROM {_FOUND} WHERE {_FOUND}.id = posts.id"  # noqa: S608 - a constant
        )
        op.drop_table(_FOUND)


def downgrade() -> None:
    for name in ("first_paragraph", "summary"):
        op.drop_column("posts", name)


def _find(first_paragraph: Callable[[str], str]) -> None:
    """Write the first paragraph of each post into a temporary table, before readers have to wait."""
    found = op.create_table(
        _FOUND, sa.Column("id", _number, primary_key=True), sa.Column("text", sa.Text), prefixes=["TEMPORARY"]
    )
    posts = sa.table("posts", sa.column("id"), sa.column("body"))
    connection, last_id = op.get_bind(), 0
    page = sa.select(posts.c.id, posts.c.body).order_by(posts.c.id).limit(_AT_ONCE)
    while rows := connection.execute(page.where(posts.c.id > last_id)).all():
        texts = [{"id": row.id, "text": first_paragraph(row.body)} for row in rows]
        if some := [each for each in texts if each["text"]]:
            connection.execute(sa.insert(found), some)
        last_id = rows[-1].id
