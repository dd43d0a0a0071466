"""Brief reads are done on the event loop where nothing can hold them up, and otherwise on a thread that can wait."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.database import Database
from tests.entrypoints.blogs import Store, asked, shown
from tests.servers import CHEAP

from blog.bootstrap import open_for_serving
from blog.domain.blog import Blog
from blog.domain.errors import Unavailable
from blog.domain.shared import PostId
from blog.entrypoints.http import response as answers
from blog.entrypoints.http.routes import posts
from blog.settings import Settings

BRIEF = (
    "/api/posts/1/",
    "/api/posts/",
    "/api/posts/?limit=20",
    "/api/posts/?order=title",
    "/api/users/me/",
    "/api/tokens/",
)
LONG = (
    "/api/posts/?limit=21",
    "/api/posts/?limit=100",
    "/api/posts/?q=x",
    "/api/posts/?count=true",
    "/api/posts/?author=ann",
    "/api/posts/?created_after=2026-11-22T09:30:00Z&order=title",
    "/readyz",
)


class Seen(Store):
    """A blog, and the threads on which it was opened."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.threads: list[str] = []
        self.before = lambda: self.threads.append(threading.current_thread().name)


@pytest.fixture
def blog() -> Seen:
    return Seen("first")


def statuses(blog: Store, *paths: str, at_once: Store | None = None, replica: Store | None = None) -> list[int]:
    """What Ann is answered at each path."""

    async def ask(client: httpx.AsyncClient) -> list[int]:
        return [(await client.get(path, headers=shown(blog.token))).status_code for path in paths]

    return asked(blog, ask, at_once=at_once, replica=replica)


def test_brief_reads_are_done_on_the_event_loop_and_others_on_a_thread(blog: Seen) -> None:
    assert statuses(blog, *BRIEF, at_once=blog) == [200] * len(BRIEF)
    assert blog.threads == [threading.current_thread().name] * len(BRIEF)
    blog.threads.clear()
    assert statuses(blog, *LONG, at_once=blog) == [200] * len(LONG)
    assert [name.partition("_")[0] for name in blog.threads] == ["blog-read"] * len(LONG)


def test_what_cannot_be_read_at_once_is_read_on_a_thread(blog: Seen) -> None:
    def locked() -> None:
        raise Unavailable("Somebody else is in the way.")

    at_once = Store("elsewhere")
    at_once.before = locked
    assert statuses(blog, *BRIEF, at_once=at_once) == [200] * len(BRIEF)
    assert [name.partition("_")[0] for name in blog.threads] == ["blog-read"] * len(BRIEF)


def test_what_is_refused_at_once_is_not_asked_for_again(blog: Seen) -> None:
    assert statuses(blog, "/api/posts/99/", at_once=blog) == [404]
    assert len(blog.threads) == 1


def test_changes_are_never_made_on_the_event_loop(blog: Seen) -> None:
    said = {"title": "Hello", "body": "World"}
    answer = asked(blog, lambda client: client.post("/api/posts/", json=said, headers=shown(blog.token)), at_once=blog)
    assert answer.status_code == 201
    assert [name.partition("_")[0] for name in blog.threads] == ["blog-write"]


def test_where_there_is_a_replica_it_answers_whoever_shows_no_token(blog: Seen) -> None:
    replica = Store("replica")

    async def ask(client: httpx.AsyncClient) -> list[str]:
        told = [await client.get("/api/posts/1/"), await client.get("/api/posts/1/", headers=shown(blog.token))]
        return [answer.json()["title"] for answer in told]

    assert asked(blog, ask, at_once=blog, replica=replica) == ["replica", "first"]


def test_while_another_process_keeps_readers_out_they_wait_and_nobody_else_does(tmp_path: Path) -> None:
    database, on_a_thread = Database(tmp_path / "blog.db"), threading.Semaphore(0)
    database.add_users("ann")
    settings = Settings.read(CHEAP, database_url=f"sqlite:///{database.file}", migrate="no")

    async def ask(client: httpx.AsyncClient) -> list[int]:
        with database.connected() as foreign:
            foreign.execute("PRAGMA locking_mode=EXCLUSIVE")
            foreign.execute("BEGIN IMMEDIATE")
            read = asyncio.create_task(client.get("/api/posts/"))
            await asyncio.to_thread(on_a_thread.acquire)
            live = asyncio.create_task(client.get("/livez"))
            answered, _ = await asyncio.wait({read, live}, return_when=asyncio.FIRST_COMPLETED)
            assert answered == {live}
        return [(await live).status_code, (await read).status_code]

    with open_for_serving(settings) as opened:

        @contextmanager
        def open_blog() -> Iterator[Blog]:
            on_a_thread.release()
            with opened.open_blog() as blog:
                yield blog

        assert asked(open_blog, ask, at_once=opened.open_nonblocking) == [200, 200]


def encoding_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kind of each thread on which posts are encoded from now on."""
    threads, encode = list[str](), answers.json_response

    def answer(*given: Any, **more: Any) -> Any:
        threads.append(threading.current_thread().name.partition("_")[0])
        return encode(*given, **more)

    monkeypatch.setattr(posts, "json_response", answer)
    return threads


@pytest.mark.parametrize("path", ["/api/posts/", "/api/posts/1/", "/api/posts/?fields=id,body"])
def test_much_text_is_encoded_on_a_thread_however_few_posts_it_is(
    blog: Seen, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    with blog.inner() as opened:
        opened.posts.update(blog.ann, PostId(1), body="\N{SNOWMAN}" * 70_000)
    threads = encoding_threads(monkeypatch)
    assert statuses(blog, path, at_once=blog) == [200]
    assert threads == ["blog-read"]


def test_a_page_that_is_read_on_a_thread_is_encoded_there_too(blog: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = encoding_threads(monkeypatch)
    assert statuses(blog, *LONG[:-1], at_once=blog) == [200] * len(LONG[:-1])
    assert set(threads) == {"blog-read"}


def test_no_more_text_is_read_from_a_database_on_the_event_loop_than_takes_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(tmp_path / "blog.db")
    database.add_users("ann")
    settings = Settings.read(CHEAP, database_url=f"sqlite:///{database.file}", migrate="no")
    token = database.noted(database.log_in("ann"))
    with database.opened() as open_blog, open_blog() as blog:
        for number in range(20):
            blog.posts.create(blog.tokens.authenticate(token), title=str(number), body="x" * 100_000)
    threads = encoding_threads(monkeypatch)

    async def ask(client: httpx.AsyncClient) -> list[int]:
        answers = [await client.get(path) for path in ("/api/posts/", "/api/posts/?limit=1", "/api/posts/1/")]
        return [len(answer.json().get("results", [1])) for answer in answers]

    with open_for_serving(settings) as opened:
        assert opened.open_nonblocking is not None
        with pytest.raises(Unavailable), opened.open_nonblocking() as blog:
            blog.posts.page(limit=20)
        assert asked(opened.open_blog, ask, at_once=opened.open_nonblocking) == [10, 1, 1]
    assert threads == ["blog-read", "MainThread", "MainThread"]


def test_the_in_memory_store_scans_on_a_thread_and_has_a_response_cache() -> None:
    with open_for_serving(Settings(database_url="memory:")) as opened:
        assert opened.open_nonblocking is None
        assert opened.data_version is not None
