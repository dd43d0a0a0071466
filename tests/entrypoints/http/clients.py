"""An in-process client for a blog over HTTP, and its members."""

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
    """A clock that moves only by `advance`."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        """Move the clock forward."""
        self.at += timedelta(**by)


class Site:
    """An ASGI application on its own event loop, with a synchronous client."""

    def __init__(self, app: Any, open_blog: OpenBlog) -> None:
        self.app = app
        self.open_blog = open_blog
        self._runner = asyncio.Runner()
        self._client = AsyncClient(transport=ASGITransport(app=app), base_url="http://blog.test")

    def ask(self, method: str, path: str, **sent: Any) -> Response:
        """Send one request."""
        return self.run(self.ask_async(method, path, **sent))

    async def ask_async(self, method: str, path: str, *, token: str | None = None, **sent: Any) -> Response:
        """Send one request, in tests with concurrent requests."""
        shown = {} if token is None else {"Authorization": f"Token {token}"}
        return await self._client.request(method, path, headers=_pairs(shown, sent.pop("headers", {})), **sent)

    def run(self, work: Awaitable[Answer]) -> Answer:
        """Run the coroutine on the site's event loop."""

        async def done() -> Answer:
            return await work

        return self._runner.run(done())

    def gather(self, *work: Awaitable[Answer]) -> list[Answer]:
        """Run the coroutines concurrently. Return their results."""

        async def done() -> list[Answer]:
            return list(await asyncio.gather(*work))

        return self._runner.run(done())

    def add_member(self, username: str, *, is_admin: bool = False) -> "Member":
        """Add a user, and log in."""
        with self.open_blog() as blog:
            blog.users.add(Operator(), username, PASSWORD, is_admin=is_admin)
        user, issued = log_in(self.open_blog, username, PASSWORD)
        return Member(site=self, id=user.id, username=username, token=issued.secret)

    def close(self) -> None:
        """Close the event loop."""
        self._runner.run(self._client.aclose())
        self._runner.close()


@dataclass(frozen=True)
class Member:
    """A user whose requests have a token."""

    site: Site
    id: int
    username: str
    token: str

    def ask(self, method: str, path: str, **sent: Any) -> Response:
        """Send one request with the token."""
        return self.site.ask(method, path, token=self.token, **sent)

    def create_post(self, title: str = "A title", body: str = "A body") -> dict[str, Any]:
        """Create a post. Return the JSON of the response."""
        answer = self.ask("POST", "/api/posts/", json={"title": title, "body": body})
        assert answer.status_code == 201, answer.text
        post: dict[str, Any] = answer.json()
        return post


def problem(answer: Response, status: int) -> dict[str, Any]:
    """Return the problem of a response, and check its status and media type."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    assert told["type"] == "about:blank"
    assert isinstance(told["title"], str)
    assert told["title"]
    more = {412: {"version", "conflicting_fields", "working_copy", "current", "is_saved"}}.get(status, set())
    assert set(told) <= {"type", "title", "status", "detail", "errors"} | more
    return told


def invalid_fields(answer: Response) -> list[str]:
    """Return the invalid fields that a response lists."""
    return [fault["field"] for fault in problem(answer, 400).get("errors", [])]


def _pairs(*headers: Mapping[str, str] | list[tuple[str, str]]) -> httpx.Headers:
    return httpx.Headers([pair for some in headers for pair in (some.items() if isinstance(some, Mapping) else some)])
