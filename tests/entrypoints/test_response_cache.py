"""The response cache sends only responses that are current."""

import asyncio
import gc
import tracemalloc
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog import bootstrap
from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.adapters.system import utc_now
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Member, Operator
from blog.domain.blog import Blog, DataVersion, OpenBlog
from blog.domain.errors import Unavailable
from blog.domain.shared import PostId
from blog.entrypoints.http.app import create_app
from blog.entrypoints.http.middleware import response_cache
from blog.settings import Settings
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import as_member

PATHS = (
    "/api/posts/",
    "/api/posts/?limit=2",
    "/api/posts/?order=title&fields=id,title",
    "/api/posts/?author=ann&count=true",
    "/api/posts/?q=hello",
    "/api/posts/1/",
    "/api/posts/2/",
    "/api/posts/3/?include=permissions",
    "/api/posts/nothing/",
    "/api/posts/by-slug/hello/",
    "/api/posts/by-slug/zebra/?fields=title",
    "/api/posts/?tag=sea&tags_all=Travel",
    "/api/posts/?q=hello&tag=sea",
    "/api/tags/",
    "/api/tags/?limit=1",
)


@dataclass
class Site:
    """A blog over HTTP that counts how often it is opened."""

    open_inner: OpenBlog
    edition: DataVersion | None
    opened: int = 0
    ann: Member = field(init=False)

    def __post_init__(self) -> None:
        with self.open_inner() as blog:
            self.ann = as_member(blog.users.add(Operator(), "ann", "correct horse battery staple"))
            self.token = blog.tokens.issue(self.ann.user).secret
            blog.tokens.touch(blog.tokens.authenticate(self.token))
        self.app = create_app(self.open_blog, data_version=self.edition)

    def open_blog(self) -> Any:
        self.opened += 1
        return self.open_inner()

    def write(self, title: str) -> PostId:
        with self.open_inner() as blog:
            return blog.posts.create(self.ann, title=title, body="Hello, world", tags=["Sea", "travel"]).id

    def get(self, *paths: str, method: str = "GET", **headers: str) -> list[httpx.Response]:
        async def ask() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://blog") as client:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                return [await client.request(method, path, headers=named) for path in paths]

        return asyncio.run(ask())


