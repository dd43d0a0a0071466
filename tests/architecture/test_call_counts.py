"""ARCHITECTURE.md says how many calls and files a request runs through."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
ROW: Final = re.compile(r"^\| ([^|]+) \| (\d+) \| \d+ \| \d+ \| \d+ \| (\d+) \|$", re.MULTILINE)
PRECISION: Final = 0.05 if sys.version_info < (3, 12) else 0.15
"""The table is of Python 3.11. Since 3.12, comprehensions are no calls."""
FIRST_TIME: Final = 0.25
"""Other threads start meanwhile, and compile statements too."""


def counts_in(text: str) -> dict[str, list[int]]:
    """The numbers of calls and of files in each row of the table, by the name of the request."""
    return {name: [int(calls), int(files)] for name, calls, files in ROW.findall(text)}


def test_the_counts_of_calls_and_files_are_those_of_the_code() -> None:
    documented = counts_in((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    command = [sys.executable, "-m", "tools.trace_calls"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert len(documented) == 6
    for name, counts in counts_in(printed).items():
        precision = FIRST_TIME if name.endswith("first time") else PRECISION
        assert documented[name] == pytest.approx(counts, rel=precision, abs=1), f"the table is now\n{printed}"
