"""The blog promises that no cache grows by a key that a client chooses."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

SRC: Final = Path(__file__).parents[2] / "src/blog"
LEFT_OUT: Final = {
    "adapters/memory": "whose dictionaries are what it stores",
    "testing": "which are tests",
    "entrypoints/cli": "whose process ends with its command",
}

CACHED: Final = {
    "adapters/sql/repositories/audit.py:_newest_of": "sets of the names of filters, put in order",
    "adapters/sql/repositories/tagging.py:_add_changes": "numbers of tags of a post",
    "adapters/sql/repositories/tagging.py:_add_tagged": "numbers of tags of a post",
    "adapters/sql/repositories/tagging.py:_add_tags": "numbers of tags of a post",
    "adapters/sql/repositories/tagging.py:_remove_tagged": "numbers of tags of a post",
    "adapters/sql/schema/tables.py:_scopes": "sets of scopes, as they are stored",
    "adapters/zxcvbn.py:_common": "no key",
    "entrypoints/http/app.py:_routes": "settings",
    "entrypoints/http/openapi/page.py:_file": "files of the package, by the names that routes give",
    "entrypoints/http/concurrency/thread_pool.py:_exit_by": "no key",
    "entrypoints/http/parsing/body.py:_fields": "shapes of bodies",
}
"""Functions that keep every result, and what the keys are: of each kind there are few, whatever clients send."""

KEPT: Final = {
    "adapters/sql/engine/libpq_pipeline.py:_prepared": "prepared statements: _MAX_PREPARED",
    "adapters/sql/repositories/posts.py:held": "posts of one unit of work",
    "adapters/sql/engine/statement.py:compiled": "kinds of databases, and names that the code gives",
    "adapters/sql/schema/migrations/versions/0009_publishing.py:_numbers": "posts, while they are migrated",
    "adapters/markdown/html.py:_numbers": "headings of one text",
    "adapters/markdown/kept_html.py:_texts": "bounded in bytes and in number",
    "domain/posts/trash.py:_locked": "posts of one unit of work",
    "domain/posts/use_cases.py:_locked": "posts of one unit of work",
    "domain/posts/working_copies.py:_locked": "posts of one unit of work",
    "entrypoints/server/flow_control.py:_budgets": "event loops",
    "entrypoints/server/flow_control.py:_held": "connections, until they close",
    "entrypoints/server/flow_control.py:_sharers": "connections, until they close",
    "entrypoints/http/concurrency/executors.py:due": "those who wait; their number is bounded by the lanes",
    "entrypoints/http/concurrency/executors.py:_unwatched": "requests that are answered",
    "entrypoints/http/concurrency/executors.py:_watches": "requests that are answered",
    "entrypoints/http/openapi/page.py:state": "one document",
    "entrypoints/http/dispatch.py:scope": "one request",
    "entrypoints/http/middleware/security_headers.py:inner": "one request",
    "entrypoints/http/outages.py:_outages": "messages of `Unavailable`, which are the code's",
    "entrypoints/http/middleware/response_cache.py:_responses": "bounded in bytes",
}
"""Dictionaries that outlive a function and are filled by key, and why they do not grow with what clients send."""


def caches_in(source: str) -> Iterator[str]:
    """Every function that keeps all its results, and every dictionary of an object or a module that is filled."""
    tree = ast.parse(source)
    module = {name for node in tree.body for name in _assigned(node)}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if any(
                map(_keeps_all, node.decorator_list)
            ):
                yield name
            case ast.Call(func=ast.Name(id="cache")):
                yield "cache"
            case (
                ast.Subscript(ctx=ast.Store(), value=value)
                | ast.Call(func=ast.Attribute(attr="setdefault", value=value))
            ):
                yield from _outliving(value, module)
            case _:
                pass


def _keeps_all(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Name(id="cache") | ast.Attribute(attr="cache"):
            return True
        case ast.Call(func=ast.Name(id="lru_cache") | ast.Attribute(attr="lru_cache")):
            sizes = [*decorator.args, *(each.value for each in decorator.keywords if each.arg == "maxsize")]
            return any(isinstance(size, ast.Constant) and size.value is None for size in sizes)
        case _:
            return False


def _outliving(value: ast.expr, module: set[str]) -> Iterator[str]:
    match value:
        case ast.Attribute(attr=name):
            yield name
        case ast.Name(id=name) if name in module:
            yield name
        case _:
            pass


def _assigned(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def found() -> set[str]:
    """Every cache in the package."""
    left_out = tuple(LEFT_OUT)
    modules = [path for path in sorted(SRC.rglob("*.py")) if not str(path.relative_to(SRC)).startswith(left_out)]
    assert len(modules) > 80
    return {f"{module.relative_to(SRC)}:{name}" for module in modules for name in caches_in(module.read_text())}


def test_every_cache_is_known_and_there_is_a_reason_why_it_does_not_grow() -> None:
    caches, known = found(), set(CACHED) | set(KEPT)
    assert caches - known == set(), "say in CACHED or KEPT of this file why each of them stays small"
    assert known - caches == set(), "these are gone: take them out of CACHED and KEPT"
    assert all(reason for reason in [*CACHED.values(), *KEPT.values()])


@pytest.mark.parametrize(
    "source",
    [
        "@cache\ndef f(text): ...",
        "@functools.cache\ndef f(text): ...",
        "@lru_cache(None)\ndef f(text): ...",
        "@lru_cache(maxsize=None)\ndef f(text): ...",
        "f = cache(g)",
        "_known = {}\ndef f(key):\n    _known[key] = 1",
        "_known: dict[str, int] = {}\ndef f(key):\n    return _known.setdefault(key, 1)",
        "class A:\n    def f(self, key):\n        self._known[key] = 1",
        "class A:\n    def f(self, key):\n        return self._known.setdefault(key, [])",
    ],
)
def test_every_kind_of_cache_is_noticed(source: str) -> None:
    assert len([*caches_in(source)]) == 1


@pytest.mark.parametrize(
    "source",
    [
        "@lru_cache\ndef f(text): ...",
        "@lru_cache(maxsize=64)\ndef f(text): ...",
        "def f(pairs):\n    known = {}\n    for key, value in pairs:\n        known[key] = value",
        "class A:\n    def f(self, key):\n        return self._known[key]",
    ],
)
def test_bounded_and_short_lived_containers_are_not_caches(source: str) -> None:
    assert [*caches_in(source)] == []
