"""The blog promises that a file is one subject and a function can be read at a glance."""

import ast
from pathlib import Path
from typing import Final

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


SHORTEST_FILE = 40
SHORT: Final = {
    "__main__.py": "the entry point of `python -m blog`",
    "adapters/memory/working_copies.py": "one repository, as its neighbours",
    "adapters/sql/engine/data_version.py": "one subject that nothing else needs",
    "adapters/sql/schema/migrations/env.py": "a file that Alembic asks for",
    "adapters/sql/search/marks.py": "one subject that the index and a migration need",
    "entrypoints/cli/printing.py": "one subject that all commands need",
    "entrypoints/cli/progress.py": "loaded only where progress is shown",
    "entrypoints/cli/streams.py": "one subject that all commands need",
    "entrypoints/http/routes/health.py": "one resource",
    "entrypoints/http/routes/tokens.py": "one resource",
    "testing/contracts/cost.py": "one subject that two contracts need",
}
"""Modules that are short, and why they stand alone. A thin module costs its reader a jump."""

PACKAGES = sorted({module.parent for module in MODULES} - {SOURCE / "adapters/sql/schema/migrations/versions"})
MEMBERS_OF_A_PACKAGE = range(3, 13)
OTHER_PACKAGES: Final = {
    "adapters/memory": "a repository for each port, and what they share",
    "adapters/sql/repositories": "a repository for each port, and what they share",
    "adapters/sql/schema/migrations": "a folder that Alembic asks for",
    "domain/posts": "all that belongs to a post",
    "entrypoints/http": "six packages, and the path of a request",
    "entrypoints/http/routes": "a file for each resource",
    "testing": "what tests inherit, in two packages",
    "testing/contracts": "a contract for each port, and what they share",
}
"""Packages that have fewer or more members, and why."""


def test_a_short_module_has_a_reason() -> None:
    short = {
        str(module.relative_to(SOURCE))
        for module in MODULES
        if module.name != "__init__.py" and len(module.read_text().splitlines()) < SHORTEST_FILE
    }
    assert {name for name in short if "/versions/" not in name} == set(SHORT)


def test_a_package_has_three_to_twelve_members() -> None:
    sizes = {}
    for package in PACKAGES:
        modules = [path for path in package.glob("*.py") if path.name != "__init__.py"]
        packages = [path for path in package.iterdir() if (path / "__init__.py").exists()]
        sizes[str(package.relative_to(SOURCE))] = len(modules) + len(packages)
    assert {name for name, size in sizes.items() if size not in MEMBERS_OF_A_PACKAGE} == set(OTHER_PACKAGES)
