"""A database of either kind, served by real processes and looked into from the tests' own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from tests.database import PASSWORD
from tests.servers import Server, started

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.login import log_in
from blog.domain.blog import OpenBlog

WITHIN: Final = 60
"""Seconds after which the clients here give up on an answer. A server answers far earlier; a busy machine may not."""

POST: Final = {"title": "Whatever happens", "body": "It is kept."}


@dataclass(frozen=True)
class Stored:
    """A database, and the folder in which its servers run."""

    url: str
    folder: Path

    @property
    def name(self) -> str:
        """Its name in PostgreSQL."""
        return self.url.rpartition("/")[2]

    @contextmanager
    def opened(self) -> Iterator[OpenBlog]:
        """The blog in it, which hashes passwords in no time."""
        store = SqlStore(self.url)
        try:
            store.migrate()
            yield create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1))
        finally:
            store.close()

    def add_users(self, *names: str) -> "Stored":
        """Open accounts of these names, with the password of all tests."""
        with self.opened() as open_blog, open_blog() as blog:
            for name in names:
                blog.users.add(Operator(), name, PASSWORD)
        return self

    def log_in(self, username: str) -> str:
        """A new token."""
        with self.opened() as open_blog:
            return log_in(open_blog, username, PASSWORD)[1].secret

    @contextmanager
    def starting(self, before: Sequence[str] = (), extra: Mapping[str, str] | None = None) -> Iterator[Server]:
        """A process that is about to serve it, on a port of its own choice."""
        arguments = ("serve", "--database", self.url, "--port", "0")
        with started(*arguments, cwd=self.folder, before=before, extra=extra) as server:
            yield server

    @contextmanager
    def serving(self, before: Sequence[str] = (), extra: Mapping[str, str] | None = None) -> Iterator[Server]:
        """A process that serves it, ready."""
        with self.starting(before, extra) as server:
            yield server.wait_ready()


def ask(server: Server, method: str, path: str, token: str | None = None, said: object = None) -> httpx.Response:
    """The answer to one request on a connection of its own, which must come in time."""
    with server.client(token) as client:
        return client.request(method, path, json=said, timeout=WITHIN)


def assert_works(server: Server, token: str) -> None:
    """Reading, writing and logging in all succeed."""
    assert ask(server, "GET", "/readyz").status_code == 200
    assert ask(server, "GET", "/api/posts/").status_code == 200
    assert ask(server, "POST", "/api/posts/", token, POST).status_code == 201
    credentials = {"username": "alice", "password": PASSWORD}
    assert ask(server, "POST", "/api/login/", said=credentials).status_code == 200


def assert_sent_away(answer: httpx.Response) -> None:
    """Told to come back later, in the form of all errors."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 503
