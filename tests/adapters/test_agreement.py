"""Whatever anybody does in whatever order, the database agrees with the dictionary."""

import tempfile
from collections.abc import Sequence

from hypothesis import settings

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.contracts import AgreementMachine
from blog.domain.blog import OpenBlog
from blog.wiring import blog_on

HASHER = Argon2PasswordHasher(memory=8, iterations=1)


class MemoryAndSqlite(AgreementMachine):
    def blogs(self) -> Sequence[OpenBlog]:
        self.directory = tempfile.TemporaryDirectory()
        self.database = SqlStore(f"sqlite:///{self.directory.name}/blog.db")
        self.database.create_tables()
        stores = (MemoryStore(), self.database)
        return [blog_on(store, hasher=HASHER, now=self.clock, token_lifetime=self.lifetime) for store in stores]

    def teardown(self) -> None:
        self.database.close()
        self.directory.cleanup()


TestMemoryAndSqliteAgree = MemoryAndSqlite.TestCase
TestMemoryAndSqliteAgree.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
