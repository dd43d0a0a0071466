"""The author and the tags of each post, as words of the search index."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from blog.adapters.sql.search.marks import AUTHOR_SIGN, marks_of

revision = "0010"
down_revision = "0009"

_AT_ONCE: Final = 1000


def upgrade() -> None:
    connection = op.get_bind()
    for posts in _pages():
        marks = [{"id": post.id, "marks": " ".join(_marks(post)) + " "} for post in posts]
        for statement in _STATEMENTS[connection.dialect.name]:
            connection.execute(sa.text(statement), marks)


def downgrade() -> None:
    """An older version does not read the marks. The next upgrade replaces them."""


def _pages() -> Iterator[Sequence[Any]]:
    """Yield all posts that are indexed by ascending id, in batches."""
    connection, last = op.get_bind(), 0
    page = sa.text(
        "SELECT id, author_id, tags FROM posts WHERE published_at IS NOT NULL AND id > :last ORDER BY id LIMIT :limit"
    )
    while posts := connection.execute(page, {"last": last, "limit": _AT_ONCE}).all():
        yield posts
        last = posts[-1].id


def _marks(post: Any) -> list[str]:
    return marks_of(post.author_id, post.tags.split("\n") if post.tags else ())


def _statement(table: str, key: str, position: str) -> str:
    """Return the statement that puts marks behind the words of a title, in place of marks that are there already."""
    end = f"{position}(title, '{AUTHOR_SIGN}')"
    words = f"CASE WHEN {end} > 0 THEN substr(title, 1, {end} - 1) ELSE title END"
    return f"UPDATE {table} SET title = {words} || :marks WHERE {key} = :id AND title IS NOT NULL"  # noqa: S608 - constants


_STATEMENTS: Final = {
    "sqlite": [
        _statement("post_words", "rowid", "instr"),
        _statement("post_titles", "rowid", "instr"),
        _statement("pending_posts", "id", "instr"),
    ],
    "postgresql": [_statement("post_words", "id", "strpos")],
}
