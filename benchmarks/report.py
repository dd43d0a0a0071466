"""The tables, in Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .growth import Grown
from .rounds import READS, WRITES, Results
from .targets import MICROSECONDS, SLOWEST, Ratio, ratios, slowdowns

NAMES: Final = {
    "ours": "blog",
    "ours-no-cache": "blog, no response cache",
    "django": "Django REST framework",
    "fastapi": "FastAPI",
    "pocketbase": "PocketBase",
    "pocketbase-unlogged": "PocketBase, request log off",
    "bare": "bare handler",
}
STORES: Final = {
    "sqlite": "SQLite",
    "sqlite-normal": "SQLite, `NORMAL`",
    "postgresql": "PostgreSQL",
    "none": "",
}


@dataclass(frozen=True, slots=True)
class Weight:
    """A server's start up to its first 200, in seconds, and its memory in MiB, idle and once all loads were over."""

    competitor: str
    store: str
    start: float
    idle: float
    loaded: float


@dataclass
class Report:
    """All measurements of one run."""

    about: Mapping[str, str]
    """Date, machine and versions."""
    results: Results = field(default_factory=Results)
    weights: Sequence[Weight] = ()
    use_cases: Mapping[str, float] = field(default_factory=dict)
    grown: Sequence[Grown] = ()

    def markdown(self) -> str:
        """Return every table with at least one measurement."""
        parts = [_about(self.about), _ratios(list(ratios(self.results))), _slowdowns(self.results)]
        parts += [_use_cases(self.use_cases), _rates(self.results), _weights(self.weights), _growth(self.grown)]
        return "\n".join(part for part in parts if part)


def _about(about: Mapping[str, str]) -> str:
    lines = [f"* {name}: {value}" for name, value in about.items()]
    return "# Results\n\n" + "\n".join(lines) + "\n"


def _ratios(found: Sequence[Ratio]) -> str:
    rows = [
        [
            each.workload,
            STORES[each.store],
            NAMES[each.rival],
            f"**{_factor(each.reached)}**",
            f"{_factor(each.low)} to {_factor(each.high)}",
            f"≥ {each.at_least:g}",
            f"{each.aim:g}" if each.aim > each.at_least else "",
            _holds(each.holds),
        ]
        for each in found
    ]
    head = ["", "database", "against", "speed-up", "range over the rounds", "target", "aim", "reached?"]
    return _table("Speed-up over competitors", head, rows)


def _slowdowns(results: Results) -> str:
    rows = [
        [
            NAMES[name],
            f"{quiet:.1f} ms",
            f"{busy:.1f} ms",
            _factor(ratio),
            *_judged(name, ratio),
        ]
        for name, quiet, busy, ratio in slowdowns(results)
    ]
    head = ["", "quiet", "during writes", "ratio", "target", "reached?"]
    return _table("p99 of GETs of one post, SQLite", head, rows)


def _judged(name: str, ratio: float) -> list[str]:
    return [f"≤ {SLOWEST:g}", _holds(ratio <= SLOWEST)] if name == "ours" else ["", ""]


def _holds(holds: object) -> str:
    return "yes" if holds else "**no**"


def _use_cases(found: Mapping[str, float]) -> str:
    rows = [[name, f"{value:.1f} µs", *_bounded(value, MICROSECONDS.get(name))] for name, value in found.items()]
    return _table("A use case on the in-memory store", ["", "minimum of 60 batches", "target", "reached?"], rows)


def _bounded(value: float, bound: float | None) -> list[str]:
    return ["", ""] if bound is None else [f"≤ {bound:g} µs", _holds(value <= bound)]


def _rates(results: Results) -> str:
    sides = dict.fromkeys((name, store) for name, store, _ in results.measured)
    rows = [
        [NAMES[name], STORES[store], *(_rate(results, name, store, workload) for workload in (*READS, *WRITES))]
        for name, store in sides
    ]
    return _table("Requests per second, median of the rounds", ["", "database", *READS, *WRITES], rows)


def _rate(results: Results, name: str, store: str, workload: str) -> str:
    found = results.rate((name, store, workload))
    return "" if found is None else f"{found:,.0f}".replace(",", " ")


def _weights(weights: Sequence[Weight]) -> str:
    rows = [
        [NAMES[each.competitor], STORES[each.store], f"{each.start:.2f} s", f"{each.idle:.0f}", f"{each.loaded:.0f}"]
        for each in weights
    ]
    head = ["", "database", "start to first 200", "MiB idle", "MiB after all workloads"]
    return _table("Start and memory of one worker", head, rows)


def _growth(grown: Sequence[Grown]) -> str:
    sizes = sorted({each.posts for each in grown})
    found = {(each.store, each.what, each.posts): f"{each.milliseconds:.2f}" for each in grown}
    sides = dict.fromkeys((each.store, each.what) for each in grown)
    rows = [[what, STORES[store], *(found.get((store, what, size), "") for size in sizes)] for store, what in sides]
    head = ["", "database", *(f"{size:,} posts".replace(",", " ") for size in sizes)]
    text = _table("Median duration of a single request by number of posts, in ms", head, rows)
    lacks_search = grown and not any(each.what.startswith("search") for each in grown)
    return text + ("\nThis version of the blog does not search.\n" if lacks_search else "")


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows]]
    return f"## {title}\n\n" + "\n".join(lines) + "\n"


def _factor(value: float) -> str:
    return f"{value:.{2 if value < 10 else 1}f}×"  # noqa: PLR2004, RUF001 - three digits tell enough


def figures(report: Report) -> Iterator[dict[str, object]]:
    """Return the data of the plots, a line each, for `plot.py`."""
    for each in ratios(report.results):
        yield {
            "kind": "ratio",
            "workload": each.workload,
            "store": each.store,
            "rival": each.rival,
            "reached": each.reached,
            "low": each.low,
            "high": each.high,
            "at_least": each.at_least,
        }
    for one in report.grown:
        yield {"kind": "grown", "store": one.store, "posts": one.posts, "what": one.what, "ms": one.milliseconds}
