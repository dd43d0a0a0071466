"""A failure to start a thread affects only the requests of that moment."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from tests.database import empty_store
from tests.entrypoints.blocking_blogs import PASSWORD, Store, authorization, create_post, run_requests

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.bootstrap import create_blog
from blog.domain.blog import GroupCommit


@pytest.fixture
def fail_to_start(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Let this number of threads with this prefix fail to start."""
    start = threading.Thread.start

    def fail_to_start(name: str, times: int) -> None:
        left = times

        def start_or_fail(thread: threading.Thread) -> None:
            nonlocal left
            if thread.name.startswith(name) and left:
                left -= 1
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", start_or_fail)

    return fail_to_start


def statuses(
    store: Store, asks: Sequence[Callable[[httpx.AsyncClient], Any]], group_commit: GroupCommit | None = None
) -> list[int]:
    async def ask(client: httpx.AsyncClient) -> list[int]:
        return [(await each(client)).status_code for each in asks]

    return run_requests(store, ask, group_commit=group_commit, threads=2)


def test_the_writer_thread_is_started_by_the_next_write(
    tmp_path: Any, fail_to_start: Callable[[str, int], None]
) -> None:
    stores = empty_store(tmp_path / "blog.db")
    store = Store("first", inner=create_blog(stores, hasher=Argon2PasswordHasher(memory=8, iterations=1)))
    fail_to_start("blog-write", 2)
    write = [lambda client: create_post(client, store.token)] * 4
    assert statuses(store, write, stores.group_commit) == [503, 503, 201, 201]
    assert store.titles() == ["Hello", "Hello", "first"]
    stores.close()


@pytest.mark.parametrize(
    ("name", "ask", "served"),
    [
        ("blog-write", lambda client, store: create_post(client, store.token), 201),
        ("blog-read", lambda client, _: client.get("/api/posts/"), 200),
        (
            "blog-hash",
            lambda client, _: client.post("/api/login/", json={"username": "ann", "password": PASSWORD}),
            200,
        ),
    ],
)
def test_each_pool_retries_starting_its_first_thread(
    fail_to_start: Callable[[str, int], None], name: str, ask: Callable[..., Any], served: int
) -> None:
    store = Store("first")
    fail_to_start(name, 1)
    assert statuses(store, [lambda client: ask(client, store)] * 3) == [503, served, served]


def test_one_running_thread_does_the_work_if_no_other_can_be_started(
    fail_to_start: Callable[[str, int], None],
) -> None:
    store = Store("first")
    fail_to_start("blog-read_1", 99)
    assert statuses(store, [lambda client: client.get("/api/posts/")] * 3) == [200] * 3


def test_token_usage_without_a_thread_delays_no_response_and_is_recorded_later(
    fail_to_start: Callable[[str, int], None],
) -> None:
    store = Store("first")
    with store() as blog:
        token = blog.tokens.issue(store.ann.user).secret
    fail_to_start("blog-note", 1)
    noted = threading.Semaphore(0)
    store.before = lambda: noted.release() if threading.current_thread().name.startswith("blog-note") else None

    async def ask(client: httpx.AsyncClient) -> list[int]:
        answers = [await client.get("/api/users/me/", headers=authorization(token)) for _ in range(2)]
        assert noted.acquire(timeout=60)
        return [answer.status_code for answer in answers]

    assert run_requests(store, ask) == [200, 200]
