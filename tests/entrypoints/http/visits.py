"""A blog that answers HTTP within this process, and those who visit it."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
from httpx import ASGITransport, AsyncClient, Response

from blog.domain.accounts.actors import Operator
from blog.domain.accounts.login import log_in
from blog.domain.blog import OpenBlog

PASSWORD = "correct horse battery staple"

Answer = TypeVar("Answer")


class StoppedClock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        """Let time pass."""
        self.at += timedelta(**by)


class Site:
    """An ASGI application on one event loop, asked by plain calls."""

    def __init__(self, app: Any, open_blog: OpenBlog) -> None:
        self.app = app
        self.open_blog = open_blog
        self._runner = asyncio.Runner()
        self._client = AsyncClient(transport=ASGITransport(app=app), base_url="http://blog.test")

    def ask(self, method: str, path: str, **sent: Any) -> Response:
        """The answer to one request."""
        return self.run(self.asking(method, path, **sent))

    async def asking(self, method: str, path: str, *, token: str | None = None, **sent: Any) -> Response:
        """The answer to one request, for tests that have several under way."""
        shown = {} if token is None else {"Authorization": f"Token {token}"}
        return await self._client.request(method, path, headers=_pairs(shown, sent.pop("headers", {})), **sent)

    def run(self, work: Awaitable[Answer]) -> Answer:
        """What comes of the work, done on the site's event loop."""

        async def done() -> Answer:
            return await work

        return self._runner.run(done())

    def together(self, *work: Awaitable[Answer]) -> list[Answer]:
        """What comes of each, all done at the same time."""

        async def done() -> list[Answer]:
            return list(await asyncio.gather(*work))

        return self._runner.run(done())

    def member(self, username: str, *, is_admin: bool = False) -> "Member":
        """Somebody with an account, logged in."""
        with self.open_blog() as blog:
            blog.users.add(Operator(), username, PASSWORD, is_admin=is_admin)
        user, issued = log_in(self.open_blog, username, PASSWORD)
        return Member(site=self, id=user.id, username=username, token=issued.secret)

    def close(self) -> None:
        """Leave no event loop behind."""
        self._runner.run(self._client.aclose())
        self._runner.close()


@dataclass(frozen=True)
class Member:
    """Somebody who shows a token with every request."""

    site: Site
    id: int
    username: str
    token: str

    def ask(self, method: str, path: str, **sent: Any) -> Response:
        """The answer to one request of theirs."""
        return self.site.ask(method, path, token=self.token, **sent)

    def writes(self, title: str = "A title", body: str = "A body") -> dict[str, Any]:
        """A post of theirs, as the blog answered it."""
        answer = self.ask("POST", "/api/posts/", json={"title": title, "body": body})
        assert answer.status_code == 201, answer.text
        post: dict[str, Any] = answer.json()
        return post


def problem(answer: Response, status: int) -> dict[str, Any]:
    """The problem that an answer tells, which is one of this status and says so everywhere."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    assert told["type"] == "about:blank"
    assert isinstance(told["title"], str)
    assert told["title"]
    more = {412: {"version", "conflicting_fields"}}.get(status, set())
    assert set(told) <= {"type", "title", "status", "detail", "errors"} | more
    return told


def faulty(answer: Response) -> list[str]:
    """The fields that an answer calls faulty, in its order."""
    return [fault["field"] for fault in problem(answer, 400).get("errors", [])]


def _pairs(*headers: Mapping[str, str] | list[tuple[str, str]]) -> httpx.Headers:
    return httpx.Headers([pair for some in headers for pair in (some.items() if isinstance(some, Mapping) else some)])
