"""The blog promises that its domain tells no time, draws no lots, and touches neither files nor the world."""

import ast
from pathlib import Path

import pytest

DOMAIN = sorted((Path(__file__).parents[2] / "src/blog/domain").rglob("*.py"))

IMPURE_MODULES = {
    *(
        "asyncio",
        "concurrent",
        "contextvars",
        "ctypes",
        "fcntl",
        "ftplib",
        "getpass",
        "glob",
        "http",
        "importlib",
        "io",
    ),
    *(
        "locale",
        "logging",
        "mmap",
        "multiprocessing",
        "os",
        "pathlib",
        "pickle",
        "platform",
        "random",
        "secrets",
        "select",
    ),
    *("shutil", "signal", "smtplib", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time"),
    *("urllib", "uuid", "warnings", "zoneinfo"),
}
IMPURE_CALLS = {
    "open",
    "print",
    "input",
    "breakpoint",
    "exec",
    "eval",
    "compile",
    "__import__",
    "globals",
    "id",
    "hash",
}
IMPURE_METHODS = {"now", "utcnow", "today", "fromtimestamp", "environ", "getenv"}
HANDED_IN = {"self", "posts"}
"""Objects whose methods may have the names of a clock's: an injected function is not an import. A batch is handed the
use cases of posts.
"""


def impurities(source: str) -> list[str]:
    """Everything in a module that reaches out of it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [name.name for name in names if name.name.partition(".")[0] in IMPURE_MODULES]
            case ast.ImportFrom(module=str(module), level=0) if module.partition(".")[0] in IMPURE_MODULES:
                found.append(module)
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                found.append(name)
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if (
                name in IMPURE_METHODS and owner not in HANDED_IN
            ):
                found.append(f"{owner}.{name}")
            case ast.Attribute(value=ast.Attribute() as owner, attr=name) if (
                name in IMPURE_METHODS and root(owner) not in HANDED_IN
            ):
                found.append(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found += names
            case ast.AsyncFunctionDef(name=name):
                found.append(name)
            case _:
                pass
    return found


def root(node: ast.expr) -> str:
    """The name that a chain of attributes begins with, if it begins with one."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("module", DOMAIN, ids=lambda path: path.stem)
def test_the_domain_is_pure(module: Path) -> None:
    assert impurities(module.read_text()) == []


def test_there_is_a_domain_to_look_at() -> None:
    assert len(DOMAIN) >= 8
    assert sum(len(path.read_text().splitlines()) for path in DOMAIN) > 500


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "import os.path",
        "from time import monotonic",
        "from threading import Lock",
        "from contextvars import ContextVar",
        "at = datetime.now(UTC)",
        "at = datetime.datetime.utcnow()",
        "at = means().clock.now()",
        "def f(at=date.today()): ...",
        "secret = os.environ['SECRET']",
        "with open('x'): ...",
        "print('x')",
        "async def f(): ...",
        "def f():\n    global x",
    ],
)
def test_every_kind_of_impurity_is_noticed(source: str) -> None:
    assert impurities(source)


@pytest.mark.parametrize(
    "source", ["self.now()", "self._means.now", "from .clock import Clock", "import zlib, hashlib, re"]
)
def test_injected_functions_are_not_impurities(source: str) -> None:
    assert impurities(source) == []
