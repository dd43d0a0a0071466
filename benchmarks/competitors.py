"""The competitors: how each is prepared, started, and sent requests."""

import os
import sqlite3
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
import psycopg
from fault_tests.processes import unreserved_port

from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator

from .contents import NAMES, PASSWORD, Draft, answer
from .processes import run

HERE: Final = Path(__file__).parent
STORES: Final = ("sqlite", "sqlite-normal", "postgresql", "none")
"""SQLite that writes to the disk before it acknowledges (`synchronous=FULL`), and SQLite that may lose what it has
acknowledged in a power cut (`NORMAL`); PostgreSQL with its defaults, which writes before it acknowledges.
"""

_LOADS: Final = {
    "sqlite": ("get", "list", "update", "create", "p99"),
    "sqlite-normal": ("update", "create"),  # durability is no matter to who reads
    "postgresql": ("get", "list", "update", "create"),
    "none": ("get",),
}


@dataclass
class Competitor(ABC):
    """One of them on one kind of database, in a folder of its own."""

    store: str
    folder: Path
    postgresql: str = ""
    """Its PostgreSQL database, if it has one: `127.0.0.1:PORT/NAME`."""
    port: int = field(default_factory=unreserved_port)
    process: int = 0
    tokens: dict[str, str] = field(default_factory=dict)
    ids: list[Any] = field(default_factory=list)
    """The ids of what it was filled with, by number from 1."""
    authors: list[str] = field(default_factory=list)

    name: ClassVar[str]
    stores: ClassVar[tuple[str, ...]]
    posts: ClassVar[str] = "/api/posts/"
    newest: ClassVar[str] = "/api/posts/"
    listed: ClassVar[str] = "results"
    first: ClassVar[str] = "/api/posts/"
    """The path of the first request after a start, whose response needs the database."""
    table: ClassVar[str] = "posts"
    scheme: ClassVar[str] = "Token "

    @property
    def workloads(self) -> Sequence[str]:
        """The workloads."""
        return _LOADS[self.store]

    @property
    def label(self) -> str:
        return f"{self.name} ({self.store})"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def file(self) -> Path:
        """The database, if it is a file."""
        return self.folder / "posts.db"

    @abstractmethod
    def prepare(self) -> None:
        """Make the tables and the users."""

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """Return the command that starts the server: one process with one worker."""

    def variables(self) -> Mapping[str, str]:
        """Return the environment of the server."""
        return {}

    def path(self, post_id: Any) -> str:
        """Return the path of a post."""
        return f"{self.posts}{post_id}/"

    def set_up(self, client: httpx.Client) -> None:
        """Do what needs a running server, then log all users in."""
        for name in NAMES:
            sent = {"username": name, "password": PASSWORD}
            self.tokens[name] = client.post("/api/login/", json=sent).raise_for_status().json()["token"]

    def shown(self, name: str) -> str:
        """How somebody shows who they are: the value of Authorization."""
        return f"{self.scheme}{self.tokens[name]}"

    def body(self, post: Draft) -> dict[str, Any]:
        """Return the body of a request that creates a post."""
        return {"title": post.title, "body": post.body}

    def is_by(self, post: dict[str, Any], name: str) -> bool:
        """Whether an answer says that somebody is the author."""
        return bool(post["author"] == name)

    def rows(self, title: str) -> list[str]:
        """The bodies of the posts of this title, as the database has them for whoever looks in beside the server."""
        statement = f"SELECT body FROM {self.table} WHERE title = "  # noqa: S608 - names of ours
        if self.store == "postgresql":
            with psycopg.connect(f"postgresql://blog@{self.postgresql}") as other:
                return [row[0] for row in other.execute((statement + "%s").encode(), (title,))]
        with closing(sqlite3.connect(self.file)) as connection:
            return [row[0] for row in connection.execute(statement + "?", (title,))]


