"""One thread that writes for all, and keeps what has gathered meanwhile all at once: one wait for the disk serves many.

Where a store has one writer at a time and each change waits for the disk, changes that come one by one wait in a row.
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

from .thread_pool import Outcome, ThreadPool, outcome_of, tell

MAX_UNITS: Final = 64
"""How many units of work are kept at once. With more, the first of them would wait long for the last."""

_ROUNDS: Final = 3
"""How often the event loop goes round before the next batch begins: once to send the answers, once to read what their
clients ask next, and once to come to it. Without, those would wait for a batch of the few who came in between.
"""

_NICENESS: Final = 10
"""By how much who writes stands back behind who reads where both want the processor: a tenth of its share."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Job:
    """A unit of work, and where its answer is waited for."""

    work: Callable[[], Any]
    answer: asyncio.Future[Any]


class GroupCommitWriter:
    """Takes all that wait, does one after the other in one block, and answers when the block is left.

    What is waiting is known on the event loop only, and so needs no lock.
    """

    def __init__(self, together: GroupCommit) -> None:
        self._together = together
        self._thread = ThreadPool("write", 1, niceness=_NICENESS)
        self._waiting: deque[_Job] = deque()
        self._working_for: asyncio.AbstractEventLoop | None = None

    def run(self, work: Callable[[], Answer]) -> "asyncio.Future[Answer]":
        """Have the work done together with what else waits. One that fails fails alone; `Unavailable` is told of all
        that was done with it and was not kept, or may not be.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        if self._working_for is not loop:  # it rests, or the loop that it worked for is gone, and whoever waited there
            self._working_for = loop
            self._waiting.clear()
            loop.call_soon(self._begin)
        self._waiting.append(_Job(work, answer))
        return answer

    def _begin(self) -> None:
        """Batch after batch, until nobody waits."""
        batch = self._next_batch()
        if not batch:
            self._working_for = None
            return
        try:
            done = self._thread.run(partial(self._outcomes, batch))
        except Unavailable as error:  # no thread can be started: all who wait are told, and the next change tries again
            self._refuse_all(batch, error)
        else:
            done.add_done_callback(partial(self._answer, batch))

    def _refuse_all(self, batch: Sequence[_Job], error: Unavailable) -> None:
        for turn in [*batch, *self._waiting]:
            tell(turn.answer, None, error)
        self._waiting.clear()
        self._working_for = None

    def _answer(self, batch: Sequence[_Job], done: "asyncio.Future[Sequence[Outcome]]") -> None:
        try:
            for turn, outcome in zip(batch, done.result(), strict=True):
                tell(turn.answer, *outcome)
        finally:
            self._begin_after(_ROUNDS)

    def _begin_after(self, rounds: int) -> None:
        """Begin when the loop has gone round so often, or a whole batch waits."""
        if rounds and len(self._waiting) < MAX_UNITS:
            asyncio.get_running_loop().call_soon(self._begin_after, rounds - 1)
        else:
            self._begin()

    def _next_batch(self) -> Sequence[_Job]:
        return [self._waiting.popleft() for _ in range(min(MAX_UNITS, len(self._waiting)))]

    def _outcomes(self, batch: Sequence[_Job]) -> Sequence[Outcome]:
        """What came of each; nothing has, if the block cannot be left well."""
        try:
            with self._together():
                return list(_done(batch))
        except Exception as error:  # noqa: BLE001 - each of those who wait is told
            return [(None, error)] * len(batch)


def _done(batch: Sequence[_Job]) -> Iterator[Outcome]:
    """Each done, or not. Where the store has let one wait in vain for a lock, it does not let the next wait as long."""
    in_vain: BaseException | None = None
    for turn in batch:
        outcome = _outcome(turn) if in_vain is None else (None, in_vain)
        if isinstance(outcome[1], Unavailable) and not isinstance(outcome[1], Cancelled):
            in_vain = outcome[1]
        yield outcome


def _outcome(turn: _Job) -> Outcome:
    return (None, None) if turn.answer.done() else outcome_of(turn.work)  # done: whoever waited has gone
