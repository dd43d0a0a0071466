"""Short reads run on the event loop if nothing blocks them, and otherwise on a thread."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.database import Database
from tests.entrypoints.blocking_blogs import Store, authorization, run_requests
from tests.servers import CHEAP

from blog import bootstrap
from blog.adapters.markdown.budget import Budget
from blog.adapters.markdown.html import HtmlRenderer
from blog.adapters.markdown.kept_html import KeptHtml
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
    "/api/posts/?order=oldest",
    "/api/users/me/",
    "/api/tokens/",
)
LONG = (
    "/api/posts/?limit=21",
    "/api/posts/?limit=100",
    "/api/posts/?q=x",
    "/api/posts/?count=true",
    "/api/posts/?order=title",
    "/api/posts/?order=updated",
    "/api/posts/?author=ann",
    "/api/posts/?status=published&order=title",
    "/api/posts/?published_after=2026-11-22T09:30:00Z&order=title",
    "/readyz",
)


class Seen(Store):
    """A blog that records the threads on which it is opened."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.threads: list[str] = []
        self.before = lambda: self.threads.append(threading.current_thread().name)


@pytest.fixture
def blog() -> Seen:
    return Seen("first")


def statuses(
    blog: Store, *paths: str, open_nonblocking: Store | None = None, replica: Store | None = None
) -> list[int]:
    """Return the statuses of Ann's requests."""

    async def ask(client: httpx.AsyncClient) -> list[int]:
        return [(await client.get(path, headers=authorization(blog.token))).status_code for path in paths]

    return run_requests(blog, ask, open_nonblocking=open_nonblocking, replica=replica)


def test_short_reads_run_on_the_event_loop_and_others_on_a_thread(blog: Seen) -> None:
    assert statuses(blog, *BRIEF, open_nonblocking=blog) == [200] * len(BRIEF)
    assert blog.threads == [threading.current_thread().name] * len(BRIEF)
    blog.threads.clear()
    assert statuses(blog, *LONG, open_nonblocking=blog) == [200] * len(LONG)
    assert [name.partition("_")[0] for name in blog.threads] == ["blog-read"] * len(LONG)


def test_a_read_that_would_block_runs_on_a_thread(blog: Seen) -> None:
    def locked() -> None:
        raise Unavailable("Somebody else is in the way.")

    open_nonblocking = Store("elsewhere")
    open_nonblocking.before = locked
    assert statuses(blog, *BRIEF, open_nonblocking=open_nonblocking) == [200] * len(BRIEF)
    assert [name.partition("_")[0] for name in blog.threads] == ["blog-read"] * len(BRIEF)


def test_a_read_refused_on_the_event_loop_is_not_repeated(blog: Seen) -> None:
    assert statuses(blog, "/api/posts/99/", open_nonblocking=blog) == [404]
    assert len(blog.threads) == 1


def test_html_is_rendered_on_a_thread_and_then_found_on_the_event_loop(
    blog: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, rendered_on = threading.current_thread().name, list[str]()
    render = HtmlRenderer.html_of

    def watched(renderer: HtmlRenderer, text: str, budget: Budget) -> str:
        rendered_on.append(threading.current_thread().name)
        return render(renderer, text, budget)

    monkeypatch.setattr(HtmlRenderer, "html_of", watched)
    monkeypatch.setattr(bootstrap._MARKDOWN, "_kept", KeptHtml())
    path = "/api/posts/1/?include=html"
    assert statuses(blog, path, path, open_nonblocking=blog) == [200, 200]
    assert [name.partition("_")[0] for name in blog.threads] == [here, "blog-read", here]
    assert [name.partition("_")[0] for name in rendered_on] == ["blog-read"]


def test_writes_never_run_on_the_event_loop(blog: Seen) -> None:
    said = {"title": "Hello", "body": "World"}
    answer = run_requests(
        blog,
        lambda client: client.post("/api/posts/", json=said, headers=authorization(blog.token)),
        open_nonblocking=blog,
    )
    assert answer.status_code == 201
    assert [name.partition("_")[0] for name in blog.threads] == ["blog-write"]


def test_a_replica_answers_reads_without_a_token(blog: Seen) -> None:
    replica = Store("replica")

    async def ask(client: httpx.AsyncClient) -> list[str]:
        told = [await client.get("/api/posts/1/"), await client.get("/api/posts/1/", headers=authorization(blog.token))]
        return [answer.json()["title"] for answer in told]

    assert run_requests(blog, ask, open_nonblocking=blog, replica=replica) == ["replica", "first"]


def test_reads_blocked_by_another_process_do_not_block_other_requests(tmp_path: Path) -> None:
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

        assert run_requests(open_blog, ask, open_nonblocking=opened.open_nonblocking) == [200, 200]


def encoding_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the threads on which posts are encoded."""
    threads, encode = list[str](), answers.json_response

    def answer(*given: Any, **more: Any) -> Any:
        threads.append(threading.current_thread().name.partition("_")[0])
        return encode(*given, **more)

    monkeypatch.setattr(posts, "json_response", answer)
    return threads


@pytest.mark.parametrize("path", ["/api/posts/", "/api/posts/1/", "/api/posts/?fields=id,body"])
def test_large_posts_are_encoded_on_a_thread(blog: Seen, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    with blog.inner() as opened:
        opened.posts.update(blog.ann, PostId(1), body="\N{SNOWMAN}" * 70_000)
    threads = encoding_threads(monkeypatch)
    assert statuses(blog, path, open_nonblocking=blog) == [200]
    assert threads == ["blog-read"]


def test_a_page_read_on_a_thread_is_encoded_there(blog: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = encoding_threads(monkeypatch)
    assert statuses(blog, *LONG[:-1], open_nonblocking=blog) == [200] * len(LONG[:-1])
    assert set(threads) == {"blog-read"}


def test_the_text_read_on_the_event_loop_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        assert run_requests(opened.open_blog, ask, open_nonblocking=opened.open_nonblocking) == [10, 1, 1]
    assert threads == ["blog-read", "MainThread", "MainThread"]


def test_the_in_memory_store_scans_on_a_thread_and_has_a_response_cache() -> None:
    with open_for_serving(Settings(database_url="memory:")) as opened:
        assert opened.open_nonblocking is None
        assert opened.data_version is not None
