"""Several processes serve as one, and come and go with the one that started them."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.database import PASSWORD, Database
from tests.servers import TIMEOUT, Server, run_blog, serving, started

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")

WORKERS = ("--workers", "2")


def children(process: int) -> list[int]:
    """The processes that a process has started, and that still run."""
    try:
        numbers = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [int(number) for number in numbers if runs(int(number))]


def workers(server: Server) -> list[int]:
    """The processes that serve."""
    return [number for number in children(server.process.pid) if "spawn_main" in said_of(number, "cmdline")]


def runs(process: int) -> bool:
    """Whether there is such a process, and more than its status is left of it."""
    return said_of(process, "stat").rpartition(")")[2].split()[:1] not in ([], ["Z"])


def said_of(process: int, file: str) -> str:
    try:
        return Path(f"/proc/{process}/{file}").read_text()
    except OSError:
        return ""


def wait_until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


@contextmanager
def only(worker: int, server: Server) -> Iterator[None]:
    """Let one worker alone answer: the others are frozen. The one that started them must not notice."""
    others = [number for number in (server.process.pid, *workers(server)) if number != worker]
    try:
        for other in others:
            os.kill(other, signal.SIGSTOP)
        yield
    finally:
        for other in reversed(others):
            os.kill(other, signal.SIGCONT)


@pytest.fixture
def server(database: Database) -> Iterator[Server]:
    """Two workers, both of which serve."""
    with serving(database.file, *WORKERS) as server:
        try:
            wait_until(lambda: len(workers(server)) == 2, "two workers")
            for worker in workers(server):
                with only(worker, server), server.client() as client:
                    assert client.get("/readyz").status_code == 200
            yield server
        finally:
            if server.process.poll() is None:
                server.stop()


def status(server: Server, token: str) -> int:
    with server.client(token) as client:
        return client.get("/api/users/me/").status_code


def test_the_configured_number_of_workers_serves(database: Database, server: Server) -> None:
    serving_processes = workers(server)
    assert len(serving_processes) == 2
    token = database.noted(server.log_in("alice", PASSWORD))  # nobody is frozen while noting it, with the lock in hand
    for worker in serving_processes:
        with only(worker, server), server.client(token) as client:
            answer = client.post("/api/posts/", json={"title": f"By {worker}", "body": "Alone."})
            assert answer.status_code == 201
    with server.client() as client:
        titles = [post["title"] for post in client.get("/api/posts/").json()["results"]]
    assert titles == [f"By {worker}" for worker in reversed(serving_processes)]


def test_a_token_revoked_in_one_worker_is_invalid_in_all(database: Database, server: Server) -> None:
    one, other = workers(server)
    token = database.noted(server.log_in("alice", PASSWORD))
    with only(other, server):
        assert status(server, token) == 200
    with only(one, server), server.client(token) as client:
        assert client.post("/api/logout/").status_code == 204
    with only(other, server):
        assert status(server, token) == 401


def test_a_killed_worker_is_replaced(server: Server) -> None:
    killed, other = workers(server)
    os.kill(killed, signal.SIGKILL)
    found: set[int] = set()

    def is_replaced() -> bool:
        found.clear()
        found.update(workers(server))
        return len(found) == 2 and killed not in found

    wait_until(is_replaced, "another worker")
    (new,) = found - {other}
    token = server.log_in("alice", PASSWORD)
    with only(new, server):
        assert status(server, token) == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_with_workers_stops_on_a_signal_and_leaves_no_process(server: Server, number: signal.Signals) -> None:
    family = children(server.process.pid)
    assert server.stop(number) == 0
    wait_until(lambda: not any(map(runs, family)), f"the end of {family}")
    assert server.errors() == ""


def test_workers_do_not_outlive_the_process_that_started_them(database: Database, server: Server) -> None:
    family, port = children(server.process.pid), server.url.rpartition(":")[2]
    try:
        server.kill()
        wait_until(lambda: not any(map(runs, family)), f"the end of {family}")
    finally:
        for number in filter(runs, family):
            os.kill(number, signal.SIGKILL)
    with serving(database.file, "--port", port) as heir, heir.client() as client:
        assert client.get("/readyz").status_code == 200


def test_options_and_files_of_settings_reach_the_workers(database: Database, tmp_path: Path) -> None:
    (tmp_path / "origins").write_text("https://app.example.org,https://example.net\n")
    extra = {
        "BLOG_CORS_ORIGINS_FILE": str(tmp_path / "origins"),
        "BLOG_DATABASE_URL": "sqlite:////nowhere/at/all.db",
        "BLOG_THREADS": "3",
    }
    with serving(database.file, *WORKERS, extra=extra) as server:
        for worker in workers(server):
            with only(worker, server), server.client() as client:
                assert allowed_origins(server) == ["https://example.net", None]
                assert client.get("/api/posts/").status_code == 200, "it has the database that the option names"
            assert "BLOG_" not in said_of(worker, "environ")
        server.stop()


def allowed_origins(server: Server) -> list[str | None]:
    with server.client() as client:
        answers = [
            client.get("/livez", headers={"Origin": origin}) for origin in ("https://example.net", "https://evil.test")
        ]
    return [answer.headers.get("access-control-allow-origin") for answer in answers]


def test_an_in_memory_database_with_several_workers_is_refused(tmp_path: Path) -> None:
    refused = run_blog("serve", "--memory", *WORKERS, "--port", "0", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "blog: --workers: several processes cannot share a database in memory\n"


def test_secrets_from_files_are_in_no_environment_or_command_line_of_a_worker(tmp_path: Path) -> None:
    """Others can read both for as long as a process runs."""
    (tmp_path / "url").write_text("sqlite:///hunter2.db")
    extra = {"BLOG_DATABASE_URL_FILE": str(tmp_path / "url"), "BLOG_SITE_NAME": "TokenUsageRecorder"}
    with started("serve", "--port", "0", *WORKERS, cwd=tmp_path, extra=extra) as server:
        server.wait_ready()
        wait_until(lambda: len(workers(server)) == 2, "two workers")
        shown = [said_of(number, file) for number in workers(server) for file in ("environ", "cmdline")]
        shown_by_all = [said_of(number, "environ") for number in children(server.process.pid)]
        with server.client() as client:
            assert client.get("/api/posts/").status_code == 200
        server.stop()

    assert (tmp_path / "hunter2.db").exists()
    assert len(shown) == 4
    assert all(shown)
    assert [text for text in (*shown, *shown_by_all) if "hunter2" in text or "BLOG_" in text] == []
