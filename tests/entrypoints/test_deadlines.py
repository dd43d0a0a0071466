"""Nobody waits longer than they may, and nobody is sent away before."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.entrypoints.blogs import Gate

from blog.domain.errors import Unavailable
from blog.entrypoints.http.concurrency import executors as lanes
from blog.entrypoints.http.concurrency.executors import BoundedExecutor
from blog.entrypoints.http.concurrency.thread_pool import ThreadPool

WITHIN = 0.4


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "RESPONSE_TIMEOUT", WITHIN)


async def told(lane: BoundedExecutor, work: Callable[[], Any]) -> tuple[str, float]:
    """What comes of it, and after how many seconds."""
    begun = time.monotonic()
    try:
        return str(await lane.run(work)), time.monotonic() - begun
    except Unavailable as refused:
        return str(refused), time.monotonic() - begun


def test_each_is_told_in_their_own_time_and_those_who_are_answered_before_are_not() -> None:
    lane, gate = BoundedExecutor(ThreadPool("test", 2), 10), Gate()

    async def ask() -> list[tuple[str, float]]:
        waiting = []
        for work in (gate, lambda: "at once", gate, lambda: "too late"):
            waiting.append(asyncio.create_task(told(lane, work)))
            await asyncio.sleep(WITHIN / 4)
        outcomes = await asyncio.gather(*waiting)
        gate.open()
        return outcomes

    outcomes = asyncio.run(ask())
    late = "The answer takes too long."
    assert [outcome for outcome, _ in outcomes] == [late, "at once", late, late]
    for outcome, seconds in outcomes:
        assert (WITHIN - 0.01 <= seconds < WITHIN * 2) == (outcome == late)


def test_a_deadline_holds_on_each_loop_anew() -> None:
    lane, gates = BoundedExecutor(ThreadPool("test", 4), 2), [Gate() for _ in range(3)]
    for gate in gates:
        outcome, seconds = asyncio.run(told(lane, gate))
        assert outcome == "The answer takes too long."
        assert WITHIN - 0.01 <= seconds < WITHIN * 2
    for gate in gates:
        gate.open()


def test_whoever_has_been_answered_or_sent_away_takes_no_place() -> None:
    lane, gate = BoundedExecutor(ThreadPool("test", 1), 2), Gate()

    async def ask() -> list[str]:
        outcomes = [await told(lane, lambda: "well") for _ in range(5)]
        outcomes += await asyncio.gather(*[told(lane, gate) for _ in range(4)])
        cancelled = [asyncio.create_task(lane.run(gate)) for _ in range(2)]
        await asyncio.sleep(0)
        for task in cancelled:
            task.cancel()
        await asyncio.gather(*cancelled, return_exceptions=True)
        gate.open()
        outcomes += [await told(lane, lambda: "well again")]
        return [outcome for outcome, _ in outcomes]

    full, late = "Too many requests are waiting.", "The answer takes too long."
    outcomes = asyncio.run(ask())
    assert outcomes[:5] == ["well"] * 5
    assert sorted(outcomes[5:9]) == sorted([full, full, late, late])
    assert outcomes[9:] == ["well again"]


def test_many_who_are_answered_in_time_set_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    lane, timers = BoundedExecutor(ThreadPool("test", 1), 10), list[float]()

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def counted(delay: float, callback: Callable[..., Any], *arguments: Any, **more: Any) -> asyncio.TimerHandle:
            timers.append(delay)
            return call_later(delay, callback, *arguments, **more)

        monkeypatch.setattr(loop, "call_later", counted)
        for _ in range(20):
            await lane.run(lambda: None)

    asyncio.run(ask())
    assert timers == [WITHIN]
