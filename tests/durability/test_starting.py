"""The blog starts when many processes start concurrently, and after some were killed while starting."""

import random
import time
from contextlib import ExitStack
from pathlib import Path

from tests.database import PASSWORD, Database
from tests.servers import Server, serving, started


def _starting(file: Path, stack: ExitStack) -> Server:
    arguments = ("serve", "--database", f"sqlite:///{file}", "--port", "0")
    return stack.enter_context(started(*arguments, cwd=file.parent))


def _assert_works(server: Server, username: str) -> None:
    with server.client(server.log_in(username, PASSWORD)) as client:
        assert client.post("/api/posts/", json={"title": "Here", "body": "It works."}).status_code == 201


def test_three_processes_can_start_concurrently_without_a_database(tmp_path: Path) -> None:
    database = Database(tmp_path / "blog.db")
    with ExitStack() as stack:
        servers = [_starting(database.file, stack) for _ in range(3)]
        for server in servers:
            server.wait_ready()
        database.add_users("alice")
        for server in servers:
            _assert_works(server, "alice")
    database.assert_sound()


def test_three_concurrent_processes_create_the_tables_of_an_empty_database_once(tmp_path: Path) -> None:
    database = Database(tmp_path / "blog.db")
    with ExitStack() as stack, database.connected() as foreign:
        foreign.execute("PRAGMA journal_mode=WAL")
        foreign.execute("BEGIN IMMEDIATE")  # each of them has looked at it, and none has made anything yet
        servers = [_starting(database.file, stack) for _ in range(3)]
        time.sleep(2.5)
        foreign.execute("ROLLBACK")
        for server in servers:
            server.wait_ready()
    database.assert_sound()


def test_starting_again_changes_nothing(database: Database) -> None:
    with database.connected() as connection:
        before = list(connection.iterdump())
    for _ in range(2):
        with serving(database.file) as server:
            assert server.stop() == 0
    with database.connected() as connection:
        assert list(connection.iterdump()) == before


def test_a_process_killed_during_its_first_start_does_not_break_the_next_start(tmp_path: Path) -> None:
    database = Database(tmp_path / "blog.db")
    moments = random.Random(3)
    for _ in range(6):
        with ExitStack() as stack:
            server = _starting(database.file, stack)
            time.sleep(moments.uniform(0.2, 0.6))
            server.kill()

    with serving(database.file) as server:
        database.add_users("alice")
        _assert_works(server, "alice")
    database.assert_sound()
