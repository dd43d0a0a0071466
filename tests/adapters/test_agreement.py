"""All stores give the same results for the same commands."""

from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import delete

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.adapters.sql.schema.tables import metadata
from blog.bootstrap import create_blog
from blog.domain.blog import OpenBlog, OpenStores
from blog.testing.contracts import AgreementMachine

HASHER = Argon2PasswordHasher(memory=8, iterations=1)


class AllStores(AgreementMachine):
    databases: Sequence[SqlStore] = ()

    def blogs(self) -> Sequence[OpenBlog]:
        for database in self.databases:
            with database.engine.connect() as connection:
                for table in reversed(metadata.sorted_tables):
                    connection.execute(delete(table))
        stores: Sequence[OpenStores] = (MemoryStore(), *self.databases)
        return [create_blog(store, hasher=HASHER, now=self.clock, config=self.config) for store in stores]


def test_all_stores_agree_on_any_sequence_of_commands(
    sqlite: SqlStore, postgresql: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AllStores, "databases", (sqlite, postgresql))
    run_state_machine_as_test(AllStores, settings=settings(max_examples=25, stateful_step_count=20, deadline=None))
