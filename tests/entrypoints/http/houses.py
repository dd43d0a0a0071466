"""Houses: blogs on terms of their own, asked over HTTP within this process, from whatever address."""

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
"""Where the owner of an account calls from."""
AWAY: Final = "198.51.100.1"
"""Where somebody else does."""

PATIENCE: Final = 30
Answer = TypeVar("Answer")


class House:
    """A blog behind its own door, on one event loop, asked by plain calls."""

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
        """The answer to one request."""
        return self.together(self.asking(method, path, **sent))[0]

    async def asking(
        self, method: str, path: str, *, token: str | None = None, at: str = HOME, **sent: Any
    ) -> Response:
        """The answer to one request from this address, for tests that have several under way."""
        headers = httpx.Headers(sent.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Token {token}"
        return await self._client_at(at).request(method, path, headers=headers, **sent)

    def together(self, *work: Awaitable[Answer]) -> list[Answer]:
        """What comes of each, all done at the same time."""

        async def done() -> list[Answer]:
            return list(await asyncio.gather(*work))

        return self._runner.run(done())

    def log_in(self, username: str, password: str = SECRET, *, at: str = HOME, **more: Any) -> Response:
        """The answer to a log-in. `more` is said beside name and password."""
        return self.ask("POST", "/api/login/", at=at, json={"username": username, "password": password, **more})

    def fails(self, username: str, times: int, *, at: str = AWAY) -> list[int]:
        """What is answered to so many wrong passwords."""
        return [self.log_in(username, WRONG, at=at).status_code for _ in range(times)]

    def person(self, username: str, *, is_admin: bool = False) -> "Person":
        """Somebody with an account, whom no address is known of, logged in."""
        with self.open_blog() as blog:
            blog.users.add(Operator(), username, SECRET, is_admin=is_admin)
        return self.again(username)

    def again(self, username: str, *, scopes: Collection[str] | None = None) -> "Person":
        """The same person with another token, made for all or for less."""
        granted = None if scopes is None else [Scope(scope) for scope in scopes]
        user, issued = log_in(self.open_blog, username, SECRET, scopes=granted)
        return Person(house=self, id=user.id, username=username, token=issued.secret, token_id=issued.token.id)

    def audit(self) -> list[AuditEntry]:
        """All that is recorded, the oldest first."""
        with self.open_blog() as blog:
            return list(blog.audit.page(Operator(), limit=100).entries)[::-1]

    def close(self) -> None:
        """Leave no event loop behind."""
        for client in self._clients.values():
            self._runner.run(client.aclose())
        self._runner.close()

    def _client_at(self, address: str) -> AsyncClient:
        if address not in self._clients:
            transport = ASGITransport(app=self._app, client=(address, 50_000))
            self._clients[address] = AsyncClient(transport=transport, base_url="http://blog.test")
        return self._clients[address]


@dataclass(frozen=True)
class Person:
    """Somebody who shows a token with every request."""

    house: House
    id: int
    username: str
    token: str
    token_id: int

    def ask(self, method: str, path: str, **sent: Any) -> Response:
        """The answer to one request of theirs."""
        return self.house.ask(method, path, token=self.token, **sent)

    def is_known(self) -> bool:
        """Whether the token is good."""
        answer = self.ask("GET", "/api/users/me/")
        assert answer.status_code in {200, 401}, answer.text
        return answer.status_code == 200

    def writes(self) -> int:
        """A post of theirs."""
        answer = self.ask("POST", "/api/posts/", json={"title": "A title", "body": "A body"})
        assert answer.status_code == 201, answer.text
        number: int = answer.json()["id"]
        return number


def same(answer: Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All of an answer that two answers must have in common to be the same."""
    return (
        answer.status_code,
        answer.content,
        sorted((name, value) for name, value in answer.headers.items() if name != "x-request-id"),
    )


def commits(database: Path) -> int:
    """How many transactions stand in the write-ahead log of a SQLite file: each ends with a frame that says so."""
    log = Path(f"{database}-wal").read_bytes()
    page = struct.unpack(">I", log[8:12])[0]
    frames = [log[start : start + 24] for start in range(32, len(log) - 23, page + 24)]
    return sum(struct.unpack(">I", frame[4:8])[0] > 0 for frame in frames if frame[8:16] == log[16:24])


def until(found: Callable[[], Answer]) -> Answer:
    """What is found as soon as it is true."""
    patience = time.monotonic() + PATIENCE
    while not (answer := found()):
        assert time.monotonic() < patience, "it does not come true"
        time.sleep(0.01)
    return answer
