"""The databases that faults befall: files, and PostgreSQL servers of this session's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.database import Database
from tests.durability.nodes import Host, running
from tests.durability.stored import Stored


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database file with two accounts in it, made without a server."""
    database = Database(tmp_path / "blog.db")
    database.add_users("alice", "bob")
    return database


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A PostgreSQL server for all tests that do it no harm."""
    with running() as host:
        yield host


@pytest.fixture(scope="session")
def mortal() -> Iterator[Host]:
    """A server for tests that stop, freeze or crash it, and leave it running."""
    with running("max_connections = 30") as host:
        yield host


@pytest.fixture
def postgresql(host: Host, tmp_path: Path) -> Stored:
    """A new, empty database there."""
    return Stored(host.new_database(), tmp_path)


@pytest.fixture
def sqlite(tmp_path: Path) -> Stored:
    """A database file that is not there yet."""
    return Stored(f"sqlite:///{tmp_path / 'blog.db'}", tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest) -> Stored:
    """Either, empty."""
    found: Stored = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def endangered(mortal: Host, tmp_path: Path) -> Stored:
    """A new, empty database on the server that is harmed."""
    return Stored(mortal.new_database(), tmp_path)
