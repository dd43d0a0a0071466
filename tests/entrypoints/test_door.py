"""How requests get at the blog: done again where that helps, and answered in time or refused in time."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest
from tests.entrypoints.blogs import PASSWORD, Gate, Store, asked, shown, written

from blog.domain.blog import ConcurrencyConflict
from blog.domain.errors import Unavailable
from blog.entrypoints.http.concurrency import executors as lanes


@pytest.fixture
def primary() -> Store:
    return Store("primary")


def assert_come_back_later(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 503


@pytest.mark.parametrize("times", [1, 2])
def test_what_another_change_came_between_is_done_again_and_counts_once(primary: Store, times: int) -> None:
    primary.refusals = [ConcurrencyConflict("Another change conflicts with this one.")] * times
    answer = asked(primary, lambda client: written(client, primary.token))
    assert (answer.status_code, answer.json()["title"]) == (201, "Hello")
    assert primary.titles() == ["Hello", "primary"]
    assert primary.units == times + 1


def test_what_is_always_come_between_is_given_up_and_nothing_of_it_is_kept(primary: Store) -> None:
    primary.refusals = [ConcurrencyConflict("Another change conflicts with this one.")] * 100
    assert_come_back_later(asked(primary, lambda client: written(client, primary.token)))
    assert primary.titles() == ["primary"]
    assert primary.units == 3


def test_what_may_have_been_kept_is_not_done_again(primary: Store) -> None:
    primary.refusals = [Unavailable("The store may not have kept it.")]
    assert_come_back_later(asked(primary, lambda client: written(client, primary.token)))
    assert primary.units == 1


def test_a_log_in_that_another_change_came_between_is_done_again(primary: Store) -> None:
    primary.refusals = [ConcurrencyConflict("Another change conflicts with this one.")]
    said = {"username": "ann", "password": PASSWORD}
    answer = asked(primary, lambda client: client.post("/api/login/", json=said))
    assert answer.status_code == 200


def test_a_write_that_takes_too_long_is_told_so_while_others_are_served(
    primary: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "RESPONSE_TIMEOUT", 0.3)
    gate = Gate()

    async def ask(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        primary.before = gate
        slow = asyncio.create_task(written(client, primary.token))
        await gate.arrivals(1)
        primary.before = lambda: None
        answers = [await slow]
        answers += [await client.get(path) for path in ("/api/posts/", "/livez", "/readyz")]
        answers += [await written(client, primary.token)]
        gate.open()
        return answers

    refused, *served = asked(primary, ask)
    assert_come_back_later(refused)
    assert [answer.status_code for answer in served] == [200, 200, 200, 201]


def test_no_more_requests_wait_than_there_are_places(primary: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MAX_WAITING_REQUESTS", 3)
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

    refused, served = asked(primary, ask, threads=2)
    for answer in refused:
        assert_come_back_later(answer)
    assert [answer.status_code for answer in served] == [200] * 5


def test_no_more_log_ins_wait_than_there_are_places(primary: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MAX_WAITING_HASHES", 0)
    gate = Gate()

    async def ask(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        primary.before = gate
        said = {"username": "ann", "password": PASSWORD}
        log_ins = [asyncio.create_task(client.post("/api/login/", json=said)) for _ in range(lanes.HASHING_THREADS)]
        await gate.arrivals(lanes.HASHING_THREADS)
        primary.before = lambda: None
        refused = await client.post("/api/login/", json=said)
        read = await client.get("/api/users/me/", headers=shown(primary.token))
        gate.open()
        return [refused, read, *[await log_in for log_in in log_ins]]

    refused, *served = asked(primary, ask)
    assert_come_back_later(refused)
    assert [answer.status_code for answer in served] == [200] * (1 + lanes.HASHING_THREADS)


def test_readers_wait_for_no_writer(primary: Store) -> None:
    gate = Gate()

    async def ask(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        primary.before = gate
        writes = [asyncio.create_task(written(client, primary.token)) for _ in range(20)]
        await gate.arrivals(4)
        primary.before = lambda: None
        read = await client.get("/api/posts/", headers=shown(primary.token))
        gate.open()
        return [read, *[await write for write in writes]]

    read, *writes = asked(primary, ask)
    assert [post["title"] for post in read.json()["results"]] == ["primary"]
    assert [write.status_code for write in writes] == [201] * 20
