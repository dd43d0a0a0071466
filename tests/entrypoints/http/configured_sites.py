"""Blogs with their own configuration, and an in-process client with any address."""

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
from httpx import ASGITransport, AsyncClient, Response

from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator, Scope
from blog.domain.accounts.login import log_in
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.audit import AuditEntry
from blog.domain.blog import BlogConfig, OpenStores
from blog.domain.shared import Clock
from blog.entrypoints.http import create_app

SECRET: Final = "correct horse battery staple"
WRONG: Final = "incorrect horse battery staple"
HOME: Final = "192.0.2.1"
"""The address of an account's owner."""
AWAY: Final = "198.51.100.1"
"""The address of another client."""

TIMEOUT: Final = 30
Answer = TypeVar("Answer")


class ConfiguredSite:
    """A blog with its own configuration on its own event loop, with a synchronous client."""

    def __init__(
        self,
        open_stores: OpenStores,
        hasher: PasswordHasher,
        clock: Clock,
        *,
        config: BlogConfig | None = None,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        self.open_blog = create_blog(open_stores, hasher=hasher, now=clock, config=config)
        self._app: Any = create_app(self.open_blog, trusted_proxies=trusted_proxies)
        self._runner = asyncio.Runner()
        self._clients: dict[str, AsyncClient] = {}

    def ask(self, method: str, path: str, **sent: Any) -> Response:
        """Send one request."""
        return self.gather(self.ask_async(method, path, **sent))[0]

    async def ask_async(
        self, method: str, path: str, *, token: str | None = None, at: str = HOME, **sent: Any
    ) -> Response:
        """Send one request from this address, in tests with concurrent requests."""
        headers = httpx.Headers(sent.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Token {token}"
        return await self._client_at(at).request(method, path, headers=headers, **sent)

    def gather(self, *work: Awaitable[Answer]) -> list[Answer]:
        """Run the coroutines concurrently. Return their results."""

        async def done() -> list[Answer]:
            return list(await asyncio.gather(*work))

        return self._runner.run(done())

    def log_in(self, username: str, password: str = SECRET, *, at: str = HOME, **more: Any) -> Response:
        """Log in. `more` are further members of the body."""
        return self.ask("POST", "/api/login/", at=at, json={"username": username, "password": password, **more})

    def fail_log_ins(self, username: str, times: int, *, at: str = AWAY) -> list[int]:
        """Log in with wrong passwords. Return the statuses."""
        return [self.log_in(username, WRONG, at=at).status_code for _ in range(times)]

    def add_user(self, username: str, *, is_admin: bool = False) -> "SiteUser":
        """Add a user without a trusted address, and log in."""
        with self.open_blog() as blog:
            blog.users.add(Operator(), username, SECRET, is_admin=is_admin)
        return self.with_new_token(username)

    def with_new_token(self, username: str, *, scopes: Collection[str] | None = None) -> "SiteUser":
        """Return the same user with another token, with all scopes or with some."""
        granted = None if scopes is None else [Scope(scope) for scope in scopes]
        user, issued = log_in(self.open_blog, username, SECRET, scopes=granted)
        return SiteUser(
            configured_site=self, id=user.id, username=username, token=issued.secret, token_id=issued.token.id
        )

    def audit(self) -> list[AuditEntry]:
        """Return the audit entries, oldest first."""
        with self.open_blog() as blog:
            return list(blog.audit.page(Operator(), limit=100).entries)[::-1]

    def close(self) -> None:
        """Close the event loop."""
        for client in self._clients.values():
            self._runner.run(client.aclose())
        self._runner.close()

    def _client_at(self, address: str) -> AsyncClient:
        if address not in self._clients:
            transport = ASGITransport(app=self._app, client=(address, 50_000))
            self._clients[address] = AsyncClient(transport=transport, base_url="http://blog.test")
        return self._clients[address]


@dataclass(frozen=True)
class SiteUser:
    """A user whose requests have a token."""

    configured_site: ConfiguredSite
    id: int
    username: str
    token: str
    token_id: int

    def ask(self, method: str, path: str, **sent: Any) -> Response:
        """Send one request with the token."""
        return self.configured_site.ask(method, path, token=self.token, **sent)

    def is_logged_in(self) -> bool:
        """Return whether the token is valid."""
        answer = self.ask("GET", "/api/users/me/")
        assert answer.status_code in {200, 401}, answer.text
        return answer.status_code == 200

    def create_post(self) -> int:
        """Create a post."""
        answer = self.ask("POST", "/api/posts/", json={"title": "A title", "body": "A body"})
        assert answer.status_code == 201, answer.text
        number: int = answer.json()["id"]
        return number


def same(answer: Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return the parts of a response that equal responses have in common."""
    return (
        answer.status_code,
        answer.content,
        sorted((name, value) for name, value in answer.headers.items() if name != "x-request-id"),
    )


def count_commits(database: Path) -> int:
    """Count the transactions in the write-ahead log of a SQLite file, by their commit frames."""
    log = Path(f"{database}-wal").read_bytes()
    page = struct.unpack(">I", log[8:12])[0]
    frames = [log[start : start + 24] for start in range(32, len(log) - 23, page + 24)]
    return sum(struct.unpack(">I", frame[4:8])[0] > 0 for frame in frames if frame[8:16] == log[16:24])


def wait_for(found: Callable[[], Answer]) -> Answer:
    """Wait until the function returns a true value, and return it."""
    patience = time.monotonic() + TIMEOUT
    while not (answer := found()):
        assert time.monotonic() < patience, "it does not come true"
        time.sleep(0.01)
    return answer
