"""Every competitor gets every workload in every round, so that a machine whose speed drifts is the same to all."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, TypeAlias

from .checks import POSTS
from .competitors import Competitor
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
"""Competitor, store, workload."""


@dataclass
class Results:
    """The measurements: a list of figures for each cell, one for each round."""

    measured: dict[Cell, list[Measured]] = field(default_factory=dict)

    def add(self, competitor: Competitor, workload: str, found: Measured) -> None:
        self.measured.setdefault((competitor.name, competitor.store, workload), []).append(found)

    def rate(self, cell: Cell) -> float | None:
        """Requests a second: the median of the rounds."""
        return median(each.rate for each in self.measured[cell]) if cell in self.measured else None

    def ratios(self, ours: Cell, theirs: Cell) -> list[float]:
        """Return the ratio of requests per second, in each round."""
        if ours not in self.measured or theirs not in self.measured:
            return []
        pairs = zip(self.measured[ours], self.measured[theirs], strict=True)
        return [one.rate / other.rate for one, other in pairs]


def plan_of(competitor: Competitor, workload: str) -> Plan:
    """Return the requests of a workload."""
    if workload == "list":
        return Plan("GET", [(competitor.newest, "")])
    if workload == "create":
        sent = json.dumps(competitor.body(Draft(f"New {_NUMBER}", draft(1).body, NAMES[0])))
        before, _, after = sent.partition(_NUMBER)
        return Plan("POST", [(competitor.posts, competitor.shown(NAMES[0]))], before, after)
    if workload == "update":
        posts = zip(competitor.ids, competitor.authors, strict=True)
        targets = [(competitor.path(each), competitor.shown(author)) for each, author in posts]
        return Plan("PATCH", targets, '{"title": "Changed ', '"}')
    return Plan("GET", [(competitor.path(each), "") for each in competitor.ids or range(1, POSTS + 1)])


def measure(competitors: Sequence[Competitor], workloads: Sequence[str], rounds: int, seconds: float) -> Results:
    """All rounds of what reads, then all rounds of what writes: so whoever writes faster has no more to read.

    Raises:
        Failed: an answer was a refusal.
    """
    results = Results()
    for some in (READS, WRITES, (QUIET,)):
        chosen = [workload for workload in some if workload in workloads]
        for number in range(rounds if chosen else 0):
            for workload, competitor in _turns(competitors, chosen, number):
                _measure(results, competitor, workload, seconds)
            _say(f"{', '.join(chosen)}: round {number + 1} of {rounds}")
    return results


def _turns(
    competitors: Sequence[Competitor], workloads: Sequence[str], number: int
) -> Iterable[tuple[str, Competitor]]:
    """Return the competitors and workloads of a round, in order. Each round begins with somebody else."""
    for workload in workloads:
        takers = [each for each in competitors if workload in each.workloads]
        first = number % len(takers) if takers else 0
        yield from ((workload, each) for each in takers[first:] + takers[:first])


def _measure(results: Results, competitor: Competitor, workload: str, seconds: float) -> None:
    reading = plan_of(competitor, workload)
    results.add(competitor, workload, load(competitor.url, reading, seconds))
    if workload == QUIET:
        results.add(competitor, BUSY, _beside_writes(competitor, reading, seconds))


def _beside_writes(competitor: Competitor, reading: Plan, seconds: float) -> Measured:
    """Measure reads while as many connections update posts."""
    writing = plan_of(competitor, "update")
    with loading(competitor.url, writing, seconds + 2 * _LEAD) as process:
        time.sleep(_LEAD)
        found = load(competitor.url, reading, seconds)
        finished(process, competitor.url, writing)
    return found


def _say(what: str) -> None:
    print(what, flush=True)
