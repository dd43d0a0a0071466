"""Requests are retried after conflicts, and time out or are refused when they wait too long."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest
from tests.entrypoints.blocking_blogs import PASSWORD, Gate, Store, authorization, create_post, run_requests

from blog.domain.blog import ConcurrencyConflict
from blog.domain.errors import Unavailable
from blog.entrypoints.http.concurrency import executors


@pytest.fixture
def primary() -> Store:
    return Store("primary")


def assert_unavailable(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 503


@pytest.mark.parametrize("times", [1, 2])
def test_a_conflicting_change_is_retried_and_counts_once(primary: Store, times: int) -> None:
    primary.refusals = [ConcurrencyConflict("Another change conflicts with this one.")] * times
    answer = run_requests(primary, lambda client: create_post(client, primary.token))
    assert (answer.status_code, answer.json()["title"]) == (201, "Hello")
    assert primary.titles() == ["Hello", "primary"]
    assert primary.units == times + 1


def test_a_change_that_always_conflicts_gets_503_and_stores_nothing(primary: Store) -> None:
    primary.refusals = [ConcurrencyConflict("Another change conflicts with this one.")] * 100
    assert_unavailable(run_requests(primary, lambda client: create_post(client, primary.token)))
    assert primary.titles() == ["primary"]
    assert primary.units == 3


def test_a_change_that_may_be_committed_is_not_retried(primary: Store) -> None:
    primary.refusals = [Unavailable("The store may not have kept it.")]
    assert_unavailable(run_requests(primary, lambda client: create_post(client, primary.token)))
    assert primary.units == 1


def test_a_conflicting_log_in_is_retried(primary: Store) -> None:
    primary.refusals = [ConcurrencyConflict("Another change conflicts with this one.")]
    said = {"username": "ann", "password": PASSWORD}
    answer = run_requests(primary, lambda client: client.post("/api/login/", json=said))
    assert answer.status_code == 200


def test_a_slow_write_times_out_while_others_are_served(primary: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "RESPONSE_TIMEOUT", 0.3)
    gate = Gate()

    async def ask(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        primary.before = gate
        slow = asyncio.create_task(create_post(client, primary.token))
        await gate.arrivals(1)
        primary.before = lambda: None
        answers = [await slow]
        answers += [await client.get(path) for path in ("/api/posts/", "/livez", "/readyz")]
        answers += [await create_post(client, primary.token)]
        gate.open()
        return answers

    refused, *served = run_requests(primary, ask)
    assert_unavailable(refused)
    assert [answer.status_code for answer in served] == [200, 200, 200, 201]


def test_the_number_of_waiting_requests_is_bounded(primary: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "MAX_WAITING_REQUESTS", 3)
    primary.before = gate = Gate()

    async def ask(client: httpx.AsyncClient) -> tuple[list[httpx.Response], list[httpx.Response]]:
        answered = asyncio.Semaphore(0)

        async def read() -> httpx.Response:
            answer = await client.get("/api/posts/")
            answered.release()
            return answer

        reads = [asyncio.create_task(read()) for _ in range(12)]
        await gate.arrivals(2)
        for _ in range(12 - 2 - 3):
            await answered.acquire()
        refused, waiting = [[task for task in reads if task.done() is done] for done in (True, False)]
        gate.open()
        return [await task for task in refused], [await task for task in waiting]

    refused, served = run_requests(primary, ask, threads=2)
    for answer in refused:
        assert_unavailable(answer)
    assert [answer.status_code for answer in served] == [200] * 5


def test_the_number_of_waiting_log_ins_is_bounded(primary: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "MAX_WAITING_HASHES", 0)
    gate = Gate()

    async def ask(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        primary.before = gate
        said = {"username": "ann", "password": PASSWORD}
        log_ins = [asyncio.create_task(client.post("/api/login/", json=said)) for _ in range(executors.HASHING_THREADS)]
        await gate.arrivals(executors.HASHING_THREADS)
        primary.before = lambda: None
        refused = await client.post("/api/login/", json=said)
        read = await client.get("/api/users/me/", headers=authorization(primary.token))
        gate.open()
        return [refused, read, *[await log_in for log_in in log_ins]]

    refused, *served = run_requests(primary, ask)
    assert_unavailable(refused)
    assert [answer.status_code for answer in served] == [200] * (1 + executors.HASHING_THREADS)


def test_reads_do_not_wait_for_writes(primary: Store) -> None:
    gate = Gate()

    async def ask(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        primary.before = gate
        writes = [asyncio.create_task(create_post(client, primary.token)) for _ in range(20)]
        await gate.arrivals(4)
        primary.before = lambda: None
        read = await client.get("/api/posts/", headers=authorization(primary.token))
        gate.open()
        return [read, *[await write for write in writes]]

    read, *writes = run_requests(primary, ask)
    assert [post["title"] for post in read.json()["results"]] == ["primary"]
    assert [write.status_code for write in writes] == [201] * 20
