"""In-memory blogs whose units of work can be blocked, and a client for them."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Semaphore
from typing import Any, TypeVar

import httpx

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Member, Operator
from blog.domain.accounts.login import log_in
from blog.domain.blog import Blog, GroupCommit, OpenBlog
from blog.domain.errors import BlogError
from blog.entrypoints.http.app import create_app

PASSWORD = "correct horse battery staple"
Result = TypeVar("Result")


@dataclass
class Store:
    """An in-memory blog whose units of work can be blocked at the beginning, or fail at the end."""

    name: str
    inner: OpenBlog = field(
        default_factory=lambda: create_blog(MemoryStore(), hasher=Argon2PasswordHasher(memory=8, iterations=1))
    )
    before: Callable[[], object] = lambda: None
    refusals: list[BlogError] = field(default_factory=list)
    units: int = 0
    ann: Member = field(init=False)
    token: str = field(init=False)

    def __post_init__(self) -> None:
        with self.inner() as blog:
            blog.users.add(Operator(), "ann", PASSWORD)
        self.token = log_in(self.inner, "ann", PASSWORD)[1].secret
        with self.inner() as blog:
            self.ann = blog.tokens.authenticate(self.token)
            blog.tokens.touch(self.ann)  # or the first request would bring one more unit of work
            blog.posts.create(self.ann, title=self.name, body="The first here.")

    @contextmanager
    def __call__(self) -> Iterator[Blog]:
        self.units += 1
        self.before()
        with self.inner() as blog:
            yield blog
            if self.refusals:
                raise self.refusals.pop(0)

    def titles(self) -> list[str]:
        with self.inner() as blog:
            return [post.title for post in blog.posts.page().posts]


class Gate:
    """Blocks every unit of work at its beginning until it is opened."""

    def __init__(self) -> None:
        self._arrived, self._open = Semaphore(0), Event()

    def __call__(self) -> None:
        self._arrived.release()
        assert self._open.wait(60)

    async def arrivals(self, number: int) -> None:
        """Wait until this number of further units is blocked."""
        for _ in range(number):
            await asyncio.to_thread(self._arrived.acquire)

    def open(self) -> None:
        self._open.set()


def run_requests(
    primary: OpenBlog,
    ask: Callable[[httpx.AsyncClient], Coroutine[Any, Any, Result]],
    *,
    replica: OpenBlog | None = None,
    open_nonblocking: OpenBlog | None = None,
    group_commit: GroupCommit | None = None,
    threads: int = 4,
) -> Result:
    """Run requests against an application of these blogs."""

    async def run() -> Result:
        app: Any = create_app(
            primary, open_nonblocking=open_nonblocking, open_replica=replica, group_commit=group_commit, threads=threads
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://blog") as client:
            return await ask(client)

    return asyncio.run(run())


def authorization(token: str) -> dict[str, str]:
    """Return the Authorization header of a token."""
    return {"Authorization": f"Token {token}"}


async def create_post(client: httpx.AsyncClient, token: str) -> httpx.Response:
    """Create a post."""
    return await client.post("/api/posts/", json={"title": "Hello", "body": "World"}, headers=authorization(token))
