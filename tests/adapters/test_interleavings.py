"""Two interleaved units of work do not mix, in any store."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.blog import OpenBlog
from blog.testing.contracts import InterleavingContract

INTERLEAVINGS = int(os.environ.get("INTERLEAVINGS", "150"))
HASHER = Argon2PasswordHasher(memory=8, iterations=1)


class TestInterleavingsInMemory(InterleavingContract):
    interleavings = INTERLEAVINGS

    @pytest.fixture
    def open_blog(self) -> OpenBlog:
        return create_blog(MemoryStore(), hasher=HASHER)


class TestInterleavingsInSqlite(InterleavingContract):
    interleavings = INTERLEAVINGS

    @pytest.fixture
    def open_blog(self, sqlite: SqlStore) -> OpenBlog:
        return create_blog(sqlite, hasher=HASHER)


class TestInterleavingsInPostgresql(InterleavingContract):
    interleavings = INTERLEAVINGS

    @pytest.fixture
    def open_blog(self, postgresql_url: str, postgresql: SqlStore) -> Iterator[OpenBlog]:
        postgresql.close()  # so that its next connections are new ones
        with deadlocks_seen_at_once(postgresql_url):
            yield create_blog(postgresql, hasher=HASHER)


@contextmanager
def deadlocks_seen_at_once(url: str) -> Iterator[None]:
    """Set a short deadlock_timeout: by default PostgreSQL detects a deadlock after a second. It takes a superuser."""
    role = conninfo_to_dict(url)["user"]
    try:
        connection = psycopg.connect(make_conninfo(url, user="postgres"), autocommit=True)
    except psycopg.OperationalError:  # a server that is not ours
        yield
        return
    with connection:
        connection.execute(f"ALTER ROLE {role} SET deadlock_timeout = '10ms'".encode())
        yield
        connection.execute(f"ALTER ROLE {role} RESET deadlock_timeout".encode())
