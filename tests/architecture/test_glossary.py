"""The glossary names what a reader meets in the domain, and nothing that is not there."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import blog.domain
from blog.adapters.memory import MemoryStore
from blog.domain.errors import BlogError
from blog.entrypoints.http.operation import ExecutorKind, Operation

GLOSSARY = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([A-Z]\w+)", GLOSSARY))
WORDS = {word.lower() for word in re.findall(r"[A-Za-z]+", GLOSSARY)}
MODULES = [importlib.import_module(each.name) for each in pkgutil.walk_packages(blog.domain.__path__, "blog.domain.")]
CLASSES = {
    name: found
    for module in MODULES
    for name, found in inspect.getmembers(module, inspect.isclass)
    if found.__module__ == module.__name__ and not name.startswith("_")
}
PORTS = {name for name, found in CLASSES.items() if getattr(found, "_is_protocol", False)}
OUTSIDE = {each.__name__ for each in (Operation, ExecutorKind, MemoryStore)}
"""Classes in the glossary that are not in the domain."""

ALIASES = {name for module in MODULES for name in vars(module) if name[0].isupper() and not name.isupper()}


def test_there_is_something_to_name() -> None:
    assert len(PORTS) >= 9
    assert len(CLASSES) >= 60


@pytest.mark.parametrize("name", sorted(name for name, found in CLASSES.items() if not issubclass(found, BlogError)))
def test_every_class_is_named_in_the_glossary_or_is_made_of_its_words(name: str) -> None:
    words = {word.lower() for word in re.findall("[A-Z][a-z0-9]*", name)}
    unknown = {word for word in words if not {word, f"{word}s", word.removesuffix("s")} & WORDS}
    assert name in NAMED or not unknown, f"docs/glossary.md: say what {name} is, or what {', '.join(unknown)} means"


@pytest.mark.parametrize("kind", sorted(each.__name__ for each in BlogError.__subclasses__()))
def test_every_kind_of_error_is_named(kind: str) -> None:
    assert kind in NAMED, f"docs/glossary.md: add {kind} to the error kinds"


@pytest.mark.parametrize("name", sorted(NAMED - {"If", "Idempotency", "ETag", "Protocol"} - OUTSIDE))
def test_the_glossary_names_nothing_that_is_not_there(name: str) -> None:
    assert name in CLASSES or name in ALIASES or name.startswith("Sql"), (
        f"docs/glossary.md names {name}, which does not exist"
    )


SRC = Path(blog.domain.__path__[0]).parent
ENTRYPOINTS = "entrypoints"
"""A handler or a command has the name of the use case that it calls, such as `log_in`. Its classes have their own."""

MODEL = "testing"
"""Commands of the state machine have the names of what they do in the blog: `Create`, `Seal`."""


def public_names(path: Path) -> Iterator[str]:
    """Return the public classes, type aliases and functions that a module defines."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="TypeAlias")):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if ENTRYPOINTS not in path.parts:
                yield name
            case _:
                pass


def test_no_public_name_has_two_meanings() -> None:
    defined: dict[str, list[str]] = {}
    for path in sorted(SRC.rglob("*.py")):
        if MODEL not in path.parts and "versions" not in path.parts:
            for name in public_names(path):
                defined.setdefault(name, []).append(str(path.relative_to(SRC)))
    twice = {name: paths for name, paths in defined.items() if len(paths) > 1 and not name.startswith("_")}
    assert len(defined) > 200
    assert twice == {}, "rename one of each, or make it private: one word means one thing"
