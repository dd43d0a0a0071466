"""`python -m fault_tests`: choose a fault, and print a table of the results."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from . import attacks, cluster, pair
from .processes import own, public_folder
from .rounds import Trial

_NEEDS: Final = "This needs Debian 12 or newer, and: apt-get install patroni etcd-server pgbouncer"
_ROUNDS: Final = {"pair": 20, "cluster": 10, "bouncer": 10, "careless": 1}
_WHAT: Final = """a pair whose primary dies; a patroni cluster whose leader dies and freezes by turns; the same behind
pgbouncer; a pair that loses what it acknowledged, to see that this is counted; attacks on the memory, CPU and
disk of one server"""
_ALL: Final = ["pair", "cluster", "bouncer"]


def main() -> int:
    """Run the chosen tests. Return the exit status: 1 if a guarantee was broken."""
    options = _parser().parse_args()
    if options.what == "attacks":
        return _attacks(options.only)
    print(_NEEDS, flush=True)
    chosen = _ALL if options.what == "all" else [options.what]
    good = True
    for what in chosen:
        began = time.monotonic()
        with public_folder(f"fault-tests-{what}-") as folder:
            trial = _run(what, own(folder), options.rounds or _ROUNDS[what])
        print(f"\n{trial.table()}\n\n`python -m fault_tests {what}`, {(time.monotonic() - began) / 60:.0f} minutes")
        good = good and all(each.is_good for each in trial.rounds)
    return max(0 if good else 1, _attacks([]) if options.what == "all" else 0)


def _attacks(names: Sequence[str]) -> int:
    began = time.monotonic()
    with public_folder("fault-tests-attacks-") as folder:
        table = attacks.run(folder, names)
    print(f"\n{table}\n\n`python -m fault_tests attacks`, {(time.monotonic() - began) / 60:.0f} minutes")
    return 0


def _run(what: str, folder: Path, rounds: int) -> Trial:
    if what == "pair":
        return pair.run(folder, rounds)
    if what == "careless":
        return pair.run(folder, rounds, careless=True)
    return cluster.run(folder, rounds, pooled=what == "bouncer")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fault_tests", description=__doc__, epilog=_NEEDS)
    parser.add_argument("what", choices=[*_ROUNDS, "attacks", "all"], help=_WHAT)
    parser.add_argument("--rounds", type=int, help="how many faults (20 for the pair, 10 for the cluster)")
    names = [attack.__name__ for attack in attacks.ALL]
    parser.add_argument(
        "--only", nargs="+", default=[], choices=names, metavar="ATTACK", help=f"of: {', '.join(names)}"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
