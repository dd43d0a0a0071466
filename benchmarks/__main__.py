"""`python -m benchmarks`: measure, print the tables, and draw and write them down if everything was measured."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from . import growth, harness, rounds, use_cases
from .competitors import HERE, STORES
from .machine import about
from .processes import end_by_exception, leave_server_core, memory
from .report import Report, Weight, figures

_COMPETITORS: Final = [each.name for each in harness.ALL]
_DATABASES: Final = [store for store in STORES if store != "none"]
_PARTS: Final = ["load", "use-cases", "growth"]
_LONGEST: Final = 3 * 3600
"""Seconds after which a run is given up."""


def main() -> int:
    """Run what is asked for, and give the status that the process ends with."""
    options = _parser().parse_args()
    end_by_exception(_LONGEST)
    leave_server_core()
    report = Report(about(" ".join(["python -m benchmarks", *sys.argv[1:]])))
    try:
        with harness.work_folder() as folder:
            _measure(report, options, folder)
    finally:
        print(f"\n{report.markdown()}", flush=True)
    if options.keep or _is_whole(options):
        _keep(report)
    return 0


def _measure(report: Report, options: argparse.Namespace, folder: Path) -> None:
    if "use-cases" in options.part:
        report.use_cases = use_cases.microseconds()
    if "load" in options.part:
        _load(report, options, folder)
    if "growth" in options.part:
        stores = [store for store in growth.STORES if store in options.database]
        report.grown = growth.measure(folder, stores, options.posts)


def _load(report: Report, options: argparse.Namespace, folder: Path) -> None:
    with (
        harness.competitors(options.only, options.database, folder) as competitors,
        ExitStack() as until_end,
    ):
        footprints = []
        for each in competitors:
            footprints.append(until_end.enter_context(harness.running(each)))
            print(f"{each.label}: started, filled, checked", flush=True)
        report.results = rounds.measure(competitors, options.workload, options.rounds, options.seconds)
        report.weights = [
            Weight(each.name, each.store, footprint.start, footprint.idle, memory(each.process))
            for each, footprint in zip(competitors, footprints, strict=True)
        ]


def _keep(report: Report) -> None:
    (HERE / "results.md").write_text(report.markdown(), encoding="utf-8")
    drawn = HERE / "results.jsonl"
    drawn.write_text("".join(f"{json.dumps(each)}\n" for each in figures(report)), encoding="utf-8")
    plotting = [HERE / ".venvs/plot/bin/python", HERE / "plot.py", drawn, HERE.parent / "docs"]
    subprocess.run(plotting, timeout=120, check=True)
    print("Written: benchmarks/results.md, docs/benchmarks.png, docs/growth.png")


def _is_whole(options: argparse.Namespace) -> bool:
    chosen = ("only", "database", "workload", "part")
    return all(getattr(options, name) == _parser().get_default(name) for name in chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    for name, known in (
        ("only", _COMPETITORS),
        ("database", _DATABASES),
        ("workload", list(rounds.WORKLOADS)),
        ("part", _PARTS),
    ):
        parser.add_argument(f"--{name}", type=_some_of(known), default=known, help=f"some of {','.join(known)}")
    parser.add_argument("--rounds", type=int, default=5, help="the number of measurements of each workload")
    parser.add_argument("--seconds", type=int, default=4, help="the duration of each measurement")
    parser.add_argument(
        "--posts", type=int, default=100_000, help="the largest number of posts; a million takes 15 minutes"
    )
    parser.add_argument(
        "--keep", action="store_true", help="write and plot the results even if only a part was measured"
    )
    return parser


def _some_of(known: list[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(known):
            raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}")
        return chosen

    return parse


if __name__ == "__main__":
    sys.exit(main())
