"""The blog, as a process of its own."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from .ledger import Row
from .processes import environment, wait_until

PASSWORD: Final = "quite a long pass phrase"
_BLOG: Final = (sys.executable, "-m", "blog")
_CHEAP: Final = {"BLOG_ARGON2_MEMORY": "8", "BLOG_ARGON2_ITERATIONS": "1", "BLOG_THROTTLE_SCALE": "100000"}
"""Passwords hashed in no time: the processors are for the databases. Log-ins that meet a fault count as failed ones."""


@dataclass(frozen=True)
class Server:
    """The URL of the blog."""

    url: str
    log: Path

    def client(self) -> httpx.Client:
        """A client of its own connections."""
        return httpx.Client(base_url=self.url, trust_env=False, timeout=30)

    def wait_ready(self, seconds: float = 60) -> None:
        """Wait until it says that it can work."""
        with self.client() as client:
            wait_until(lambda: client.get("/readyz").is_success, seconds, "the blog to be ready")

    def posts(self) -> dict[int, Row]:
        """Every post, read page by page."""
        found: dict[int, Row] = {}
        path: str | None = "/api/posts/?limit=100"
        with self.client() as client:
            while path is not None:
                page = client.get(path).raise_for_status().json()
                found |= {post["id"]: Row(post["title"], post["body"], post["version"]) for post in page["results"]}
                path = page["next"]
        return found


def add_users(database: str, names: Sequence[str], folder: Path) -> None:
    """Open accounts by the command line. Its first command makes the tables too."""
    for name in names:
        subprocess.run(
            [*_BLOG, "users", "add", name, "--password-stdin", "--database", database],
            cwd=folder,
            env=environment(**_CHEAP),
            input=PASSWORD.encode(),
            stdout=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )


@contextmanager
def serving(database: str, folder: Path) -> Iterator[Server]:
    """The blog on this database, ready, until the block is left."""
    log = folder / "blog.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [*_BLOG, "serve", "--database", database, "--port", "0"],
            cwd=folder,
            env=environment(**_CHEAP),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        greeting = process.stdout.readline().decode() if process.stdout else ""
        found = re.search(r"http://[^\s,]+", greeting)
        if found is None:
            raise RuntimeError(f"the blog does not start: {log.read_text()}")
        server = Server(found[0], log)
        server.wait_ready()
        yield server
    finally:
        process.terminate()
        process.communicate(timeout=30)
