"""Real `blog` processes for tests: started, waited for, and stopped by their process id."""

import os
import re
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import httpx

BLOG: Final = (sys.executable, "-m", "blog")
TIMEOUT: Final = 60
"""Seconds after which a test gives up on a process. Far more than any needs: no test is about time."""

CHEAP: Final = {"BLOG_ARGON2_MEMORY": "8", "BLOG_ARGON2_ITERATIONS": "1"}
"""Settings by which passwords are hashed in no time."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a process: nothing of the tests' own, except for coverage."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"} or name.startswith("COV")}
    return kept | dict(extra or {})


def run_blog(
    *arguments: str, cwd: Path, sent: bytes = b"", said: BinaryIO | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. `sent` is its standard input, not a terminal. Its output may go to a file."""
    done = subprocess.run(
        [*BLOG, *arguments],
        cwd=cwd,
        env=environment(CHEAP),
        input=sent,
        stdout=said or subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=TIMEOUT,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, (done.stdout or b"").decode(), done.stderr.decode())


@dataclass
class Server:
    """A server process, ready or starting."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""
    greeting: str = ""

    def wait_ready(self) -> "Server":
        """Read the URL from the first line, and wait until the server is ready."""
        self.greeting = self._first_lines()
        self.url = _url_in(self.greeting)
        with self.client() as client:
            assert client.get("/readyz").status_code == 200, self.errors()
        return self

    def client(self, token: str | None = None) -> httpx.Client:
        """Return an HTTP client with this token."""
        headers = {} if token is None else {"Authorization": f"Token {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT, trust_env=False)

    def log_in(self, username: str, password: str) -> str:
        """A new token."""
        with self.client() as client:
            answer = client.post("/api/login/", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["token"]
        return token

    def kill(self) -> None:
        """Kill the process, like a power failure."""
        self.process.kill()
        self.process.wait(TIMEOUT)

    def stop(self, number: signal.Signals = signal.SIGTERM, patience: float = TIMEOUT) -> int:
        """Stop the process by a signal. Return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(patience)

    def errors(self) -> str:
        """Return the standard error so far."""
        return self.log.read_text()

    def _first_lines(self) -> str:
        """Standard output, as far as it is written at once: up to the end of what greets the reader."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            assert selector.select(TIMEOUT), "it says nothing"
        text = os.read(self.process.stdout.fileno(), 65_536).decode()
        assert text, f"it ended at once: {self.errors()}"
        return text


@contextmanager
def started(
    *arguments: str, cwd: Path, extra: Mapping[str, str] | None = None, before: Sequence[str] = ()
) -> Iterator[Server]:
    """Start a process, maybe by the command `before` it. Kill it when the block is left."""
    log = cwd / f"server-{len(list(cwd.glob('server-*.log')))}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*before, *BLOG, *arguments],
            cwd=cwd,
            env=environment(CHEAP | dict(extra or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    with process:
        try:
            yield Server(process, log)
        finally:
            process.kill()


@contextmanager
def serving(
    database: Path, *options: str, extra: Mapping[str, str] | None = None, before: Sequence[str] = ()
) -> Iterator[Server]:
    """Serve this database file on a free port."""
    arguments = ("serve", "--database", f"sqlite:///{database}", "--port", "0", *options)
    with started(*arguments, cwd=database.parent, extra=extra, before=before) as server:
        yield server.wait_ready()


def _url_in(greeting: str) -> str:
    found = re.search(r"http://[^\s,]+", greeting)
    assert found, greeting
    return found[0]
