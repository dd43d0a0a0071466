"""The write queue: one thread writes for all requests, and commits what has gathered meanwhile with one sync.

SQLite has one writer at a time, and each commit waits for the disk. Without this, commits wait one after the other.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from blog.domain.blog import GroupCommit
from blog.domain.cancellation import Cancelled
from blog.domain.errors import Unavailable

from .thread_pool import Completion, ThreadPool, resolve, run_job

MAX_UNITS: Final = 64
"""Units of work in one commit. With more, the first of them would wait long for the last."""

_ROUNDS: Final = 3
"""Iterations of the event loop before the next group begins: one to send the responses, one to receive the next
requests of their clients, and one to queue them. Otherwise those would wait for an almost empty group.
"""

_NICENESS: Final = 10
"""The nice value of the writing thread: under contention, threads that read get most of the processor."""

Result = TypeVar("Result")


_Job: TypeAlias = tuple[Callable[[], Any], asyncio.Future[Any]]
"""A unit of work, and the future for its result."""


class WriteQueue:
    """Runs all waiting units of work one after the other, commits them together, and then delivers the results.

    The queue is used on the event loop only, so it needs no lock.
    """

    def __init__(self, group_commit: GroupCommit) -> None:
        self._group_commit = group_commit
        self._thread = ThreadPool("write", 1, niceness=_NICENESS)
        self._waiting: deque[_Job] = deque()
        self._working_for: asyncio.AbstractEventLoop | None = None

    def run(self, work: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Run the work in one commit with others. An error fails only this work. If the commit fails, all of them get
        `Unavailable`.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        if self._working_for is not loop:  # it is idle, or its loop is gone with all callers there
            self._working_for = loop
            self._waiting.clear()
            loop.call_soon(self._begin)
        self._waiting.append((work, future))
        return future

    def _begin(self) -> None:
        """Run group after group, until none is left."""
        group: list[_Job] = []
        while self._waiting and len(group) < MAX_UNITS:
            group.append(self._waiting.popleft())
        if not group:
            self._working_for = None
            return
        try:
            done = self._thread.run(partial(self._run_group, group))
        except Unavailable as error:  # no thread can be started: the next write tries again
            self._refuse_all(group, error)
        else:
            done.add_done_callback(partial(self._deliver, group))

    def _refuse_all(self, group: Sequence[_Job], error: Unavailable) -> None:
        for _, future in [*group, *self._waiting]:
            resolve(future, None, error)
        self._waiting.clear()
        self._working_for = None

    def _deliver(self, group: Sequence[_Job], done: "asyncio.Future[Sequence[Completion]]") -> None:
        try:
            for (_, future), completion in zip(group, done.result(), strict=True):
                resolve(future, *completion)
        finally:
            self._begin_after(_ROUNDS)

    def _begin_after(self, rounds: int) -> None:
        """Begin after so many iterations of the loop, or when a whole group waits."""
        if rounds and len(self._waiting) < MAX_UNITS:
            asyncio.get_running_loop().call_soon(self._begin_after, rounds - 1)
        else:
            self._begin()

    def _run_group(self, group: Sequence[_Job]) -> Sequence[Completion]:
        """Run each job, and commit. If the commit fails, all have its error.

        After one has timed out waiting for a lock, the next do not wait: all get its error.
        """
        completions: list[Completion] = []
        unavailable: BaseException | None = None
        try:
            with self._group_commit():
                for work, future in group:
                    if unavailable is not None or future.done():  # done: the caller has gone
                        completions.append((None, unavailable))
                        continue
                    result, error = run_job(work)
                    completions.append((result, error))
                    if isinstance(error, Unavailable) and not isinstance(error, Cancelled):
                        unavailable = error
        except Exception as error:  # noqa: BLE001 - each caller gets it
            return [(None, error)] * len(group)
        return completions