class Blog(Competitor):
    """The blog, by its own command and with its own settings."""

    name = "ours"
    stores: ClassVar[tuple[str, ...]] = ("sqlite", "sqlite-normal", "postgresql")

    @property
    def database(self) -> str:
        return f"postgresql://blog@{self.postgresql}" if self.store == "postgresql" else f"sqlite:///{self.file}"

    def prepare(self) -> None:
        store = SqlStore(self.database)
        try:
            store.migrate()
            with create_blog(store)() as blog:
                for name in NAMES:
                    blog.users.add(Operator(), name, PASSWORD)
        finally:
            store.close()

    @property
    def module(self) -> str:
        """The command."""
        return "benchmarks.sync_normal" if self.store == "sqlite-normal" else "blog"

    def command(self) -> Sequence[str | Path]:
        return [sys.executable, "-m", self.module, "serve", "--database", self.database, "--port", str(self.port)]

    def variables(self) -> Mapping[str, str]:
        """The folder of the modules."""
        return {"PYTHONPATH": ":".join(filter(None, [os.environ.get("PYTHONPATH"), str(HERE.parent)]))}


class BlogWithoutCache(Blog):
    """The blog that makes every answer anew: as whoever shows a token is answered, and everybody while posts change."""

    name = "ours-no-cache"
    stores = ("sqlite",)
    workloads = ("get", "list", "p99")
    module = "benchmarks.no_cache"


@dataclass
class Bare(Competitor):
    """A handler that returns constant bytes, on the server that the blog has."""

    name = "bare"
    stores = ("none",)
    first = "/api/posts/1/"

    def prepare(self) -> None:
        (self.folder / "answer").write_bytes(answer())

    def command(self) -> Sequence[str | Path]:
        return [sys.executable, HERE / "peers/litestar/app.py", str(self.port), self.folder / "answer"]

    def set_up(self, client: httpx.Client) -> None:
        """Nobody logs in here."""


class Django(Competitor):
    """Django REST framework as its tutorial has it, on gunicorn."""

    name = "django"
    stores = ("sqlite", "sqlite-normal", "postgresql")
    table = "posts_post"

    def _python(self, *arguments: str | Path) -> list[str | Path]:
        return [HERE / ".venvs/django/bin/python", *arguments]

    def prepare(self) -> None:
        run(self._python(HERE / "peers/django/prepare.py", PASSWORD, *NAMES), self.folder, self.variables())

    def command(self) -> Sequence[str | Path]:
        options: list[str | Path] = [
            "--chdir",
            HERE / "peers/django",
            "--bind",
            f"127.0.0.1:{self.port}",
            "--workers",
            "1",
        ]
        return self._python("-m", "gunicorn", *options, "--worker-class", "gthread", "--threads", "4", "wsgi")

    def variables(self) -> Mapping[str, str]:
        url = f"postgresql://blog@{self.postgresql}" if self.store == "postgresql" else f"sqlite:///{self.file}"
        return {"DATABASE_URL": url, "SYNCHRONOUS": _synchronous(self.store)}


class FastApi(Competitor):
    """FastAPI with SQLAlchemy's asynchronous ORM, on uvicorn with uvloop and httptools."""

    name = "fastapi"
    stores = ("sqlite", "sqlite-normal", "postgresql")
    listed = ""

    def _python(self, *arguments: str | Path) -> list[str | Path]:
        return [HERE / ".venvs/fastapi/bin/python", *arguments]

    def prepare(self) -> None:
        run(self._python(HERE / "peers/fastapi/prepare.py", PASSWORD, *NAMES), self.folder, self.variables())

    def command(self) -> Sequence[str | Path]:
        options: list[str | Path] = ["--app-dir", HERE / "peers/fastapi", "--port", str(self.port), "--no-access-log"]
        return self._python("-m", "uvicorn", *options, "--loop", "uvloop", "--http", "httptools", "app:app")

    def variables(self) -> Mapping[str, str]:
        sqlite = f"sqlite+aiosqlite:///{self.file}"
        url = f"postgresql+asyncpg://blog@{self.postgresql}" if self.store == "postgresql" else sqlite
        return {"DATABASE_URL": url, "SYNCHRONOUS": _synchronous(self.store)}


def _synchronous(store: str) -> str:
    return "NORMAL" if store == "sqlite-normal" else "FULL"
