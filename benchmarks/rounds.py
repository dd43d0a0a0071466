"""Every contender gets every workload in every round, so that a machine whose speed drifts is the same to all."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, TypeAlias

from .checks import POSTS
from .contenders import Contender
from .contents import NAMES, Draft, draft
from .load import Measured, Plan, finished, load, loading

READS: Final = ("get", "list")
WRITES: Final = ("update", "create")
QUIET: Final = "p99"
"""GETs of one post again, for how long the slowest of a hundred takes..."""
BUSY: Final = "p99 under writes"
"""... and how long while others write."""
WORKLOADS: Final = (*READS, *WRITES, QUIET)
_NUMBER: Final = "(number)"
_LEAD: Final = 1
"""Seconds by which writers begin before, and end after, the reads whose latencies are measured beside them."""

Cell: TypeAlias = tuple[str, str, str]
"""Contender, store, workload."""


@dataclass
class Results:
    """What was measured: for each cell as many figures as there were rounds, in their order."""

    measured: dict[Cell, list[Measured]] = field(default_factory=dict)

    def add(self, contender: Contender, workload: str, found: Measured) -> None:
        self.measured.setdefault((contender.name, contender.store, workload), []).append(found)

    def rate(self, cell: Cell) -> float | None:
        """Requests a second: the median of the rounds."""
        return median(each.rate for each in self.measured[cell]) if cell in self.measured else None

    def ratios(self, ours: Cell, theirs: Cell) -> list[float]:
        """How many times as many requests a second, in each round."""
        if ours not in self.measured or theirs not in self.measured:
            return []
        pairs = zip(self.measured[ours], self.measured[theirs], strict=True)
        return [one.rate / other.rate for one, other in pairs]


def plan_of(contender: Contender, workload: str) -> Plan:
    """What is asked in a workload."""
    if workload == "list":
        return Plan("GET", [(contender.newest, "")])
    if workload == "create":
        sent = json.dumps(contender.body(Draft(f"New {_NUMBER}", draft(1).body, NAMES[0])))
        before, _, after = sent.partition(_NUMBER)
        return Plan("POST", [(contender.posts, contender.shown(NAMES[0]))], before, after)
    if workload == "update":
        posts = zip(contender.ids, contender.authors, strict=True)
        targets = [(contender.path(each), contender.shown(author)) for each, author in posts]
        return Plan("PATCH", targets, '{"title": "Changed ', '"}')
    return Plan("GET", [(contender.path(each), "") for each in contender.ids or range(1, POSTS + 1)])


def measure(contenders: Sequence[Contender], workloads: Sequence[str], rounds: int, seconds: float) -> Results:
    """All rounds of what reads, then all rounds of what writes: so whoever writes faster has no more to read.

    Raises:
        Failed: an answer was a refusal.
    """
    results = Results()
    for some in (READS, WRITES, (QUIET,)):
        chosen = [workload for workload in some if workload in workloads]
        for number in range(rounds if chosen else 0):
            for workload, contender in _turns(contenders, chosen, number):
                _measure(results, contender, workload, seconds)
            _say(f"{', '.join(chosen)}: round {number + 1} of {rounds}")
    return results


def _turns(contenders: Sequence[Contender], workloads: Sequence[str], number: int) -> Iterable[tuple[str, Contender]]:
    """Who is asked what in a round, one after the other. Each round begins with somebody else."""
    for workload in workloads:
        takers = [each for each in contenders if workload in each.workloads]
        first = number % len(takers) if takers else 0
        yield from ((workload, each) for each in takers[first:] + takers[:first])


def _measure(results: Results, contender: Contender, workload: str, seconds: float) -> None:
    reading = plan_of(contender, workload)
    results.add(contender, workload, load(contender.url, reading, seconds))
    if workload == QUIET:
        results.add(contender, BUSY, _beside_writes(contender, reading, seconds))


def _beside_writes(contender: Contender, reading: Plan, seconds: float) -> Measured:
    """What reads are like while as many connections change posts."""
    writing = plan_of(contender, "update")
    with loading(contender.url, writing, seconds + 2 * _LEAD) as process:
        time.sleep(_LEAD)
        found = load(contender.url, reading, seconds)
        finished(process, contender.url, writing)
    return found


def _say(what: str) -> None:
    print(what, flush=True)
