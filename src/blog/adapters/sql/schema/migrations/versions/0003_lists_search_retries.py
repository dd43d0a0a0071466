"""Posts in every order, the words that they say, and the answers that are kept for retries."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP, TSVECTOR

from blog.domain.search.tokenizer import sort_key, tokenize

revision = "0003"
down_revision = "0002"

_AT_ONCE: Final = 1000
"""Posts that are held in memory at a time."""

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_moment = TIMESTAMP(timezone=True).with_variant(sa.String(32), "sqlite")
_key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("posts", sa.Column("title_key", _key, nullable=False, server_default=""))
    _make_words()
    _make_answers()
    _read_posts()
    op.drop_index("posts_author_id", "posts")
    op.create_index("posts_author_id", "posts", ["author_id", "created_at", "id"])
    op.create_index("posts_created_at", "posts", ["created_at", "id"])
    op.create_index("posts_updated_at", "posts", ["updated_at", "id"])
    op.create_index("posts_title_key", "posts", ["title_key", "id"])


def downgrade() -> None:
    for index in ("posts_title_key", "posts_updated_at", "posts_created_at", "posts_author_id"):
        op.drop_index(index, "posts")
    op.create_index("posts_author_id", "posts", ["author_id"])
    op.drop_table("answers")
    for table in _TABLES_OF_WORDS[op.get_bind().dialect.name]:
        op.drop_table(table)
    op.drop_column("posts", "title_key")


def _make_words() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for statement in _FTS5:
            op.execute(statement)
        return
    op.create_table(
        "post_words",
        sa.Column("id", _number, sa.ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("in_title", TSVECTOR, sa.Computed(_vector_of("title"), persisted=True), nullable=False),
        sa.Column("anywhere", TSVECTOR, sa.Computed(_vector_of("title || body"), persisted=True), nullable=False),
    )
    op.create_index("post_words_in_title", "post_words", ["in_title"], postgresql_using="gin")
    op.create_index("post_words_anywhere", "post_words", ["anywhere"], postgresql_using="gin")


def _vector_of(words: str) -> str:
    """A vector of words with spaces between, without the positions at which they stand."""
    return f"array_to_tsvector(array_remove(string_to_array({words}, ' '), ''))"


def _make_answers() -> None:
    op.create_table(
        "answers",
        sa.Column("id", _number, sa.Identity(), primary_key=True),
        sa.Column("user_id", _number, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("request", sa.LargeBinary(32), nullable=False),
        sa.Column("answer", sa.LargeBinary),
        sa.Column("at", _moment, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("answers_key", "answers", ["user_id", "key"], unique=True)
    op.create_index("answers_at", "answers", ["at"])


def _read_posts() -> None:
    """Order the posts that there are by title, and find them by their words."""
    connection, last = op.get_bind(), 0
    page = sa.text("SELECT id, title, body FROM posts WHERE id > :last ORDER BY id LIMIT :limit")
    put_key = sa.text("UPDATE posts SET title_key = :title_key WHERE id = :id")
    put_words = [sa.text(statement) for statement in _PUT_WORDS[connection.dialect.name]]
    while posts := connection.execute(page, {"last": last, "limit": _AT_ONCE}).all():
        connection.execute(put_key, [{"id": post.id, "title_key": sort_key(post.title)} for post in posts])
        for statement in put_words:
            connection.execute(statement, [_words(post) for post in posts])
        last = posts[-1].id


def _words(post: Any) -> dict[str, Any]:
    """Each word between spaces."""
    title, body = (f" {' '.join(tokenize(text))} " for text in (post.title, post.body))
    return {"id": post.id, "title": title, "body": body}


_TABLES_OF_WORDS: Final = {"sqlite": ["post_words", "post_titles", "unread_posts"], "postgresql": ["post_words"]}

_FTS5: Final = [
    "CREATE VIRTUAL TABLE post_words USING fts5(title, body, tokenize = 'ascii', detail = none, prefix = '1 2')",
    "CREATE VIRTUAL TABLE post_titles USING fts5(title, tokenize = 'ascii', detail = none, prefix = '1 2')",
    "CREATE TABLE unread_posts (number INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE, title TEXT, body TEXT)",
]
"""SQLite finds words by virtual tables of its own, whose rows are numbered as the posts are."""

_PUT_WORDS: Final = {
    "sqlite": [
        "INSERT INTO post_words (rowid, title, body) VALUES (:id, :title, :body)",
        "INSERT INTO post_titles (rowid, title) VALUES (:id, :title)",
    ],
    "postgresql": ["INSERT INTO post_words (id, title, body) VALUES (:id, :title, :body)"],
}
