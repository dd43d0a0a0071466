"""The blog promises that its parts know each other only as the house says, and that this cannot be true of nothing."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from grimp import build_graph

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "blog"
CONTRACTS: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]

ADAPTERS = sorted(f"blog.adapters.{path.stem}" for path in (SOURCE / "adapters").iterdir() if path.stem[0] != "_")
DOMAIN = sorted(
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in (SOURCE / "domain").rglob("*.py")
)


def test_every_import_points_where_it_may() -> None:
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(cache_dir=None))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def named(contract: dict[str, Any]) -> list[str]:
    """Every part of the blog that a contract speaks of."""
    words = [*contract.get("modules", []), *contract.get("source_modules", []), *contract.get("forbidden_modules", [])]
    words += [f"blog.{part}" for layer in contract.get("layers", []) for part in layer.split(" | ")]
    return [word for word in words if word.partition(".")[0] == "blog"]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract["name"])
def test_no_import_contract_names_a_missing_module(contract: dict[str, Any]) -> None:
    for name in named(contract):
        path = ROOT / "src" / name.replace(".", "/")
        files = [path.with_suffix(".py")] if path.with_suffix(".py").exists() else list(path.rglob("*.py"))
        assert any(file.read_text().count("\n") > 10 or file.stem == "__main__" for file in files), f"{name} is empty"


def test_no_part_is_left_out_of_the_layers() -> None:
    (layers,) = (contract for contract in CONTRACTS if contract["type"] == "layers")
    parts = {
        f"blog.{path.stem}" for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert set(named(layers)) == parts - {"blog.__init__"}
    assert layers["exhaustive"]


def test_no_adapter_is_left_out_of_their_independence() -> None:
    (independence,) = (contract for contract in CONTRACTS if contract["type"] == "independence")
    assert sorted(independence["modules"]) == ADAPTERS


TECHNOLOGY = {
    "__init__.py": set(),
    "__main__.py": set(),
    "domain": set(),
    "adapters/argon2.py": {"argon2"},
    "adapters/markdown": {"markdown_it", "mdit_py_plugins", "nh3", "pygments"},
    "adapters/memory": set(),
    "adapters/sql": {"alembic", "psycopg", "sqlalchemy"},
    "adapters/system.py": set(),
    "adapters/zxcvbn.py": {"zxcvbn"},
    "testing": {"hypothesis", "pytest"},
    "entrypoints/cli": {"tqdm", "uvicorn", "yaml"},
    "entrypoints/http": {"litestar", "msgspec"},
    "entrypoints/server": {"httptools", "structlog", "uvicorn"},
    "settings.py": set(),
    "bootstrap.py": set(),
}
"""Exactly what each part knows of the world outside the standard library."""


def foreign(path: Path) -> set[str]:
    """Return the imports of a part that are neither its own nor of the standard library, anywhere in its files."""
    nodes = [node for file in sorted(path.rglob("*.py")) or [path] for node in ast.walk(ast.parse(file.read_text()))]
    names = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0]
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"blog"}


@pytest.mark.parametrize(("part", "technology"), TECHNOLOGY.items())
def test_every_part_knows_its_own_technology_and_no_other(part: str, technology: set[str]) -> None:
    assert foreign(SOURCE / part) == technology


def test_every_file_is_of_some_part() -> None:
    files = {str(file.relative_to(SOURCE)) for file in SOURCE.rglob("*.py") if file.read_text().count("import ")}
    assert [file for file in files if not file.startswith(tuple(TECHNOLOGY))] == []


def newly_loaded(modules: list[str]) -> set[str]:
    """Return the modules that a new interpreter loads with these, without the standard library."""
    program = f"import sys; before = set(sys.modules); import {', '.join(modules)}; print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name for name in run.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}


def test_the_domain_loads_nothing_but_itself_and_the_standard_library() -> None:
    assert len(DOMAIN) >= 8
    assert newly_loaded(DOMAIN) == {"blog", *DOMAIN}


def test_what_a_domain_module_loads_is_noticed() -> None:
    assert {"argon2", "blog.adapters.argon2"} <= newly_loaded(["blog.adapters.argon2"])


def first_cycle(imports: Mapping[str, Collection[str]]) -> Sequence[str]:
    """Return a cycle of modules, each of which imports the one before it; empty if there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        return cycle
    return []


def test_there_is_no_import_cycle_not_even_for_the_type_checker() -> None:
    graph = build_graph("blog", cache_dir=None)  # also of imports under `TYPE_CHECKING`
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 100
    assert first_cycle(imports) == [], "move what both modules need into a third one"


def test_an_import_cycle_is_noticed() -> None:
    assert first_cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
