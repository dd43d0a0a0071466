"""A database file with two accounts in it, made without a server."""

from pathlib import Path

import pytest
from tests.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(tmp_path / "blog.db")
    database.add_users("alice", "bob")
    return database
