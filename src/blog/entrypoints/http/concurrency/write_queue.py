"""The write queue: one thread writes for all requests, and commits what has gathered meanwhile with one sync.

SQLite has one writer at a time, and each commit waits for the disk. Without this, commits wait one after the other.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

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


@dataclass(frozen=True, slots=True)
class _Job:
    """A unit of work, and the future for its result."""

    work: Callable[[], Any]
    result: asyncio.Future[Any]


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
        self._waiting.append(_Job(work, future))
        return future

    def _begin(self) -> None:
        """Run group after group, until none is left."""
        group = self._next_group()
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
        for job in [*group, *self._waiting]:
            resolve(job.result, None, error)
        self._waiting.clear()
        self._working_for = None

    def _deliver(self, group: Sequence[_Job], done: "asyncio.Future[Sequence[Completion]]") -> None:
        try:
            for job, completion in zip(group, done.result(), strict=True):
                resolve(job.result, *completion)
        finally:
            self._begin_after(_ROUNDS)

    def _begin_after(self, rounds: int) -> None:
        """Begin after so many iterations of the loop, or when a whole group waits."""
        if rounds and len(self._waiting) < MAX_UNITS:
            asyncio.get_running_loop().call_soon(self._begin_after, rounds - 1)
        else:
            self._begin()

    def _next_group(self) -> Sequence[_Job]:
        return [self._waiting.popleft() for _ in range(min(MAX_UNITS, len(self._waiting)))]

    def _run_group(self, group: Sequence[_Job]) -> Sequence[Completion]:
        """Run the jobs and commit. If the commit fails, all have its error."""
        try:
            with self._group_commit():
                return list(_run_jobs(group))
        except Exception as error:  # noqa: BLE001 - each caller gets it
            return [(None, error)] * len(group)


def _run_jobs(group: Sequence[_Job]) -> Iterator[Completion]:
    """Run each job. After one timed out waiting for a lock, the next do not wait: all get its error."""
    unavailable: BaseException | None = None
    for job in group:
        completion = _run_unless_done(job) if unavailable is None else (None, unavailable)
        if isinstance(completion[1], Unavailable) and not isinstance(completion[1], Cancelled):
            unavailable = completion[1]
        yield completion


def _run_unless_done(job: _Job) -> Completion:
    return (None, None) if job.result.done() else run_job(job.work)  # done: the caller has gone
