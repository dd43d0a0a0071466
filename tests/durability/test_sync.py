"""Acknowledged writes are synced to the disk."""

import sys
from pathlib import Path

import httpx
import pytest
from tests.database import PASSWORD, Database
from tests.durability import syscalls
from tests.servers import serving

from blog.adapters.sql.engine.unit_of_work import SqlUnitOfWork
from blog.adapters.sql.store import SqlStore

_WRITES = [
    *[("POST", "/api/posts/", {"title": "On the disk", "body": "Not in a cache."})] * 5,
    *[("PATCH", "/api/posts/1/", {"title": f"Version {number}"}) for number in range(5)],
    ("PUT", "/api/posts/1/", {"title": "All", "body": "Anew."}),
    ("DELETE", "/api/posts/1/", None),
    ("POST", "/api/login/", {"username": "bob", "password": PASSWORD}),
    ("POST", "/api/logout/", None),
]


def test_every_write_is_synced_before_it_is_acknowledged(database: Database, tmp_path: Path) -> None:
    counted = tmp_path / "syncs"
    tracer = (sys.executable, syscalls.__file__, str(counted))
    with serving(database.file, before=tracer) as server, server.client(server.log_in("alice", PASSWORD)) as client:
        syncs = [_syncs_during(client, counted, *write) for write in _WRITES]

    assert all(syncs), syncs


def test_reads_do_not_sync(database: Database, tmp_path: Path) -> None:
    counted = tmp_path / "syncs"
    tracer = (sys.executable, syscalls.__file__, str(counted))
    with (
        serving(database.file, before=tracer) as server,
        server.client(database.noted(database.log_in("alice"))) as client,
    ):
        syncs = [_syncs_during(client, counted, "GET", path, None) for path in ("/api/posts/", "/api/users/me/")]

    assert syncs == [0, 0]


def _syncs_during(client: httpx.Client, counted: Path, method: str, path: str, said: object) -> int:
    """Count the syncs between a request and its response."""
    before = counted.stat().st_size
    answer = client.request(method, path, json=said)
    synced = counted.stat().st_size - before
    assert answer.is_success, answer.text
    return synced


@pytest.mark.parametrize("kind", ["reading", "writing"])
def test_every_connection_has_a_synced_wal(database: Database, kind: str) -> None:
    store = SqlStore(f"sqlite:///{database.file}", connections=3)
    try:
        store.migrate()
        units = [SqlUnitOfWork(store._pool) for _ in range(3 if kind == "reading" else 1)]
        for unit in units:
            if kind == "writing":
                unit.begin()
            pragmas = [
                unit._run(f"PRAGMA {name}", long_text_columns=())
                for name in ("synchronous", "journal_mode", "foreign_keys")
            ]
            assert pragmas == [[(2,)], [("wal",)], [(1,)]]
        for unit in units:
            unit.__exit__(None, None, None)
    finally:
        store.close()
