"""A backup made beside writers is what there was at one moment, and can be gone back to beside them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, TypeAlias

import httpx
from fault_tests.processes import wait_until
from tests.durability.stored import Stored, ask, assert_works
from tests.durability.writers import all_posts, body_of
from tests.servers import Server, run_blog, serving

Posts: TypeAlias = dict[int, dict[str, Any]]


@dataclass
class Diarist:
    """Creates, changes and deletes posts in turn, and remembers what there was of them after each answer."""

    name: str
    states: list[Posts] = field(default_factory=lambda: [{}])

    def write(self, client: httpx.Client, until: Event) -> None:
        """Go on until told to stop. Every write must succeed."""
        with client:
            while not until.is_set():
                self._write_once(client)

    def _write_once(self, client: httpx.Client) -> None:
        now = dict(self.states[-1])
        title = f"{self.name} {len(self.states)}"
        content = {"title": title, "body": body_of(title)}
        if len(self.states) % 3 or len(now) < 2:
            answer = client.post("/api/posts/", json=content)
        elif len(self.states) % 2:
            answer = client.patch(f"/api/posts/{min(now)}/", json=content)
        else:
            answer = client.delete(f"/api/posts/{min(now)}/")
            now.pop(min(now))
        assert answer.is_success, answer.text
        if answer.content:
            now[answer.json()["id"]] = answer.json()
        self.states.append(now)


@contextmanager
def _writing(diarists: Sequence[Diarist], server: Server, token: str) -> Iterator[None]:
    until = Event()
    with ThreadPoolExecutor(len(diarists)) as pool:
        work = [pool.submit(diarist.write, server.client(token), until) for diarist in diarists]
        try:
            yield
        finally:
            until.set()
    for done in work:
        done.result()


def test_a_backup_during_writes_is_a_snapshot_and_is_restored_beside_a_server(stored: Stored) -> None:
    token = stored.add_users("alice").log_in("alice")
    diarists = [Diarist(f"diarist {number}") for number in range(3)]
    with stored.serving() as server:
        with _writing(diarists, server, token):
            _wait_for(diarists, 10)
            earliest = [len(diarist.states) - 1 for diarist in diarists]
            _run("backup", "saved.db", stored)
            latest = [len(diarist.states) for diarist in diarists]
            _wait_for(diarists, 5)
        later = stored.log_in("alice")
        _run("restore", "saved.db", stored, "--replace")

        with server.client() as client:
            found = all_posts(client)
        for diarist, first, last in zip(diarists, earliest, latest, strict=True):
            assert _of(diarist, found) in diarist.states[first : last + 1]
        assert len(found) == sum(len(_of(diarist, found)) for diarist in diarists)
        assert ask(server, "GET", "/api/users/me/", later).status_code == 401
        assert_works(server, token)


def test_a_backup_of_postgresql_can_be_served_directly(postgresql: Stored, tmp_path: Path) -> None:
    token = postgresql.add_users("alice").log_in("alice")
    with postgresql.serving() as server, server.client() as client:
        assert_works(server, token)
        _run("backup", "saved.db", postgresql)
        kept = all_posts(client)
    with serving(tmp_path / "saved.db") as server, server.client() as client:
        assert all_posts(client) == kept
        assert_works(server, token)


def _wait_for(diarists: Sequence[Diarist], writes: int) -> None:
    enough = [len(diarist.states) + writes for diarist in diarists]
    wait_until(
        lambda: all(len(diarist.states) >= number for diarist, number in zip(diarists, enough, strict=True)),
        60,
        "writes",
        interval=0.01,
    )


def _run(command: str, file: str, stored: Stored, *options: str) -> None:
    done = run_blog(command, file, "--database", stored.url, *options, cwd=stored.folder)
    assert (done.returncode, done.stderr) == (0, "")


def _of(diarist: Diarist, posts: Posts) -> Posts:
    return {number: post for number, post in posts.items() if post["title"].startswith(f"{diarist.name} ")}
