"""One unit of work beside another, which does one part of its plan at a time."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import pytest

from blog.domain.blog import OpenBlog
from blog.domain.errors import Unavailable
from blog.testing.contracts.fixtures import Failed

from .interleaving_model import Create, Delete, Find, Increase, Kept, List, Model, Part, Read

BRIEFLY: Final = 0.004
"""Seconds after which what may have to wait is taken to wait. If it was only slow, nothing is lost by it."""

SOON: Final = 10
"""Seconds that are more than enough for a unit that waits for no other."""


@dataclass(frozen=True)
class Plan:
    """The steps of a unit, and its end."""

    steps: Sequence[Increase | Read | Delete | List | Find | Create]
    fails: bool

    @property
    def parts(self) -> list[Part]:
        """All parts of all steps."""
        parts = [step.parts if isinstance(step, Increase) else (step,) for step in self.steps]
        return [part for several in parts for part in several]


class Unit:
    """A unit of work on a thread of its own, which continues on command.

    `ended`: it is over; `refused`: it was refused; `waits` is what it is doing, while it waits.
    """

    def __init__(self, kept: Kept, open_blog: OpenBlog, thread: ThreadPoolExecutor, plan: Plan, mark: str) -> None:
        self.model = Model(kept, mark)
        self.ended = self.refused = False
        self.waits: Future[Any] | None = None
        self._plan, self._parts = plan, deque(plan.parts)
        self._open_blog, self._thread = open_blog, thread
        self._open = ExitStack()
        self._blog: Any = None

    @property
    def writes(self) -> bool:
        """Whether it has begun to write."""
        return self.model.writes_since is not None

    def go_on(self, beside: "Unit") -> None:
        """Do what comes next. It may wait only for a lock, and only where the other unit may hold it."""
        part = self._parts[0] if self._parts else None
        may_wait = False
        if part is not None and part.writes:
            self.model.begin_to_write()
            may_wait = beside.writes and not beside.ended
        self.waits = self._thread.submit(self._end if part is None else lambda: self._do(part))
        wait([self.waits], timeout=BRIEFLY if may_wait else SOON)
        self.settle(beside)
        assert may_wait or self.waits is None, f"{part or self._plan} waits for nobody"

    def settle(self, beside: "Unit") -> None:
        """If it is done, take over what came of it."""
        if self.waits is None or not self.waits.done():
            return
        seen, self.waits = self.waits.result(), None
        part = self._parts.popleft() if self._parts else None
        if isinstance(seen, Unavailable):
            assert beside.writes, f"{part or self._plan} was refused, and nobody else writes: {seen}"
            self.ended = self.refused = True
        elif part is not None:
            part.check(seen, self.model)
        else:
            self.ended = True
            if not self._plan.fails:
                self.model.keep()

    def abandon(self) -> None:
        """End the unit in any state."""
        if not self.ended:
            self._thread.submit(self._fail, Failed())

    def _do(self, part: Part) -> Any:
        """Return the result of the part, or its error."""
        return self._unless_refused(lambda: part.do(self._entered(), self.model))

    def _end(self) -> Any:
        return self._unless_refused(lambda: self._fail(Failed()) if self._plan.fails else self._open.close())

    def _unless_refused(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Unavailable as refusal:
            self._fail(refusal)
            return refusal

    def _entered(self) -> Any:
        if self._blog is None:
            self._blog = self._open.enter_context(self._open_blog())
        return self._blog

    def _fail(self, failure: Exception) -> None:
        """Leave the block of the unit by an exception, which must come out: or else it would seem to have succeeded."""
        kind = Unavailable if isinstance(failure, Unavailable) else type(failure)
        with pytest.raises(kind), self._open:
            raise failure
