"""A thread pool that delivers results to the event loop in batches, with one wake-up for each batch.

`run_in_executor` makes a second future with a lock for each job, and wakes the loop for each result.
"""

import asyncio
import atexit
import os
import sys
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, TypeAlias, TypeVar

from blog.domain.errors import Unavailable

EXIT_WITHIN: Final = 1.5
"""Seconds to wait for all threads together at the end of the process."""

Result = TypeVar("Result")
Completion: TypeAlias = tuple[Any, BaseException | None]
"""The result of a job, or its exception."""


class ThreadPool:
    """Threads that run jobs in the order of their submission.

    They end with this object or with the process, after all submitted jobs.

    Args:
        name: the name of the threads, to which a number is added.
        threads: the number of threads. They start with the first jobs.
        niceness: the nice value of the threads, on systems where threads have their own.
    """

    def __init__(self, name: str, threads: int, *, niceness: int = 0) -> None:
        self._name = name
        self._niceness = niceness
        self._most = threads
        self._threads: list[Thread] = []
        self._queue: _Queue = SimpleQueue()
        self._completions: _CompletionQueue | None = None

    def run(self, work: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Run the work, unless the returned future is done when its turn comes. To be called on an event loop."""
        if len(self._threads) < self._most:
            self._start_one_more()
        loop = asyncio.get_running_loop()
        completions = self._completions
        if completions is None or completions.loop is not loop:
            completions = self._completions = _CompletionQueue(loop)
        waiting: asyncio.Future[Result] = loop.create_future()
        self._queue.put((work, waiting, completions))
        return waiting

    def _start_one_more(self) -> None:
        """Start a thread. If the system has none left, the running threads do the work.

        Raises:
            Unavailable: no thread runs. The next call tries again.
        """
        try:
            self._start_one()
        except RuntimeError:
            if not self._threads:
                raise Unavailable("No thread can be started just now.") from None

    def _start_one(self) -> None:
        name = f"blog-{self._name}_{len(self._threads)}"
        thread = Thread(target=_work, args=(self._queue, self._niceness), name=name, daemon=True)
        thread.start()
        self._threads.append(thread)
        if len(self._threads) == 1:
            finish = partial(_finish, self._queue, self._threads)
            atexit.register(finish)
            weakref.finalize(self, _leave, self._queue, self._threads, finish).atexit = False


class _CompletionQueue:
    """Delivers results from threads to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._pending: deque[tuple[asyncio.Future[Any], Completion]] = deque()
        self._is_woken = False

    def deliver(self, waiting: asyncio.Future[Any], completion: Completion) -> None:
        """Queue a result, and wake the loop unless it has been woken already."""
        self._pending.append((waiting, completion))
        if not self._is_woken:
            self._is_woken = True
            with suppress(RuntimeError):  # the loop is closed
                self.loop.call_soon_threadsafe(self._resolve_all)

    def _resolve_all(self) -> None:
        self._is_woken = False  # first: a result that this loop misses wakes it again
        while self._pending:
            waiting, (result, error) = self._pending.popleft()
            resolve(waiting, result, error)


_Job: TypeAlias = tuple[Callable[[], Any], asyncio.Future[Any], _CompletionQueue]
"""Work, the future for its result, and the queue of its event loop."""

_Queue: TypeAlias = "SimpleQueue[_Job | None]"


def resolve(waiting: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    """Set the result or the exception of a future, unless it is done."""
    if waiting.done():
        return
    if error is None:
        waiting.set_result(result)
    else:
        waiting.set_exception(error)


def run_job(work: Callable[[], Any]) -> Completion:
    """Run the work. Return its result or its exception."""
    try:
        return work(), None
    except StopIteration as stop:  # futures do not accept it (PEP 479)
        return None, RuntimeError(f"The work raised {stop!r}.")
    except BaseException as error:  # noqa: BLE001 - the caller gets it
        return None, error


def _work(queue: _Queue, niceness: int) -> None:
    if niceness and sys.platform == "linux":  # elsewhere, only whole processes have a nice value
        with suppress(OSError):  # a sandbox may forbid it
            os.nice(niceness)
    while (job := queue.get()) is not None:
        work, waiting, completions = job
        if not waiting.done():
            completions.deliver(waiting, run_job(work))
        del job, work, waiting, completions  # or these objects would live until the next job


def _leave(queue: _Queue, threads: list[Thread], finish: Callable[[], None]) -> None:
    """Let the threads end after the submitted jobs."""
    atexit.unregister(finish)
    for _ in threads:
        queue.put(None)


def _finish(queue: _Queue, threads: list[Thread]) -> None:
    """Wait for the threads to end, up to `EXIT_WITHIN`. They are daemons, because Python waits for other threads first,
    without a limit.

    Cancelled work ends soon. Other work ends with the process: a unit of work that is not committed stores nothing.
    """
    for _ in threads:
        queue.put(None)
    for thread in threads:
        thread.join(_time_to_exit())


@cache
def _exit_by() -> float:
    """Return when the process ends at the latest. All thread pools share it."""
    return time.monotonic() + EXIT_WITHIN


def _time_to_exit() -> float:
    return max(_exit_by() - time.monotonic(), 0)
