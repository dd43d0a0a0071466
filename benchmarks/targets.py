"""The speed to reach, as ratios within one run, and what was reached."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeAlias

from .rounds import BUSY, QUIET, Results
from .use_cases import CHANGE, GET

_Speed: TypeAlias = tuple[str, str, dict[str, tuple[float, float]]]

_WRITING: Final[dict[str, tuple[float, float]]] = {"django": (6, 10), "fastapi": (5, 5), "pocketbase": (2, 2)}

_SPEED: Final[tuple[_Speed, ...]] = (
    ("get", "sqlite", {"django": (9, 12), "fastapi": (7, 7), "pocketbase": (1.2, 1.6), "bare": (0.55, 0.8)}),
    ("get", "postgresql", {"django": (5, 10), "fastapi": (4, 4), "bare": (0.25, 0.5)}),
    ("list", "sqlite", {"django": (10, 10), "fastapi": (7, 7), "pocketbase": (5, 5)}),
    ("list", "postgresql", {"django": (6, 6), "fastapi": (4, 4)}),
    ("create", "sqlite", _WRITING),
    ("create", "sqlite-normal", _WRITING),
    ("create", "postgresql", {"django": (5, 9), "fastapi": (4, 4)}),
    ("update", "sqlite", _WRITING),
    ("update", "sqlite-normal", _WRITING),
    ("update", "postgresql", {"django": (5, 9), "fastapi": (4, 4)}),
)
"""The speed-up over a rival: the target and the aim."""

_STORE_OF: Final = {"pocketbase": "sqlite-normal", "bare": "none"}
"""Competitors with one kind of database, or with none."""

SLOWEST: Final = 3.0
"""The maximum ratio of the p99 of reads during writes to that of quiet reads."""
MICROSECONDS: Final = {GET: 10.0, CHANGE: 25.0}


@dataclass(frozen=True, slots=True)
class Ratio:
    """The speed-up over a rival: median, minimum and maximum of the rounds."""

    workload: str
    store: str
    rival: str
    at_least: float
    aim: float
    reached: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        return self.reached >= self.at_least


def ratios(results: Results) -> Iterator[Ratio]:
    """All ratios of which both sides were measured."""
    for workload, store, rivals in _SPEED:
        for rival, (at_least, aim) in rivals.items():
            theirs = (rival, _STORE_OF.get(rival, store), workload)
            found = results.ratios(("ours", store, workload), theirs)
            if found:
                yield Ratio(workload, store, rival, at_least, aim, median(found), min(found), max(found))


def slowdowns(results: Results) -> Iterator[tuple[str, float, float, float]]:
    """The competitor, the p99 of quiet reads and of reads during writes (both in ms), and the median ratio."""
    for (name, store, workload), quiet in results.measured.items():
        if workload == QUIET:
            busy = results.measured[name, store, BUSY]
            pairs = zip(busy, quiet, strict=True)
            ratio = median(one.p99 / other.p99 for one, other in pairs)
            yield name, median(each.p99 for each in quiet), median(each.p99 for each in busy), ratio
