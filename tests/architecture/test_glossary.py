"""The glossary names what a reader meets in the domain, and nothing that is not there."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import blog.domain
from blog.domain.errors import BlogError

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
    assert kind in NAMED


@pytest.mark.parametrize("name", sorted(NAMED - {"If", "Idempotency", "ETag", "Protocol"}))
def test_the_glossary_names_nothing_that_is_not_there(name: str) -> None:
    assert name in CLASSES or name in ALIASES or name.startswith("Sql"), name


def test_no_class_of_the_domain_is_defined_twice() -> None:
    names = [
        name
        for module in MODULES
        for name, found in inspect.getmembers(module, inspect.isclass)
        if found.__module__ == module.__name__ and not name.startswith("_")
    ]
    assert sorted(names) == sorted(set(names))
