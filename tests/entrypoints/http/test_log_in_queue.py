"""Log-ins wait in a bounded queue and do not delay other requests."""

import asyncio
from collections.abc import Iterator
from threading import Event, Semaphore, current_thread, main_thread

import pytest
from httpx import Response
from tests.entrypoints.http.clients import PASSWORD, Member, Site, problem

from blog.bootstrap import create_blog
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import BlogConfig, OpenStores
from blog.entrypoints.http import create_app
from blog.entrypoints.http.concurrency.executors import HASHING_THREADS, MAX_WAITING_HASHES

BAD = {"username": "alice", "password": "wrong"}


class BlockingHasher:
    """A hasher that blocks until it is released."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self.gate = Event()
        self.gate.set()
        self.started = Semaphore(0)
        self.hash, self.is_outdated, self.decoy = hasher.hash, hasher.is_outdated, hasher.decoy

    def verify(self, password_hash: str, password: str) -> bool:
        on_the_loop = current_thread() is main_thread()
        assert self.gate.is_set() or not on_the_loop, "the event loop must not wait for a password"
        self.started.release()
        assert self.gate.wait(5)
        return self._hasher.verify(password_hash, password)


@pytest.fixture
def blocking_hasher(hasher: PasswordHasher) -> Iterator[BlockingHasher]:
    blocking_hasher = BlockingHasher(hasher)
    yield blocking_hasher
    blocking_hasher.gate.set()


@pytest.fixture
def slow_site(store: OpenStores, blocking_hasher: BlockingHasher) -> Iterator[Site]:
    open_blog = create_blog(store, hasher=blocking_hasher, config=BlogConfig(throttle_scale=100_000))
    site = Site(create_app(open_blog), open_blog)
    yield site
    blocking_hasher.gate.set()
    site.close()


@pytest.fixture
def alice(slow_site: Site, blocking_hasher: BlockingHasher) -> Iterator[Member]:
    """A logged-in user; the hasher blocks afterwards."""
    alice = slow_site.add_member("alice")
    blocking_hasher.gate.clear()
    blocking_hasher.started = Semaphore(0)
    yield alice
    blocking_hasher.gate.set()


async def pending(site: Site, count: int) -> list[asyncio.Task[Response]]:
    """Start this number of log-ins, which all block."""
    tries = [asyncio.create_task(site.ask_async("POST", "/api/login/", json=BAD)) for _ in range(count)]
    await all_wait()
    return tries


async def all_wait() -> None:
    """Let the event loop run until all requests wait for a thread."""
    for _ in range(1000):
        await asyncio.sleep(0)


@pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
def test_reads_and_writes_are_answered_while_24_log_ins_wait(
    slow_site: Site, alice: Member, blocking_hasher: BlockingHasher
) -> None:
    async def scenario() -> None:
        tries = await pending(slow_site, 24)
        post = {"title": "Written", "body": "meanwhile"}
        written = await slow_site.ask_async("POST", "/api/posts/", token=alice.token, json=post)
        reads = await asyncio.gather(*(slow_site.ask_async("GET", written.headers["location"]) for _ in range(50)))
        assert [read.status_code for read in reads] == [200] * 50
        assert not any(attempt.done() for attempt in tries)
        blocking_hasher.gate.set()
        assert [(await attempt).status_code for attempt in tries] == [401] * 24

    slow_site.run(scenario())


def test_only_one_password_is_verified_at_a_time(
    slow_site: Site, alice: Member, blocking_hasher: BlockingHasher
) -> None:
    async def scenario() -> None:
        tries = await pending(slow_site, 24)
        assert await asyncio.to_thread(blocking_hasher.started.acquire, timeout=60)
        assert not await asyncio.to_thread(blocking_hasher.started.acquire, timeout=0.1)
        blocking_hasher.gate.set()
        await asyncio.gather(*tries)

    slow_site.run(scenario())


def test_at_most_64_log_ins_wait_and_the_next_gets_503(
    slow_site: Site, alice: Member, blocking_hasher: BlockingHasher
) -> None:
    async def scenario() -> list[Response]:
        tries = await pending(slow_site, HASHING_THREADS + 64)
        refused = [await slow_site.ask_async("POST", "/api/login/", json=BAD) for _ in range(3)]
        assert not any(attempt.done() for attempt in tries)
        blocking_hasher.gate.set()
        assert [(await attempt).status_code for attempt in tries] == [401] * (HASHING_THREADS + 64)
        return refused

    assert MAX_WAITING_HASHES == 64
    for refused in slow_site.run(scenario()):
        assert problem(refused, 503)["detail"] == "Too many requests are waiting."
        assert refused.headers["retry-after"] == "1"
    good = slow_site.ask("POST", "/api/login/", json={"username": "alice", "password": PASSWORD})
    assert good.status_code == 200


def test_a_disconnected_log_in_frees_its_place_in_the_queue(
    slow_site: Site, alice: Member, blocking_hasher: BlockingHasher
) -> None:
    async def scenario() -> Response:
        tries = await pending(slow_site, HASHING_THREADS + MAX_WAITING_HASHES)
        for attempt in tries:
            attempt.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
        later = asyncio.create_task(slow_site.ask_async("POST", "/api/login/", json=BAD))
        await all_wait()
        blocking_hasher.gate.set()
        return await later

    problem(slow_site.run(scenario()), 401)
