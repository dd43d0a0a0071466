"""A system that has no thread left for a moment costs the requests of that moment, and no later one."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from tests.database import empty_store
from tests.entrypoints.blogs import PASSWORD, Store, asked, shown, written

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.bootstrap import create_blog
from blog.domain.blog import GroupCommit


@pytest.fixture
def fail_to_start(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Let threads whose names begin so not start, so many times."""
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
    store: Store, asks: Sequence[Callable[[httpx.AsyncClient], Any]], together: GroupCommit | None = None
) -> list[int]:
    async def ask(client: httpx.AsyncClient) -> list[int]:
        return [(await each(client)).status_code for each in asks]

    return asked(store, ask, together=together, threads=2)


def test_the_thread_that_writes_for_all_is_started_by_the_next_change(
    tmp_path: Any, fail_to_start: Callable[[str, int], None]
) -> None:
    stores = empty_store(tmp_path / "blog.db")
    store = Store("first", inner=create_blog(stores, hasher=Argon2PasswordHasher(memory=8, iterations=1)))
    fail_to_start("blog-write", 2)
    write = [lambda client: written(client, store.token)] * 4
    assert statuses(store, write, stores.group_commit) == [503, 503, 201, 201]
    assert store.titles() == ["Hello", "Hello", "first"]
    stores.close()


@pytest.mark.parametrize(
    ("name", "ask", "served"),
    [
        ("blog-write", lambda client, store: written(client, store.token), 201),
        ("blog-read", lambda client, _: client.get("/api/posts/"), 200),
        (
            "blog-hash",
            lambda client, _: client.post("/api/login/", json={"username": "ann", "password": PASSWORD}),
            200,
        ),
    ],
)
def test_each_pool_starts_its_first_thread_with_the_next_request(
    fail_to_start: Callable[[str, int], None], name: str, ask: Callable[..., Any], served: int
) -> None:
    store = Store("first")
    fail_to_start(name, 1)
    assert statuses(store, [lambda client: ask(client, store)] * 3) == [503, served, served]


def test_where_one_thread_runs_the_work_is_done_though_no_other_can_be_started(
    fail_to_start: Callable[[str, int], None],
) -> None:
    store = Store("first")
    fail_to_start("blog-read_1", 99)
    assert statuses(store, [lambda client: client.get("/api/posts/")] * 3) == [200] * 3


def test_a_note_that_no_thread_can_take_costs_nobody_an_answer_and_is_taken_later(
    fail_to_start: Callable[[str, int], None],
) -> None:
    store = Store("first")
    with store() as blog:
        token = blog.tokens.issue(store.ann.user).secret
    fail_to_start("blog-note", 1)
    noted = threading.Semaphore(0)
    store.before = lambda: noted.release() if threading.current_thread().name.startswith("blog-note") else None

    async def ask(client: httpx.AsyncClient) -> list[int]:
        answers = [await client.get("/api/users/me/", headers=shown(token)) for _ in range(2)]
        assert noted.acquire(timeout=60)
        return [answer.status_code for answer in answers]

    assert asked(store, ask) == [200, 200]