def comparable(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return the parts of a response that do not depend on the request id."""
    return answer.status_code, [pair for pair in answer.headers.items() if pair[0] != "x-request-id"], answer.content


@pytest.fixture(params=["memory", "sqlite"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    hasher = Argon2PasswordHasher(memory=8, iterations=1)
    if request.param == "memory":
        memory = MemoryStore()
        yield Site(create_blog(memory, hasher=hasher), memory.data_version)
        return
    store, beside = (SqlStore(f"sqlite:///{tmp_path / 'blog.db'}") for _ in range(2))
    store.migrate()
    yield Site(create_blog(store, hasher=hasher), beside.data_version)
    beside.close()
    store.close()


def test_a_cached_response_is_sent_without_opening_the_blog(site: Site) -> None:
    for title in ("Hello", "Zebra", "apple"):
        site.write(title)
    first = [comparable(answer) for answer in site.get(*PATHS)]
    opened = site.opened
    assert [comparable(answer) for answer in site.get(*PATHS)] == first
    assert site.opened == opened + 1, "only what is not there is looked for again"
    assert {status for status, _, _ in first} == {200, 404}


def test_every_cached_response_has_its_own_request_id(site: Site) -> None:
    answers = site.get(*["/api/posts/"] * 5)
    assert len({answer.headers["x-request-id"] for answer in answers}) == 5
    assert site.get("/api/posts/", X_Request_ID="mine")[0].headers["x-request-id"] == "mine"


def test_a_read_after_a_change_sees_it(site: Site) -> None:
    post = site.write("Hello")
    assert site.get(f"/api/posts/{post}/")[0].json()["title"] == "Hello"
    with site.open_inner() as blog:
        blog.posts.update(site.ann, post, title="Changed")
    assert site.get(f"/api/posts/{post}/")[0].json()["title"] == "Changed"
    assert site.get("/api/tags/")[0].json()["results"] == [{"tag": "Sea", "posts": 1}, {"tag": "travel", "posts": 1}]
    assert site.get("/api/posts/by-slug/hello/")[0].json()["title"] == "Changed"
    with site.open_inner() as blog:
        blog.posts.update(site.ann, post, slug="changed", tags=["lake"])
    assert site.get("/api/tags/")[0].json()["results"] == [{"tag": "lake", "posts": 1}]
    assert site.get("/api/posts/?tag=sea")[0].json()["results"] == []
    assert site.get("/api/posts/by-slug/hello/")[0].headers["location"] == "/api/posts/by-slug/changed/"
    with site.open_inner() as blog:
        blog.accounts.rename(site.ann, "anna")
    assert site.get(f"/api/posts/{post}/")[0].json()["author"] == "anna"
    with site.open_inner() as blog:
        blog.posts.delete(site.ann, post)
    assert site.get(f"/api/posts/{post}/")[0].status_code == 404
    assert site.get("/api/posts/by-slug/changed/")[0].status_code == 410
    assert site.get("/api/tags/")[0].json()["results"] == []


def test_head_is_served_from_the_cache_without_a_body(site: Site) -> None:
    site.write("Hello")
    body = site.get("/api/posts/1/")[0].content
    again = site.get("/api/posts/1/", method="HEAD")[0]
    assert (again.content, again.headers["content-length"]) == (b"", str(len(body)))
    assert site.get("/api/posts/1/")[0].content == body


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Token x"}, {"If_None_Match": '"1"'}],
    ids=lambda headers: next(iter(headers)),
)
def test_requests_with_varying_responses_bypass_the_cache(site: Site, headers: dict[str, str]) -> None:
    site.write("Hello")
    site.get("/api/posts/1/")
    if "Authorization" in headers:
        headers = {"Authorization": f"Token {site.token}"}
    opened = site.opened
    assert site.get("/api/posts/1/", **headers)[0].status_code == 200
    assert site.opened == opened + 1
    opened = site.opened
    assert "cache-control" not in site.get("/api/posts/1/")[0].headers
    assert site.opened == opened


def test_a_request_from_another_origin_is_served_from_the_cache(site: Site) -> None:
    site.write("Hello")
    comparable = site.get("/api/posts/1/")[0]
    opened = site.opened
    assert site.get("/api/posts/1/", Origin="https://example.org")[0].content == comparable.content
    assert site.opened == opened


def test_a_response_read_before_a_change_is_not_cached_after_it() -> None:
    store = MemoryStore()
    site = Site(create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1)), store.data_version)
    post = site.write("Hello")
    inner = site.open_inner

    async def ask() -> list[str]:
        loop = asyncio.get_running_loop()

        @contextmanager
        def slow() -> Iterator[Blog]:
            """Is read from, and ends when the post has been changed and somebody else been answered."""
            site.open_inner = inner
            with inner() as blog:
                yield blog
            with inner() as blog:
                blog.posts.update(site.ann, post, title="Changed")
            asyncio.run_coroutine_threadsafe(client.get("/api/posts/?limit=1"), loop).result(10)

        site.open_inner = slow
        async with httpx.AsyncClient(transport=httpx.ASGITransport(site.app), base_url="http://blog") as client:
            return [(await client.get(f"/api/posts/{post}/")).json()["title"] for _ in range(2)]

    assert asyncio.run(ask()) == ["Hello", "Changed"]


def test_nothing_is_cached_while_the_data_version_is_unavailable() -> None:
    def unavailable() -> Hashable:
        raise Unavailable("The database is locked.")

    site = Site(create_blog(MemoryStore(), hasher=Argon2PasswordHasher(memory=8, iterations=1)), unavailable)
    site.write("Hello")
    opened = site.opened
    assert [answer.status_code for answer in site.get(*["/api/posts/1/"] * 3)] == [200] * 3
    assert site.opened == opened + 3


def test_the_size_of_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_cache, "MAX_BYTES", 20_000)
    store = MemoryStore()
    site = Site(create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1)), store.data_version)
    site.write("Hello")
    paths = [f"/api/posts/?limit={limit}" for limit in range(1, 60)]
    first = [comparable(answer) for answer in site.get(*paths)]
    opened = site.opened
    assert [comparable(answer) for answer in site.get(*paths)] == first
    assert site.opened > opened + 40


def in_memory() -> Site:
    store = MemoryStore()
    return Site(create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1)), store.data_version)


def test_the_least_recently_used_response_is_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_cache, "MAX_BYTES", 20_000)
    site = in_memory()
    site.write("Hello")
    paths = ["/api/posts/", *(f"/api/posts/?limit={limit}" for limit in range(1, 60))]
    before = site.opened
    for path in paths:
        site.get(path, "/api/posts/")
    assert site.opened == before + len(paths), "what is asked for again and again is kept"
    site.get(paths[-1])
    assert site.opened == before + len(paths)
    site.get(paths[1])
    assert site.opened == before + len(paths) + 1


def test_a_response_that_is_too_large_evicts_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_cache, "MAX_RESPONSE_BYTES", 10_000)
    site = in_memory()
    post = site.write("Hello")
    with site.open_inner() as blog:
        large = blog.posts.create(site.ann, title="Large", body="x" * 10_000).id
    site.get(f"/api/posts/{post}/", f"/api/posts/{large}/")
    opened = site.opened
    site.get(f"/api/posts/{post}/")
    assert site.opened == opened
    site.get(f"/api/posts/{large}/")
    assert site.opened == opened + 1


def test_responses_to_long_queries_are_not_cached() -> None:
    site = in_memory()
    site.write("Hello")
    short, long = (f"/api/posts/?fields={','.join(['id'] * times)}" for times in (2, 400))
    site.get(short, long)
    opened = site.opened
    assert site.get(short)[0].json() == site.get(long)[0].json()
    assert site.opened == opened + 1


def test_the_counted_size_covers_the_memory_of_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is measured, and with keys and heads that are larger than the bodies."""
    most = 1_000_000
    monkeypatch.setattr(response_cache, "MAX_BYTES", most)
    site = in_memory()
    for number in range(3):
        site.write(f"Hello {number}")
    site.get("/api/posts/?q=hello&limit=1&fields=id", "/api/posts/?limit=1")
    variants = [f"/api/posts/?q=hello+-{'x' * 950}{number}&limit=1&fields=id" for number in range(500)]
    gc.collect()
    tracemalloc.start()
    try:
        site.get(*variants)
        gc.collect()
        with_answers = tracemalloc.get_traced_memory()[0]
        inner: Any = site.app._app
        inner._clear()  # to measure what it held, and nothing else
        gc.collect()
        held = with_answers - tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert most / 2 < held < 1.1 * most


changes = st.sampled_from(["write", "rename", "update", "delete", "read"])


@given(st.lists(st.one_of(changes, st.sampled_from(PATHS)), max_size=25))
@settings(max_examples=15, deadline=None)
def test_a_blog_with_and_without_a_cache_give_the_same_responses(steps: list[str]) -> None:
    store = MemoryStore()
    site = Site(create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1)), store.data_version)
    plain = create_app(site.open_inner)
    keeping = site.app
    for number, step in enumerate(steps):
        if step.startswith("/"):
            site.app = keeping
            given_again = comparable(site.get(step)[0])
            site.app = plain
            assert given_again == comparable(site.get(step)[0])
        else:
            change(site, step, number)


