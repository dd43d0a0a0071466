"""The blog promises that each promise about security names the tests that keep it, and that they are there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    (match[1], match[2])
    for match in re.finditer(
        r"^\| ([CTRAIOXBS]\d+) \|.*\|(.*)\|$", (ROOT / "docs" / "security.md").read_text(encoding="utf-8"), re.MULTILINE
    )
]
ASKED = {"C": 16, "T": 28, "R": 12, "A": 24, "I": 17, "O": 14, "X": 6, "B": 11, "S": 11}
"""The number of guarantees of each kind."""


def test_the_document_has_every_promise_once() -> None:
    assert [row for row, _ in ROWS] == [
        f"{kind}{number}" for kind, count in ASKED.items() for number in range(1, count + 1)
    ]


@pytest.mark.parametrize(("row", "kept_by"), ROWS, ids=[row for row, _ in ROWS])
def test_every_promise_names_tests_that_are_there(row: str, kept_by: str) -> None:
    tests = re.findall(r"`([\w/]+\.py)::(\w+)`", kept_by)
    assert tests, f"{row} is kept by no test"
    for path, name in tests:
        assert name in functions_in(ROOT / "tests" / path), f"{path}::{name}"


@cache
def functions_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
