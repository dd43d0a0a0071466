"""Searches in a database take a bounded number of statements and a bounded scan."""

from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy import text as sql

from blog.adapters.sql import SqlStore
from blog.adapters.sql.engine.statement import ReadStatement as Statement
from blog.adapters.sql.repositories.posts import SightKind, _count, _Query
from blog.adapters.sql.search import fts5, index
from blog.adapters.sql.search.fts5 import Fts5PostIndex
from blog.domain.posts.pagination import PostFilter, SortOrder
from blog.domain.search.query import MAX_TERMS, SearchQuery
from blog.testing.contracts.fixtures import EVERYBODY, NOON
from blog.testing.contracts.posts import add_user, make_post
from blog.testing.contracts.search_model import add_posts, found, hits, put, save

FILTERS: list[PostFilter] = [{}, {"authors": ["ann"]}, {"authors": ["ann", "bob"], "published_after": NOON}]
STATEMENTS = (
    index.hits_by_id,
    index.hits_sorted_last,
    index._count,
    fts5._pending_part,
    fts5._scanned_part,
    fts5._count_pending,
    fts5._count_up_to,
    _count,
)


def query_text(phrases: int, unwanted: int, words: str) -> str:
    wanted = (f"a{number}-b" for number in range(phrases))
    return " ".join(["z", *wanted, *(f"-c{number}-d" for number in range(unwanted)), words])


def search(store: SqlStore, text: str, filters: PostFilter) -> None:
    with store() as stores:
        hits(stores, text, **filters)
        stores.index.count(EVERYBODY, SearchQuery.of(text), **filters)


def test_a_search_for_many_phrases_takes_few_statements(store: SqlStore) -> None:
    add_user(store, "ann")
    for statements in STATEMENTS:
        statements.cache_clear()
    for phrases, unwanted, words, filters in product((0, 1), (0, 1), ("", "-x"), FILTERS):
        search(store, query_text(phrases, unwanted, words), filters)
    few = [statements.cache_info().currsize for statements in STATEMENTS]
    for phrases, filters in product(range(2, MAX_TERMS, 3), FILTERS):
        for unwanted in range(0, MAX_TERMS - phrases, 3):
            search(store, query_text(phrases, unwanted, "-x -y"), filters)
    assert [statements.cache_info().currsize for statements in STATEMENTS] == few
    assert sum(few) < 250


def test_a_compiled_statement_keeps_no_compiler_alive(store: SqlStore) -> None:
    search(store, query_text(3, 3, "-x"), {})
    with store() as stores:
        stores.index.find(EVERYBODY, SearchQuery.of("a"), limit=3)
    statements = [
        index.hits_by_id(store.index, index.Shape(*shape), in_title, "now")
        for shape in [(True, True, True), (False,) * 3]
        for in_title in (True, False)
    ]
    prepared = [each for statement in statements for each in statement.compiled.values()]
    assert prepared
    assert all(each._expanding is None for each in prepared)
    by_names: Statement[dict[str, int]] = _count(_Query(SightKind.PUBLIC, SortOrder.OLDEST, filters=("authors",)))
    kept = by_names.compile(store.engine.dialect, "authors")
    assert kept._expanding is not None


@pytest.mark.parametrize("length", [10, 5_000, 90_000])
def test_pending_posts_of_the_index_are_bounded_in_characters(
    sqlite: SqlStore, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fts5PostIndex, "max_pending", 20)
    most = Fts5PostIndex.max_pending * Fts5PostIndex.chars_per_weight
    post = replace(make_post(add_user(sqlite, "ann")), body="word " * (length // 5))
    for number in range(45):
        with sqlite() as stores:
            put(stores, replace(post, title=f"Title {number}"))
        rows, characters = pending(sqlite)
        assert rows < Fts5PostIndex.max_pending
        assert characters < most + length
    with sqlite() as stores:
        assert len(found(stores, "word title")) == 45


def test_a_pending_post_that_changes_is_counted_again(sqlite: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fts5PostIndex, "max_pending", 20)
    posts = add_posts(sqlite, [make_post(add_user(sqlite, "ann"))] * 3)
    with sqlite() as stores:
        changed = [save(stores, replace(post, body="long " * 6_000), previous=post) for post in posts]
        assert found(stores, "long") == changed
    assert pending(sqlite) == (0, 0)


def pending(store: SqlStore) -> tuple[int, int]:
    """Return the number of pending posts, and their characters."""
    with store.engine.connect() as connection:
        counted = connection.execute(
            sql("SELECT count(*), total(length(title) + length(body)) FROM pending_posts")
        ).one()
    return int(counted[0]), int(counted[1])
