"""The budget of parsing a text: steps, so that the same text ends in the same way on every machine."""

from collections.abc import Callable
from typing import Any, Final

from blog.domain.posts.markdown import Check, go_on

_CHECK_EVERY: Final = 512
"""Steps after which the work is stopped if nobody waits for it any longer."""


class BudgetExceeded(Exception):
    """The text takes too many steps, or nests too deeply."""


class Budget:
    """Counts the steps of parsing one text. A step is the call of one rule of the parser, at one position.

    Args:
        steps: the number of steps.
        check: stops the work, by an exception, if nobody waits for it any longer. It is called every few hundred steps.
    """

    __slots__ = ("_check", "_limit", "steps")

    def __init__(self, steps: int, check: Check = go_on) -> None:
        self.steps = 0
        self._limit, self._check = steps, check

    def spend(self, steps: int = 1) -> None:
        """Count steps.

        Raises:
            BudgetExceeded: there are none left.
        """
        before = self.steps
        self.steps += steps
        if self.steps > self._limit:
            raise BudgetExceeded
        if before // _CHECK_EVERY != self.steps // _CHECK_EVERY:
            self._check()


def counted(rule: Callable[..., Any], max_level: int) -> Callable[..., Any]:
    """Return a rule of markdown-it that spends a step of the budget in `env` with each call, down to a level."""

    def run(state: Any, *args: Any) -> Any:
        if state.level > max_level:
            raise BudgetExceeded
        state.env["budget"].spend()
        return rule(state, *args)

    return run
