"""Rounds: writers, a fault in the middle, a look at what is left; and the table of them."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx

from .ledger import Findings, Row, compare
from .processes import wait_until
from .server import Server
from .writers import Tally, Writer, writing

WARM: Final = 2
"""Seconds of untroubled writing before and after a fault."""

_AGAIN: Final = 50
"""Acknowledged writes after which the blog counts as back."""

_HEADER: Final = (
    "| round | fault | acknowledged | unknown (503) | longest gap | slowest answer | lost | half written | other |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass
class Round:
    """The effects of one fault."""

    fault: str
    tally: Tally = field(default_factory=Tally)
    findings: Findings = field(default_factory=Findings)

    @property
    def is_good(self) -> bool:
        """Whether every guarantee held."""
        return not (self.findings.lost or self.findings.torn or self.findings.strange or self.tally.wrong)

    @property
    def complaints(self) -> list[str]:
        """Return the broken guarantees as text."""
        return [
            *(f"lost: {each}" for each in self.findings.lost),
            *(f"half written: {each}" for each in self.findings.torn),
            *(f"unexpected: {each}" for each in self.findings.strange),
            *(f"wrong answer: {each}" for each in self.tally.wrong),
        ]


@dataclass
class Trial:
    """Some rounds on one blog. `stored` looks past the blog into its database."""

    title: str
    server: Server
    stored: Callable[[], dict[int, Row]]
    writers: Sequence[Writer]
    rounds: list[Round] = field(default_factory=list)

    @contextmanager
    def round(self, fault: str) -> Iterator[Round]:
        """Writers write around and during the block, in which the fault happens; then everything is compared."""
        this = Round(fault)
        with writing(self.writers, self.server) as this.tally:
            time.sleep(WARM)
            yield this
            time.sleep(WARM)
        self.server.wait_ready()
        this.findings = self._findings()
        self.rounds.append(this)
        _say(f"{self.title}, round {len(self.rounds)}: {_row(len(self.rounds), this)}")
        for complaint in this.complaints[:20]:
            _say(f"  {complaint}")

    def _findings(self) -> Findings:
        """Once the blog and its database show the same, which they do when nothing is under way any more."""
        shown: list[dict[int, Row]] = [{}, {}]

        def agree() -> bool:
            try:
                shown[:] = [self.server.posts(), self.stored()]
            except httpx.HTTPStatusError:
                return False
            return shown[0] == shown[1]

        wait_until(agree, 30, "the blog to show what its database holds")
        return compare([writer.ledger for writer in self.writers], shown[0])

    def table(self) -> str:
        """All rounds, as Markdown."""
        rows = [_row(number, each) for number, each in enumerate(self.rounds, 1)]
        return "\n".join([f"### {self.title}", "", _HEADER, *rows, self._total()])

    def _total(self) -> str:
        total = Round("all")
        for each in self.rounds:
            total.findings.lost += each.findings.lost
            total.findings.torn += each.findings.torn
            total.findings.strange += each.findings.strange
            total.tally.wrong += each.tally.wrong
            total.tally.statuses.update(each.tally.statuses)
            total.tally.slowest = max(total.tally.slowest, each.tally.slowest)
        longest = max((each.tally.longest_gap() for each in self.rounds), default=0)
        return _row(len(self.rounds), total, longest)


def wait_for_writes(this: Round, seconds: float = 90) -> None:
    """Wait until writes are acknowledged again."""
    now = time.monotonic()
    wait_until(lambda: this.tally.since(now) >= _AGAIN, seconds, "writes to be acknowledged again")


def _row(number: int, this: Round, gap: float | None = None) -> str:
    tally, findings = this.tally, this.findings
    acknowledged = sum(count for status, count in tally.statuses.items() if status < httpx.codes.MULTIPLE_CHOICES)
    gap = tally.longest_gap() if gap is None else gap
    return (
        f"| {number} | {this.fault} | {acknowledged:,} | {tally.statuses[503]:,} | {gap:.1f} s | {tally.slowest:.1f} s "
        f"| {len(findings.lost)} | {len(findings.torn)} | {len(findings.strange) + len(tally.wrong)} |"
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
