"""The thread pool runs jobs and delivers results to event loops."""

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from tests.entrypoints.blocking_blogs import Gate

from blog.entrypoints.http.concurrency.thread_pool import ThreadPool

TIMEOUT = 60

ENDING = """
import asyncio, threading, time
from blog.entrypoints.http.concurrency.thread_pool import ThreadPool

def slowly(name, begun):
    begun.set()
    time.sleep(0.3)
    print(name, flush=True)

async def ask():
    begun = threading.Event()
    waiting = [hops.run(lambda name=name: slowly(name, begun)) for name in ("one", "two")]
    while not begun.is_set():
        await asyncio.sleep(0.01)
    return waiting

hops = ThreadPool("test", 1)
loop = asyncio.new_event_loop()
waiting = loop.run_until_complete(ask())
loop.close()
print("end", flush=True)
"""


class RefusedError(Exception):
    """Raised by some jobs."""


def refuse() -> None:
    raise RefusedError


def stop() -> None:
    raise StopIteration(7)


def thread_after(gate: Gate) -> threading.Thread:
    gate()
    return threading.current_thread()


async def result_of(waiting: Awaitable[Any]) -> str:
    """Return the result, or the type of the error."""
    try:
        return repr(await asyncio.wait_for(waiting, TIMEOUT))
    except Exception as error:  # noqa: BLE001 - it is what is looked for
        return type(error).__name__


def test_results_and_errors_are_delivered() -> None:
    hops = ThreadPool("test", 2)

    async def ask() -> list[str]:
        return [await result_of(hops.run(work)) for work in (lambda: 7, refuse, lambda: None, stop)]

    assert asyncio.run(ask()) == ["7", "RefusedError", "None", "RuntimeError"]


def test_jobs_start_in_the_order_of_submission() -> None:
    hops, done = ThreadPool("test", 1), list[int]()

    async def ask() -> None:
        await asyncio.gather(*[hops.run(partial(done.append, number)) for number in range(50)])

    asyncio.run(ask())
    assert done == list(range(50))


def test_threads_start_on_demand_up_to_the_limit_and_have_names() -> None:
    hops, gate = ThreadPool("test", 3), Gate()

    async def ask() -> set[str]:
        waiting = [hops.run(partial(thread_after, gate)) for _ in range(5)]
        await gate.arrivals(3)
        gate.open()
        return {thread.name for thread in await asyncio.gather(*waiting)}

    assert asyncio.run(ask()) == {"blog-test_0", "blog-test_1", "blog-test_2"}


def test_a_cancelled_job_is_not_started() -> None:
    hops, gate, begun = ThreadPool("test", 1), Gate(), list[str]()

    async def ask() -> str:
        under_way, not_begun = hops.run(gate), hops.run(lambda: begun.append("late"))
        await gate.arrivals(1)
        for waiting in (under_way, not_begun):
            waiting.cancel()
        gate.open()
        return await asyncio.wait_for(hops.run(lambda: "well"), TIMEOUT)

    assert asyncio.run(ask()) == "well"
    assert begun == []


def test_the_event_loop_is_woken_once_for_several_results(monkeypatch: pytest.MonkeyPatch) -> None:
    hops, calls = ThreadPool("test", 2), list[Callable[..., Any]]()

    async def ask() -> list[int]:
        loop = asyncio.get_running_loop()
        call, barrier = loop.call_soon_threadsafe, threading.Barrier(3)

        def counted(callback: Callable[..., Any], *arguments: Any, **more: Any) -> asyncio.Handle:
            calls.append(callback)
            return call(callback, *arguments, **more)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        waiting = [hops.run(partial(int, number)) for number in range(20)]
        waiting += [hops.run(partial(barrier.wait, TIMEOUT)) for _ in range(2)]
        barrier.wait(TIMEOUT)  # the loop does something else, until all before is done
        answers = await asyncio.gather(*waiting[:20])
        await asyncio.gather(*waiting[20:])
        return answers + [await asyncio.wait_for(hops.run(partial(int, number)), TIMEOUT) for number in range(20, 22)]

    assert asyncio.run(ask()) == list(range(22))
    assert len(calls) <= 1 + 2 + 2  # for the twenty at once, for those who held the threads, and for one after another


def test_event_loops_may_close_while_jobs_run() -> None:
    hops, gate = ThreadPool("test", 1), Gate()

    async def leave() -> None:
        hops.run(gate)
        await gate.arrivals(1)

    async def ask() -> int:
        waiting = hops.run(lambda: 7)
        gate.open()
        return await asyncio.wait_for(waiting, TIMEOUT)

    for _ in range(2):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(leave())
        loop.close()
        assert asyncio.run(ask()) == 7


def test_two_event_loops_get_their_own_results() -> None:
    hops, answers = ThreadPool("test", 2), dict[int, list[int]]()

    async def ask(number: int) -> list[int]:
        return [await asyncio.wait_for(hops.run(lambda: number), TIMEOUT) for _ in range(200)]

    def run(number: int) -> None:
        answers[number] = asyncio.run(ask(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: [number] * 200 for number in range(2)}


def test_submitted_jobs_are_done_before_the_process_exits() -> None:
    ended = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, timeout=TIMEOUT, check=True)
    assert ended.stdout.split() == ["end", "one", "two"]
    assert ended.stderr == ""


def test_threads_end_when_the_pool_is_garbage_collected() -> None:
    async def ask() -> list[threading.Thread]:
        hops, gate = ThreadPool("test", 2), Gate()
        waiting = [hops.run(partial(thread_after, gate)) for _ in range(2)]
        await gate.arrivals(2)
        gate.open()
        return list(await asyncio.gather(*waiting))

    threads = asyncio.run(ask())
    assert len(set(threads)) == 2
    for thread in threads:
        thread.join(TIMEOUT)
        assert not thread.is_alive()


def test_objects_of_a_failed_job_are_released() -> None:
    hops, gone = ThreadPool("test", 1), list[str]()

    class Held:
        """An object that a job refers to."""

        def refuse(self) -> None:
            raise RefusedError

        def __del__(self) -> None:
            gone.append("gone")

    async def ask() -> None:
        with suppress(RefusedError):
            await hops.run(Held().refuse)
        await hops.run(lambda: None)  # by now the thread has turned to something else

    gc.collect()
    gc.disable()
    try:
        asyncio.run(ask())
    finally:
        gc.enable()
    assert gone == ["gone"]
