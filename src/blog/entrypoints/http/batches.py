"""One thread that writes for all, and keeps what has gathered meanwhile all at once: one wait for the disk serves many.

Where a store has one writer at a time and each change waits for the disk, changes that come one by one wait in a row.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from blog.domain.blog import Together
from blog.domain.errors import Unavailable

MOST: Final = 64
"""How many units of work are kept at once. With more, the first of them would wait long for the last."""

Answer = TypeVar("Answer")
_Outcome: TypeAlias = tuple[Any, Exception | None]


@dataclass(frozen=True, slots=True)
class _Turn:
    """A unit of work, and where its answer is waited for."""

    work: Callable[[], Any]
    answer: asyncio.Future[Any]


class Batches:
    """Takes all that wait, does one after the other in one block, and answers when the block is left.

    What is waiting is known on the event loop only, and so needs no lock.
    """

    def __init__(self, together: Together) -> None:
        self._together = together
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="blog-write")
        self._waiting: deque[_Turn] = deque()
        self._working: asyncio.Task[None] | None = None

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Do the work together with what else waits. One that fails fails alone.

        Raises:
            Unavailable: all that was done with it was not kept, or may not be.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Turn(work, answer))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        """Batch after batch, until nobody waits."""
        try:
            while batch := self._next_batch():
                outcomes = await asyncio.get_running_loop().run_in_executor(self._executor, self._outcomes, batch)
                for turn, (answer, error) in zip(batch, outcomes, strict=True):
                    if turn.answer.done():
                        continue
                    if error is None:
                        turn.answer.set_result(answer)
                    else:
                        turn.answer.set_exception(error)
        finally:
            self._working = None

    def _next_batch(self) -> Sequence[_Turn]:
        return [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]

    def _outcomes(self, batch: Sequence[_Turn]) -> Sequence[_Outcome]:
        """What came of each; nothing has, if the block cannot be left well."""
        try:
            with self._together():
                return list(_done(batch))
        except Exception as error:  # noqa: BLE001 - each of those who wait is told
            return [(None, error)] * len(batch)


def _done(batch: Sequence[_Turn]) -> Iterator[_Outcome]:
    """Each done, or not. Where the store has let one wait in vain for a lock, it does not let the next wait as long."""
    in_vain: Exception | None = None
    for turn in batch:
        outcome = _outcome(turn) if in_vain is None else (None, in_vain)
        if isinstance(outcome[1], Unavailable):
            in_vain = outcome[1]
        yield outcome


def _outcome(turn: _Turn) -> _Outcome:
    if turn.answer.done():  # whoever waited has gone
        return None, None
    try:
        return turn.work(), None
    except Exception as error:  # noqa: BLE001 - it is told to whoever waits for it
        return None, error
