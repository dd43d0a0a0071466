"""A database file that tests read from their own process, beside the server's."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.markdown import MarkdownItMarkdownRenderer
from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.login import log_in
from blog.domain.accounts.user import User
from blog.domain.blog import OpenBlog

PASSWORD: Final = "quite a long pass phrase"

FIRST_PARAGRAPH: Final = MarkdownItMarkdownRenderer().first_paragraph
"""For the migration of posts of an older version."""


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "blog.db"
        with closing(SqlStore(f"sqlite:///{file}")) as store:
            store.migrate()
        return file.read_bytes()


def empty_store(file: Path) -> SqlStore:
    """A store on a new file, whose tables are copied: making them takes far longer, and is tested by itself."""
    file.write_bytes(_empty())
    return SqlStore(f"sqlite:///{file}", first_paragraph=FIRST_PARAGRAPH)


@dataclass(frozen=True)
class Database:
    """A blog's database file."""

    file: Path

    @contextmanager
    def opened(self) -> Iterator[OpenBlog]:
        """Open the blog with a cheap hasher."""
        with closing(SqlStore(f"sqlite:///{self.file}") if self.file.exists() else empty_store(self.file)) as store:
            yield create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1))

    def add_users(self, *names: str) -> None:
        """Add users with these names and the password of all tests."""
        with self.opened() as open_blog, open_blog() as blog:
            for name in names:
                blog.users.add(Operator(), name, PASSWORD)

    def users(self) -> list[User]:
        """All accounts."""
        with self.opened() as open_blog, open_blog() as blog:
            return list(blog.users.page(Operator()))

    def log_in(self, username: str, password: str = PASSWORD) -> str:
        """A new token."""
        with self.opened() as open_blog:
            return log_in(open_blog, username, password)[1].secret

    def noted(self, token: str) -> str:
        """Return the token after its use was recorded: for the next minute, no server records it again."""
        with self.opened() as open_blog, open_blog() as blog:
            blog.tokens.touch(blog.tokens.authenticate(token))
        return token

    def whose(self, token: str) -> str:
        """Return the username of a token."""
        with self.opened() as open_blog, open_blog() as blog:
            return blog.tokens.authenticate(token).name

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """A connection outside of the blog, in autocommit mode."""
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            yield connection

    def assert_sound(self) -> None:
        """Check integrity and foreign keys."""
        with self.connected() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