def change(site: Site, step: str, number: int) -> None:
    """Apply a change, if it is possible."""
    with site.open_inner() as blog:
        posts = blog.posts.page().posts
    if step == "write" or not posts:
        site.write(f"Hello {number}")
        return
    with site.open_inner() as blog:
        if step == "rename":
            blog.accounts.rename(site.ann, f"ann{number}")
        elif step == "update":
            blog.posts.update(site.ann, posts[0].id, title=f"Changed {number}")
        elif step == "delete":
            blog.posts.delete(site.ann, posts[-1].id)
        else:
            blog.users.page(Operator())


def test_a_response_with_no_store_is_not_cached() -> None:
    calls: list[str] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        calls.append(scope["path"])
        is_kept = scope["path"].endswith("/1/")
        headers = [(b"cache-control", b"max-age=1" if is_kept else b"private, no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    async def ask() -> None:
        cache = response_cache.ResponseCache(app, lambda: 1)
        transport = httpx.ASGITransport(in_front(cache))
        async with httpx.AsyncClient(transport=transport, base_url="http://blog") as client:
            for path in ("/api/posts/1/", "/api/posts/2/") * 2:
                assert (await client.get(path)).status_code == 200

    asyncio.run(ask())
    assert calls == ["/api/posts/1/", "/api/posts/2/", "/api/posts/2/"]


def in_front(cache: response_cache.ResponseCache) -> Any:
    """Return an application that names the prefix and the headers of a request, as the blog does."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        header_names = {name for name, _ in scope["headers"]}
        await cache({**scope, "prefix": "", "header_names": header_names}, receive, send)

    return app


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_the_data_version_of_a_server_changes_when_a_scheduled_post_becomes_visible(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FrozenClock(utc_now())
    monkeypatch.setattr(bootstrap, "utc_now", clock)
    url = "memory:" if kind == "memory" else f"sqlite:///{tmp_path / 'blog.db'}"
    with bootstrap.open_for_serving(Settings(database_url=url, argon2_memory=8, argon2_iterations=1)) as serving:
        version = serving.data_version
        assert version
        with serving.open_blog() as blog:
            ann = as_member(blog.users.add(Operator(), "ann", "correct horse battery staple"))
            for hours in (24, 48):
                blog.posts.create(ann, title="Later", body="…", published_at=clock() + timedelta(hours=hours))
        seen = [version()]
        for _ in range(3):
            clock.move(timedelta(hours=24))
            seen += [version(), version()]
    assert seen == [seen[0], seen[1], seen[1], seen[3], seen[3], seen[3], seen[3]]
    assert len(set(seen)) == 3
