"""A blog on a Unix socket behind a proxy on the same machine."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.servers import CHEAP, TIMEOUT, environment, run_blog

OWNER, ATTACKER = "198.51.100.9", "203.0.113.5"
PASSWORD, WRONG = "correct horse battery staple", "incorrect horse battery staple"
UVICORN = ("-m", "uvicorn", "--factory", "blog.entrypoints.http.asgi:app", "--no-proxy-headers", "--uds")
SERVE = ("-m", "blog", "serve", "--uds")


@dataclass
class Proxy:
    """A proxy on this machine that forwards the client's address."""

    client: httpx.Client
    log: Path

    def logs_in(self, address: str, password: str) -> int:
        said = {"username": "alice", "password": password}
        return self.client.post("/api/login/", json=said, headers={"X-Forwarded-For": address}).status_code


@contextmanager
def served(folder: Path, *command: str, **settings: str) -> Iterator[Proxy]:
    """A blog in which alice has an account, on a socket in this folder."""
    database = f"sqlite:///{folder}/blog.db"
    added = run_blog(
        "users", "add", "alice", "--password-stdin", "--database", database, cwd=folder, sent=PASSWORD.encode()
    )
    assert added.returncode == 0, added.stderr
    path, log = folder / "s", folder / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, *command, str(path)],
            cwd=folder,
            env=environment({**CHEAP, "BLOG_DATABASE_URL": database, **settings}),
            stderr=errors,
            stdout=errors,
        )
    with process:
        try:
            end = time.monotonic() + TIMEOUT
            while not path.exists() and process.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
            transport = httpx.HTTPTransport(uds=str(path), retries=5)
            with httpx.Client(transport=transport, base_url="http://blog.test", timeout=TIMEOUT) as client:
                yield Proxy(client, log)
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("command", "trusted"), [(SERVE, ""), (SERVE, "10.0.0.1"), (UVICORN, "unix"), (UVICORN, "127.0.0.0/8")]
)
def test_the_proxy_is_trusted_and_guesses_do_not_lock_the_owner_out(
    tmp_path: Path, command: tuple[str, ...], trusted: str
) -> None:
    with served(tmp_path, *command, BLOG_TRUSTED_PROXIES=trusted) as proxy:
        assert proxy.logs_in(OWNER, PASSWORD) == 200
        assert [proxy.logs_in(ATTACKER, WRONG) for _ in range(10)] == [401] * 8 + [429] * 2
        assert proxy.logs_in(OWNER, PASSWORD) == 200
        links = proxy.client.get("/schema/openapi.json", headers={"X-Forwarded-Prefix": "/blog"}).json()["servers"]
        assert links == [{"url": "/blog"}]
        assert "BLOG_TRUSTED_PROXIES" not in proxy.log.read_text()


def test_another_asgi_server_trusts_the_proxy_only_if_configured_and_logs_the_setting_once(
    tmp_path: Path,
) -> None:
    with served(tmp_path, *UVICORN) as proxy:
        assert [proxy.logs_in(f"203.0.113.{number}", WRONG) for number in range(9)] == [401] * 8 + [429]
        logged = proxy.log.read_text()
        assert logged.count("BLOG_TRUSTED_PROXIES") == 1
        assert "a Unix socket" in logged
