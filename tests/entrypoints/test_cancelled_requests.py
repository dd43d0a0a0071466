"""The work of a request is cancelled after a timeout, a disconnect or the stop of the server."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from threading import Semaphore
from typing import Any

import httpx
import pytest
from tests.entrypoints.blocking_blogs import Store, authorization, create_post, run_requests

from blog.domain.blog import Blog, OpenBlog
from blog.domain.cancellation import Cancellation, Cancelled
from blog.entrypoints.http.app import create_app
from blog.entrypoints.http.concurrency import executors
from blog.entrypoints.http.state import cancellable

LONG = 60

ENDING = """
import asyncio, threading
from blog.entrypoints.http.concurrency.thread_pool import ThreadPool

async def ask():
    begun = threading.Event()
    waiting = hops.run(lambda: begun.set() or threading.Event().wait())
    await asyncio.to_thread(begun.wait)

hops = ThreadPool("test", 1)
asyncio.run(ask())
print("end", flush=True)
"""


class Slow:
    """A blog whose units of work run until they are cancelled."""

    def __init__(self) -> None:
        self.inner = Store("slow")
        self.began, self.stopped = Semaphore(0), Semaphore(0)
        self.opened = 0

    def __call__(self) -> AbstractContextManager[Blog]:
        return self.inner()

    def cancellable(self, cancellation: Cancellation) -> OpenBlog:
        return partial(self._open, cancellation)

    @contextmanager
    def _open(self, cancellation: Cancellation) -> Iterator[Blog]:
        self.opened += 1
        self.began.release()
        with suppress(Cancelled), self.inner() as blog:
            for _ in range(LONG * 100):
                cancellation.check()
                time.sleep(0.01)
            yield blog
        self.stopped.release()
        cancellation.check()

    async def begins(self) -> None:
        assert await asyncio.to_thread(self.began.acquire, timeout=LONG)

    async def stops(self) -> None:
        assert await asyncio.to_thread(self.stopped.acquire, timeout=LONG)


class Client:
    """An ASGI client that can disconnect."""

    def __init__(self, app: Any, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> None:
        self._app, self._body, self._gone = app, body, asyncio.Event()
        self._is_sent = False
        self.statuses: list[int] = []
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("blog", 80),
        }

    def ask(self) -> "asyncio.Task[None]":
        return asyncio.create_task(self._app(self._scope, self._receive, self._send))

    def hang_up(self) -> None:
        self._gone.set()

    async def _receive(self) -> dict[str, Any]:
        if not self._is_sent:
            self._is_sent = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.statuses.append(message["status"])


def request_of(blog: Slow, app: Any, kind: str) -> Client:
    json = {"content-type": "application/json"}
    match kind:
        case "read":
            return Client(app, "GET", "/api/posts/", {})
        case "write":
            return Client(
                app, "POST", "/api/posts/", authorization(blog.inner.token) | json, b'{"title": "x", "body": "y"}'
            )
        case _:
            return Client(app, "POST", "/api/login/", json, b'{"username": "ann", "password": "x"}')


def run(ask: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        await asyncio.wait_for(ask(), LONG)

    asyncio.run(within())


def test_timed_out_work_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "RESPONSE_TIMEOUT", 0.2)
    blog = Slow()

    async def ask(client: httpx.AsyncClient) -> list[int]:
        answers = [await client.get("/api/posts/"), await create_post(client, blog.inner.token)]
        for _ in answers:
            await blog.stops()
        return [answer.status_code for answer in answers]

    assert run_requests(blog, ask) == [503, 503]
    assert blog.inner.titles() == ["slow"]


@pytest.mark.parametrize("kind", ["read", "write", "log in"])
def test_work_is_cancelled_when_its_client_disconnects(kind: str) -> None:
    blog = Slow()

    async def ask() -> None:
        client = request_of(blog, create_app(blog), kind)
        answered = client.ask()
        await blog.begins()
        client.hang_up()
        await blog.stops()
        await answered
        assert client.statuses == [503]

    run(ask)
    assert blog.inner.titles() == ["slow"]


@pytest.mark.parametrize("kind", ["read", "write"])
def test_queued_work_never_begins_after_its_client_disconnects(kind: str) -> None:
    blog = Slow()

    async def ask() -> None:
        app = create_app(blog, threads=1)
        first, second = (request_of(blog, app, kind) for _ in range(2))
        answered = [first.ask()]
        await blog.begins()
        answered.append(second.ask())
        second.hang_up()
        await answered[1]
        first.hang_up()
        await answered[0]
        await blog.stops()

    run(ask)
    assert blog.opened == 1


def test_work_is_cancelled_when_a_stopping_server_cancels_its_request() -> None:
    blog = Slow()

    async def ask() -> None:
        answered = request_of(blog, create_app(blog), "read").ask()
        await blog.begins()
        answered.cancel()
        await blog.stops()

    run(ask)


def test_a_fast_request_is_not_watched_for_disconnects(monkeypatch: pytest.MonkeyPatch) -> None:
    blog = Store("quick")

    async def ask() -> None:
        client = Client(create_app(blog), "GET", "/api/posts/", {})
        await client.ask()
        assert client.statuses == [200]
        assert len(asyncio.all_tasks()) == 2  # this one, and the one that limits its time

    run(ask)


def test_a_cancelled_read_does_not_put_the_replica_on_cooldown() -> None:
    primary, copy = Store("primary"), Slow()

    async def ask() -> None:
        app = create_app(primary, open_replica=copy)
        for _ in range(2):
            client = Client(app, "GET", "/api/posts/", {})
            answered = client.ask()
            await copy.begins()
            client.hang_up()
            await copy.stops()
            await answered

    run(ask)
    assert copy.opened == 2


def test_a_process_exits_while_one_of_its_threads_never_ends() -> None:
    ended = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, timeout=LONG, check=True)
    assert (ended.stdout, ended.stderr) == ("end\n", "")


def test_a_blog_without_cancellation_is_served_too() -> None:
    def open_blog() -> AbstractContextManager[Blog]:
        return Store("plain")()

    async def ask(client: httpx.AsyncClient) -> int:
        return (await client.get("/api/posts/")).status_code

    assert run_requests(open_blog, ask) == 200
    assert cancellable(open_blog)(Cancellation()) is open_blog
