"""A thread pool whose results come back to the event loop together: one wake-up for all that have gathered.

`run_in_executor` makes a second future with a lock for each piece of work, and wakes the loop for each outcome. Here
the loop is woken once for all that have gathered until it looks.
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
from dataclasses import dataclass
from functools import cache, partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, TypeAlias, TypeVar

from blog.domain.errors import Unavailable

EXIT_WITHIN: Final = 1.5
"""Seconds for which all threads together are waited for at the end of the process."""

Answer = TypeVar("Answer")
Outcome: TypeAlias = tuple[Any, BaseException | None]
"""What was answered, or what was raised instead."""


class ThreadPool:
    """Threads that do one piece of work at a time, in the order in which they are asked.

    They end with this object or with the process, but not before all is done that they were asked for.

    Args:
        name: what they are called, with a number each.
        threads: how many there are. They start with the first pieces of work.
        niceness: by how much they stand back behind other threads, as in nice(2), where the system can tell them apart.
    """

    def __init__(self, name: str, threads: int, *, niceness: int = 0) -> None:
        self._name = name
        self._niceness = niceness
        self._most = threads
        self._threads: list[Thread] = []
        self._queue: _Queue = SimpleQueue()
        self._way_home: _CompletionQueue | None = None

    def run(self, work: Callable[[], Answer]) -> "asyncio.Future[Answer]":
        """Have it done, unless nobody waits any longer when its turn comes. To be called on an event loop."""
        if len(self._threads) < self._most:
            self._start_one_more()
        loop = asyncio.get_running_loop()
        way_home = self._way_home
        if way_home is None or way_home.loop is not loop:
            way_home = self._way_home = _CompletionQueue(loop)
        waiting: asyncio.Future[Answer] = loop.create_future()
        self._queue.put(_Job(work, waiting, way_home))
        return waiting

    def _start_one_more(self) -> None:
        """Start a thread. If the system has none left just now, those that run do the work.

        Raises:
            Unavailable: none runs. The next work tries again.
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
    """The way of outcomes to one event loop, from whichever threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._outcomes: deque[tuple[asyncio.Future[Any], Outcome]] = deque()
        self._is_called = False

    def bring(self, waiting: asyncio.Future[Any], outcome: Outcome) -> None:
        """Leave an outcome for the loop, and call it, unless it has been called and not looked yet."""
        self._outcomes.append((waiting, outcome))
        if not self._is_called:
            self._is_called = True
            with suppress(RuntimeError):  # it is closed: nobody waits there any longer
                self.loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        self._is_called = False  # before it looks: whatever it does not see calls it again
        while self._outcomes:
            waiting, (answer, error) = self._outcomes.popleft()
            tell(waiting, answer, error)


@dataclass(slots=True)
class _Job:
    """A piece of work, and where its outcome is waited for."""

    work: Callable[[], Any]
    waiting: asyncio.Future[Any]
    way_home: _CompletionQueue


_Queue: TypeAlias = "SimpleQueue[_Job | None]"


def tell(waiting: asyncio.Future[Any], answer: Any, error: BaseException | None) -> None:
    """Tell whoever waits what came of it, if they still do."""
    if waiting.done():
        return
    if error is None:
        waiting.set_result(answer)
    else:
        waiting.set_exception(error)


def outcome_of(work: Callable[[], Any]) -> Outcome:
    """Do the work. Whatever it raises is for whoever waits for it."""
    try:
        return work(), None
    except StopIteration as stop:  # which no future takes, as no generator does (PEP 479)
        return None, RuntimeError(f"The work raised {stop!r}.")
    except BaseException as error:  # noqa: BLE001 - see above
        return None, error


def _work(queue: _Queue, niceness: int) -> None:
    if niceness and sys.platform == "linux":  # elsewhere, it is the whole process that can be nice
        with suppress(OSError):  # where a sandbox forbids it, all are equal
            os.nice(niceness)
    while (piece := queue.get()) is not None:
        if not piece.waiting.done():
            piece.way_home.bring(piece.waiting, outcome_of(piece.work))
        del piece  # or all that it holds would be kept until there is more to do


def _leave(queue: _Queue, threads: list[Thread], finish: Callable[[], None]) -> None:
    """Let the threads end when they have done what they were asked for."""
    atexit.unregister(finish)
    for _ in threads:
        queue.put(None)


def _finish(queue: _Queue, threads: list[Thread]) -> None:
    """Wait until they have, but not for ever. They are daemons, or Python would wait for them before it comes to this.

    What nobody waits for any longer was cancelled, and ends soon. Work that goes on all the same ends with the process:
    of a unit of work that has not been stored, nothing is.
    """
    for _ in threads:
        queue.put(None)
    for thread in threads:
        thread.join(_time_to_exit())


@cache
def _exit_by() -> float:
    """When the process ends at the latest: it is asked for at its end, by all who have threads."""
    return time.monotonic() + EXIT_WITHIN


def _time_to_exit() -> float:
    return max(_exit_by() - time.monotonic(), 0)
