"""A ledger of acknowledged writes, and the check that all are stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Row(NamedTuple):
    """A post as it is found."""

    title: str
    body: str
    version: int


class State(NamedTuple):
    """A post as it was written: the body follows from the title."""

    title: str
    version: int


def body_of(title: str) -> str:
    """A body that spans more than a page of the database, and tells which title it belongs to."""
    return f"{title} " * 400


@dataclass
class Ledger:
    """One writer's posts. A write that was not acknowledged may be stored or not; the writer leaves such a post alone,
    since it may still happen.
    """

    live: dict[int, State] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    doubtful: dict[int, tuple[State, State | None]] = field(default_factory=dict)
    unborn: set[str] = field(default_factory=set)

    def keep(self, number: int, state: State) -> None:
        """A post was acknowledged to be so."""
        self.live[number] = state

    def drop(self, number: int) -> None:
        """A post was acknowledged to be deleted."""
        del self.live[number]
        self.gone.add(number)

    def doubt(self, number: int | None, title: str, *, deleting: bool) -> None:
        """Nobody said what became of a change."""
        if number is None:
            self.unborn.add(title)
        else:
            before = self.live.pop(number)
            self.doubtful[number] = (before, None if deleting else State(title, before.version + 1))


@dataclass
class Findings:
    """The differences from the expected posts."""

    lost: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)


def compare(ledgers: Sequence[Ledger], found: Mapping[int, Row]) -> Findings:
    """Hold what is found against what was promised."""
    findings = Findings()
    findings.torn = [f"post {number} is {row.title!r}" for number, row in found.items() if _is_torn(row)]
    states = {number: State(row.title, row.version) for number, row in found.items()}
    known: set[int] = set()
    for ledger in ledgers:
        known |= ledger.live.keys() | ledger.gone | ledger.doubtful.keys()
        findings.lost += _lost(ledger, states)
    unborn = {State(title, 1) for ledger in ledgers for title in ledger.unborn}
    for number in sorted(states.keys() - known):
        if states[number] not in unborn:
            findings.strange.append(f"post {number} is {states[number]}, which no writer sent")
        unborn.discard(states[number])
    return findings


def _lost(ledger: Ledger, states: Mapping[int, State]) -> list[str]:
    allowed: dict[int, tuple[State | None, ...]] = {number: (state,) for number, state in ledger.live.items()}
    allowed |= dict.fromkeys(ledger.gone, (None,))
    allowed |= ledger.doubtful
    return [
        f"post {number} should be {' or '.join(map(str, either))}, and is {states.get(number)}"
        for number, either in allowed.items()
        if states.get(number) not in either
    ]


def _is_torn(row: Row) -> bool:
    return row.body != body_of(row.title)
