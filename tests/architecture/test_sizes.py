"""The blog promises that a file is one subject and a function can be read at a glance."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "blog"
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST_FILE = 500
LONGEST_FUNCTION = 50


def functions(module: Path) -> dict[str, int]:
    """Every function of a module, and how many lines it has."""
    return {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_there_is_something_to_measure() -> None:
    assert len(MODULES) >= 20
    assert max(length for module in MODULES for length in functions(module).values()) > 10


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_is_one_subject(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_function_can_be_read_at_a_glance(module: Path) -> None:
    assert {name: length for name, length in functions(module).items() if length > LONGEST_FUNCTION} == {}
