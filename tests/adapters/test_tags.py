"""Tags in a database: all ways to find posts by them find the same, and units at once lose no count."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations

import psycopg
import pytest

from blog.adapters.sql import SqlStore
from blog.adapters.sql.repositories import posts as repository
from blog.adapters.sql.repositories import tag_filters
from blog.adapters.sql.schema.tables import INDEX_TABLES
from blog.domain.accounts.deletion import POSTS_PER_STEP
from blog.domain.blog import OpenStores
from blog.domain.posts.pagination import Position, SortOrder
from blog.domain.posts.post import Status
from blog.domain.posts.visibility import Own, Public
from blog.testing.contracts import PostTagContract
from blog.testing.contracts.fixtures import NOON
from blog.testing.contracts.posts import add_user
from blog.testing.contracts.tags import add_tagged

TAGS = ("fish", "sea", "travel")


class TestTagsOfManyPosts(PostTagContract):
    """Every tag counts as one that many posts have, and drafts are read in small batches."""

    @pytest.fixture
    def open_stores(self, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> OpenStores:
        monkeypatch.setattr(tag_filters, "FEW", -1)
        monkeypatch.setattr(repository, "_AT_ONCE", 1)
        return store


def counts_of(store: SqlStore) -> dict[str, int]:
    with store() as stores:
        return {tag.key: tag.posts for tag in stores.posts.tags(Public(NOON), limit=100)}


def test_units_at_once_add_the_same_new_tags_and_settle_them(store: SqlStore) -> None:
    author = add_user(store, "ann")

    def add(tags: tuple[str, ...]) -> None:
        with store() as stores:
            add_tagged(stores, author, tags, -timedelta(hours=1))

    def settle(_: int) -> int:
        with store() as stores:
            return stores.posts.settle_tag_counts(NOON, limit=3)

    with ThreadPoolExecutor(3) as writers, ThreadPoolExecutor(2) as settlers:
        added, settled = writers.map(add, [*permutations(TAGS)] * 5), settlers.map(settle, range(20))
        assert [*added] == [None] * 30
        numbers = sum(settled)
    assert counts_of(store) == dict.fromkeys(TAGS, 30)
    while number := settle(0):
        numbers += number
    assert numbers == 30 * len(TAGS)
    assert counts_of(store) == dict.fromkeys(TAGS, 30)


def test_a_tag_without_posts_is_forgotten(store: SqlStore) -> None:
    author = add_user(store, "ann")
    with store() as stores:
        posts = [add_tagged(stores, author, ("sea", "secret"), -timedelta(hours=1))]
        posts.append(add_tagged(stores, author, ("sea",), timedelta(hours=1)))
        assert stores.posts.settle_tag_counts(NOON, limit=9) == 2
    with store() as stores:
        stores.posts.remove(posts[0].id)
    for _ in range(2):
        with store() as stores:
            stores.posts.settle_tag_counts(NOON, limit=9)
    with store.engine.connect() as connection:
        assert [row.key for row in connection.execute(INDEX_TABLES[0].select())] == ["sea"]


def test_a_tag_is_not_forgotten_while_a_post_gets_it(postgresql: SqlStore, observer: psycopg.Connection) -> None:
    author = add_user(postgresql, "ann")

    def settle(*_: int) -> int:
        with postgresql() as stores:
            return stores.posts.settle_tag_counts(NOON, limit=9)

    with postgresql() as stores:
        post = add_tagged(stores, author, ("sea",), -timedelta(hours=1))
    with postgresql() as stores:
        stores.posts.remove(post.id)
    assert settle() == 2
    with ThreadPoolExecutor(1) as beside, postgresql() as stores:
        add_tagged(stores, author, ("sea",), -timedelta(hours=1))
        assert stores.posts.count(Public(NOON), tags=["sea"]) == 1  # now the writes have been sent
        settled = beside.submit(settle)
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'blog'"
        while not settled.done() and observer.execute(waiting).fetchone() is None:
            pass
    assert settled.result() == 0
    assert counts_of(postgresql) == {"sea": 1}


def test_a_full_batch_of_posts_with_tags_is_removed(store: SqlStore) -> None:
    author = add_user(store, "ann")
    with store() as stores:
        for number in range(POSTS_PER_STEP + 1):
            add_tagged(stores, author, (*TAGS, f"tag {number}"), -timedelta(hours=1))
    with store() as stores:
        removed = stores.posts.remove_batch(Own(NOON, author.id, Status.PUBLISHED), limit=POSTS_PER_STEP)
        assert len(removed) == POSTS_PER_STEP
    assert sorted(counts_of(store).values()) == [1] * 4


def test_a_post_without_tags_and_a_draft_write_nothing_into_the_index(store: SqlStore) -> None:
    author = add_user(store, "ann")
    with store() as stores:
        add_tagged(stores, author, (), -timedelta(hours=1))
        add_tagged(stores, author, TAGS, None)
    with store.engine.connect() as connection:
        assert [connection.execute(table.select()).all() for table in INDEX_TABLES] == [[], [], []]


def test_settled_changes_are_forgotten_and_those_of_scheduled_posts_wait(store: SqlStore) -> None:
    author = add_user(store, "ann")
    with store() as stores:
        add_tagged(stores, author, ("sea",), timedelta(hours=1))
        add_tagged(stores, author, ("sea",), -timedelta(hours=1))
        assert stores.posts.settle_tag_counts(NOON, limit=9) == 1
    with store.engine.connect() as connection:
        queued = connection.execute(INDEX_TABLES[2].select()).all()
    assert [row.published_at for row in queued] == [NOON + timedelta(hours=1)]


def test_a_page_of_drafts_goes_on_after_a_position(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "_AT_ONCE", 2)
    author = add_user(store, "ann")
    with store() as stores:
        drafts = [add_tagged(stores, author, () if number % 4 else TAGS, None) for number in range(9)]
        wanted, seen, after = [draft.id for draft in drafts if draft.tags], [], None
        sight = Own(NOON, author.id, Status.DRAFT)
        while page := stores.posts.page(sight, SortOrder.OLDEST, limit=2, after=after, tags=["sea"]):
            seen += [post.id for post in page]
            after = Position(page[-1].updated_at, page[-1].id)
    assert seen == wanted


@pytest.mark.parametrize("tag", ["\0", "\ud800", "a\0b"], ids=["NUL", "a lone surrogate", "NUL within"])
def test_a_tag_that_cannot_be_stored_has_no_posts(store: SqlStore, tag: str) -> None:
    author = add_user(store, "ann")
    with store() as stores:
        add_tagged(stores, author, TAGS, -timedelta(hours=1))
        assert stores.posts.count(Public(NOON), tags=[tag]) == 0
        assert stores.posts.count(Public(NOON), all_tags=["sea", tag]) == 0
        assert stores.posts.count(Public(NOON), tags=["sea", tag]) == 1
