"""The blog promises that…"""

import asyncio
from collections.abc import Iterator
from threading import Event, Semaphore, current_thread, main_thread

import pytest
from httpx import Response
from tests.entrypoints.http.visits import PASSWORD, Member, Site, problem

from blog.bootstrap import create_blog
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import BlogConfig, OpenStores
from blog.entrypoints.http import create_app
from blog.entrypoints.http.concurrency.executors import HASHING_THREADS, MAX_WAITING_HASHES

BAD = {"username": "alice", "password": "wrong"}


class HeldHasher:
    """A hasher that verifies nothing before it is let go."""

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
def held(hasher: PasswordHasher) -> Iterator[HeldHasher]:
    held = HeldHasher(hasher)
    yield held
    held.gate.set()


@pytest.fixture
def slow(store: OpenStores, held: HeldHasher) -> Iterator[Site]:
    open_blog = create_blog(store, hasher=held, config=BlogConfig(throttle_scale=100_000))
    site = Site(create_app(open_blog), open_blog)
    yield site
    held.gate.set()
    site.close()


@pytest.fixture
def alice(slow: Site, held: HeldHasher) -> Iterator[Member]:
    """Logged in, after which all verifying stops."""
    alice = slow.member("alice")
    held.gate.clear()
    held.started = Semaphore(0)
    yield alice
    held.gate.set()


async def pending(site: Site, count: int) -> list[asyncio.Task[Response]]:
    """So many log-ins under way, none of which ends by itself."""
    tries = [asyncio.create_task(site.asking("POST", "/api/login/", json=BAD)) for _ in range(count)]
    await arrived()
    return tries


async def arrived() -> None:
    """Let the event loop turn until all that was sent has come as far as it gets without a thread's help."""
    for _ in range(1000):
        await asyncio.sleep(0)


@pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
def test_reads_and_writes_are_answered_while_24_log_ins_wait(slow: Site, alice: Member, held: HeldHasher) -> None:
    async def scenario() -> None:
        tries = await pending(slow, 24)
        post = {"title": "Written", "body": "meanwhile"}
        written = await slow.asking("POST", "/api/posts/", token=alice.token, json=post)
        reads = await asyncio.gather(*(slow.asking("GET", written.headers["location"]) for _ in range(50)))
        assert [read.status_code for read in reads] == [200] * 50
        assert not any(attempt.done() for attempt in tries)
        held.gate.set()
        assert [(await attempt).status_code for attempt in tries] == [401] * 24

    slow.run(scenario())


def test_only_one_password_is_verified_at_once(slow: Site, alice: Member, held: HeldHasher) -> None:
    async def scenario() -> None:
        tries = await pending(slow, 24)
        assert await asyncio.to_thread(held.started.acquire, timeout=60)
        assert not await asyncio.to_thread(held.started.acquire, timeout=0.1)
        held.gate.set()
        await asyncio.gather(*tries)

    slow.run(scenario())


def test_no_more_than_64_log_ins_wait_and_the_next_is_told_to_come_back(
    slow: Site, alice: Member, held: HeldHasher
) -> None:
    async def scenario() -> list[Response]:
        tries = await pending(slow, HASHING_THREADS + 64)
        refused = [await slow.asking("POST", "/api/login/", json=BAD) for _ in range(3)]
        assert not any(attempt.done() for attempt in tries)
        held.gate.set()
        assert [(await attempt).status_code for attempt in tries] == [401] * (HASHING_THREADS + 64)
        return refused

    assert MAX_WAITING_HASHES == 64
    for refused in slow.run(scenario()):
        assert problem(refused, 503)["detail"] == "Too many requests are waiting."
        assert refused.headers["retry-after"] == "1"
    good = slow.ask("POST", "/api/login/", json={"username": "alice", "password": PASSWORD})
    assert good.status_code == 200


def test_whoever_gives_up_waiting_leaves_their_place_to_others(slow: Site, alice: Member, held: HeldHasher) -> None:
    async def scenario() -> Response:
        tries = await pending(slow, HASHING_THREADS + MAX_WAITING_HASHES)
        for attempt in tries:
            attempt.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
        later = asyncio.create_task(slow.asking("POST", "/api/login/", json=BAD))
        await arrived()
        held.gate.set()
        return await later

    problem(slow.run(scenario()), 401)
