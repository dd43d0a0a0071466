"""Sort keys and the words of all posts, made anew: which signs are accents and where words end has changed."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from blog.domain.search.tokenizer import sort_key, spaced, tokenize

revision = "0004"
down_revision = "0006"

_AT_ONCE: Final = 100
"""Posts that are held in memory at a time: one may have 100,000 characters, and as many words."""


def upgrade() -> None:
    connection = op.get_bind()
    tables, statements = _TABLES[connection.dialect.name], _PUT_WORDS[connection.dialect.name]
    for table in tables:
        connection.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names of ours
    for posts in _pages():
        keys = [{"id": post.id, "title_key": sort_key(post.title)} for post in posts]
        connection.execute(sa.text("UPDATE posts SET title_key = :title_key WHERE id = :id"), keys)
        for statement in statements:
            connection.execute(sa.text(statement), [_words(post) for post in posts])


def downgrade() -> None:
    """An older version finds what it folds alike; what it restores from a backup it indexes anew."""


def _pages() -> Iterator[Sequence[Any]]:
    """All posts by ascending id, some at a time."""
    connection, last = op.get_bind(), 0
    page = sa.text("SELECT id, title, body FROM posts WHERE id > :last ORDER BY id LIMIT :limit")
    while posts := connection.execute(page, {"last": last, "limit": _AT_ONCE}).all():
        yield posts
        last = posts[-1].id


def _words(post: Any) -> dict[str, Any]:
    return {"id": post.id, "title": spaced(tokenize(post.title)), "body": spaced(tokenize(post.body))}


_TABLES: Final = {"sqlite": ["post_words", "post_titles", "unread_posts"], "postgresql": ["post_words"]}

_PUT_WORDS: Final = {
    "sqlite": [
        "INSERT INTO post_words (rowid, title, body) VALUES (:id, :title, :body)",
        "INSERT INTO post_titles (rowid, title) VALUES (:id, :title)",
    ],
    "postgresql": ["INSERT INTO post_words (id, title, body) VALUES (:id, :title, :body)"],
}
