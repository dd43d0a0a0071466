"""Readers may be answered by a replica, however far it is behind, and are answered without it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fault_tests.postgres import DATABASE, Node, make_database, query, url_of
from fault_tests.processes import public_folder, wait_until
from tests.durability.stored import Stored, ask
from tests.servers import Server

WRITTEN = {"title": "Written first", "body": "And then changed."}


@dataclass(frozen=True)
class Replicated:
    """A primary, and a standby that follows it and answers questions."""

    primary: Node
    replica: Node

    def catch_up(self) -> None:
        """Wait until the replica holds all that the primary does."""
        ((written,),) = query(self.primary.port, "SELECT pg_current_wal_lsn()")
        replayed = f"SELECT pg_last_wal_replay_lsn() >= '{written}'"
        wait_until(lambda: query(self.replica.port, replayed) == [(True,)], 60, "the replica to catch up")

    @contextmanager
    def behind(self) -> Iterator[None]:
        """Until the block is left, the replica takes nothing over of what it is sent."""
        query(self.replica.port, "SELECT pg_wal_replay_pause()")
        paused = "SELECT pg_get_wal_replay_pause_state()"
        wait_until(lambda: query(self.replica.port, paused) == [("paused",)], 60, "the replica to pause")
        try:
            yield
        finally:
            query(self.replica.port, "SELECT pg_wal_replay_resume()")


@pytest.fixture
def databases() -> Iterator[Replicated]:
    with public_folder("blog-postgresql-") as folder:
        databases = Replicated(Node("one", folder / "one"), Node("two", folder / "two"))
        try:
            databases.primary.initialise()
            databases.primary.start()
            make_database(databases.primary.port)
            databases.replica.copy_from(databases.primary)
            databases.replica.start()
            yield databases
        finally:
            databases.primary.kill()
            databases.replica.kill()


def titles(server: Server, token: str | None = None) -> list[str]:
    """Return the posts that a client gets: in the list, and each alone."""
    listed = ask(server, "GET", "/api/posts/", token).json()["results"]
    alone = [ask(server, "GET", f"/api/posts/{post['id']}/", token).json() for post in listed]
    assert alone == listed
    return [post["title"] for post in listed]


def test_a_lagging_replica_serves_anonymous_reads_and_users_read_their_own_writes(
    databases: Replicated, tmp_path: Path
) -> None:
    stored = Stored(url_of([databases.primary.port]), tmp_path).add_users("alice")
    token = stored.log_in("alice")
    replica = {"BLOG_REPLICA_URL": f"postgresql://blog@127.0.0.1:{databases.replica.port}/{DATABASE}"}

    with stored.serving(extra=replica) as server:
        path = ask(server, "POST", "/api/posts/", token, WRITTEN).headers["location"]
        databases.catch_up()
        assert titles(server) == ["Written first"]

        with databases.behind():
            for number in range(3):
                assert ask(server, "PATCH", path, token, {"title": f"Changed {number}"}).status_code == 200
                assert titles(server) == ["Written first"]
                assert titles(server, token) == [f"Changed {number}"]
            assert ask(server, "POST", "/api/logout/", token).status_code == 204
            assert ask(server, "GET", "/api/posts/", token).status_code == 401
            assert titles(server) == ["Written first"]

        databases.catch_up()
        assert titles(server) == ["Changed 2"]

        databases.replica.kill()
        for _ in range(5):
            assert titles(server) == ["Changed 2"]
        databases.replica.start()
        assert titles(server) == ["Changed 2"]
        assert server.stop() == 0
