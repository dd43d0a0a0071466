"""Timeouts of requests."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.entrypoints.blocking_blogs import Gate

from blog.domain.errors import Unavailable
from blog.entrypoints.http.concurrency import executors
from blog.entrypoints.http.concurrency.executors import BoundedExecutor
from blog.entrypoints.http.concurrency.thread_pool import ThreadPool

WITHIN = 0.4


@pytest.fixture(autouse=True)
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "RESPONSE_TIMEOUT", WITHIN)


async def timed(executor: BoundedExecutor, work: Callable[[], Any]) -> tuple[str, float]:
    """Return the result, and the seconds it took."""
    begun = time.monotonic()
    try:
        return str(await executor.run(work)), time.monotonic() - begun
    except Unavailable as refused:
        return str(refused), time.monotonic() - begun


def test_each_request_times_out_at_its_own_deadline_unless_it_is_done() -> None:
    executor, gate = BoundedExecutor(ThreadPool("test", 2), 10), Gate()

    async def ask() -> list[tuple[str, float]]:
        waiting = []
        for work in (gate, lambda: "at once", gate, lambda: "too late"):
            waiting.append(asyncio.create_task(timed(executor, work)))
            await asyncio.sleep(WITHIN / 4)
        outcomes = await asyncio.gather(*waiting)
        gate.open()
        return outcomes

    outcomes = asyncio.run(ask())
    late = "The answer takes too long."
    assert [outcome for outcome, _ in outcomes] == [late, "at once", late, late]
    for outcome, seconds in outcomes:
        assert (WITHIN - 0.01 <= seconds < WITHIN * 2) == (outcome == late)


def test_timeouts_work_on_each_event_loop() -> None:
    executor, gates = BoundedExecutor(ThreadPool("test", 4), 2), [Gate() for _ in range(3)]
    for gate in gates:
        outcome, seconds = asyncio.run(timed(executor, gate))
        assert outcome == "The answer takes too long."
        assert WITHIN - 0.01 <= seconds < WITHIN * 2
    for gate in gates:
        gate.open()


def test_done_and_refused_requests_take_no_capacity() -> None:
    executor, gate = BoundedExecutor(ThreadPool("test", 1), 2), Gate()

    async def ask() -> list[str]:
        outcomes = [await timed(executor, lambda: "well") for _ in range(5)]
        outcomes += await asyncio.gather(*[timed(executor, gate) for _ in range(4)])
        cancelled = [asyncio.create_task(executor.run(gate)) for _ in range(2)]
        await asyncio.sleep(0)
        for task in cancelled:
            task.cancel()
        await asyncio.gather(*cancelled, return_exceptions=True)
        gate.open()
        outcomes += [await timed(executor, lambda: "well again")]
        return [outcome for outcome, _ in outcomes]

    full, late = "Too many requests are waiting.", "The answer takes too long."
    outcomes = asyncio.run(ask())
    assert outcomes[:5] == ["well"] * 5
    assert sorted(outcomes[5:9]) == sorted([full, full, late, late])
    assert outcomes[9:] == ["well again"]


def test_many_fast_requests_set_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    executor, timers = BoundedExecutor(ThreadPool("test", 1), 10), list[float]()

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def counted(delay: float, callback: Callable[..., Any], *arguments: Any, **more: Any) -> asyncio.TimerHandle:
            timers.append(delay)
            return call_later(delay, callback, *arguments, **more)

        monkeypatch.setattr(loop, "call_later", counted)
        for _ in range(20):
            await executor.run(lambda: None)

    asyncio.run(ask())
    assert timers == [WITHIN]
