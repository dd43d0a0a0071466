"""In memory, orders and index follow what is written when somebody looks, and then as if they had at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest

from blog.adapters.memory import MemoryStore, words
from blog.domain.accounts.user import User
from blog.domain.blog import OpenStores, Stores
from blog.domain.idempotency import IdempotencyRecord
from blog.domain.posts.pagination import Position, SortOrder
from blog.domain.posts.post import Post
from blog.domain.search.query import SearchQuery
from blog.testing.contracts.cost import cost_of
from blog.testing.contracts.fixtures import NOON, Failed

FIRST = {
    SortOrder.NEWEST: [505, 504, 503],
    SortOrder.OLDEST: [1, 2, 3],
    SortOrder.UPDATED: [505, 504, 503],
    SortOrder.TITLE: [1, 2, 3],
}
"""The posts that come first of 505 that have all but their numbers in common."""


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def author(store: MemoryStore) -> User:
    with store() as stores:
        return stores.users.add(User(username="ann", created_at=NOON), "hash")


@pytest.mark.parametrize("order", SortOrder)
def test_a_write_costs_the_same_however_much_was_written_since_anybody_looked(
    store: MemoryStore, author: User, order: SortOrder
) -> None:
    def write() -> None:
        keep(store, author, "written")

    write()
    few = cost_of(write)
    for _ in range(500):
        write()
    many = cost_of(write)
    assert many.calls == few.calls
    with store() as stores:
        assert [post.id for post in stores.posts.page(order, limit=3)] == FIRST[order]
        assert stores.posts.count() == stores.index.count(SearchQuery.of("written")) == 505


@pytest.mark.parametrize("order", SortOrder)
def test_only_the_first_who_looks_pays_for_what_was_written(store: MemoryStore, author: User, order: SortOrder) -> None:
    def look() -> None:
        with store() as stores:
            assert [post.id for post in stores.posts.page(order, limit=3)] == FIRST[order]
            stores.posts.page(order, limit=3, authors=["ann"])
            stores.index.find(SearchQuery.of("writ* -nothing"), limit=3)
            assert stores.idempotency.purge(until=NOON - timedelta(days=1), limit=3) == 0

    with store() as stores:
        for number in range(505):
            stores.index.put(stores.posts.add(a_post(author, "written")))
            key = f"key {number}".encode()
            stores.idempotency.put(
                IdempotencyRecord(user_id=author.id, key=key, fingerprint=b"", response=None, at=NOON)
            )
    first = cost_of(look)
    assert cost_of(look).calls < first.calls / 10


def test_a_unit_that_fails_leaves_nothing_for_those_who_look_later(store: MemoryStore, author: User) -> None:
    kept, gone = keep(store, author, "kept"), keep(store, author, "gone")
    before = lists(store, "kept"), lists(store, "gone"), lists(store, "other")
    with pytest.raises(Failed):
        change_in_vain(store, kept, gone, author)
    assert (lists(store, "kept"), lists(store, "gone"), lists(store, "other")) == before
    with store() as stores:
        other = change(stores, kept, gone, author)
    assert lists(store, "other") == [[other]] * 5
    assert lists(store, "kept") == lists(store, "gone") == [[other]] * 4 + [[]]


def test_a_unit_sees_what_it_changed_before_anybody_else_does(store: MemoryStore, author: User) -> None:
    kept, gone = keep(store, author, "kept"), keep(store, author, "gone")
    before = lists(store, "kept")
    with store() as stores:
        other = change(stores, kept, gone, author)
        assert lists(lambda: nullcontext(stores), "other") == [[other]] * 5
        assert lists(lambda: nullcontext(stores), "kept") == [[other]] * 4 + [[]]
        assert lists(store, "kept") == before
    assert lists(store, "other") == [[other]] * 5


def test_threads_that_write_list_and_search_each_find_what_they_kept(store: MemoryStore, author: User) -> None:
    def write(number: int) -> None:
        post = keep(store, author, f"word{number} all")
        assert lists(store, f"word{number}")[-1] == [post]
        with store() as stores:
            for order in SortOrder:
                assert post in stores.posts.page(order, limit=100)
            assert post in [hit.post for hit in stores.index.find(SearchQuery.of("al*"), limit=100)]
            stores.posts.remove(post.id)
            stores.index.remove(post.id)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(60)))
    assert lists(store, "al*") == [[]] * 5


def test_what_is_removed_takes_no_room_though_nobody_looks(store: MemoryStore, author: User) -> None:
    kept, gone = keep(store, author, "kept"), keep(store, author, "gone")
    with store() as stores:
        stores.posts.remove(gone.id)
        stores.index.remove(gone.id)
    for shelf in (store._posts.by_id, store._index.by_id):
        assert dict(shelf._recent) == dict(shelf.rows) == {kept.id: kept}
        assert shelf._recent == {}, "kept twice"


@pytest.mark.parametrize("narrow", [0, 3, 4])
def test_a_beginning_of_very_many_words_finds_the_same(
    store: MemoryStore, author: User, monkeypatch: pytest.MonkeyPatch, narrow: int
) -> None:
    monkeypatch.setattr(words, "_NARROW", narrow)
    posts = [keep(store, author, text) for text in ("one", "two once", "only one", "nothing")]
    with store() as stores:
        found = stores.index.find(SearchQuery.of("on*"), limit=10)
    assert [hit.post for hit in found] == posts[2::-1]


def test_a_name_that_is_like_a_username_only_in_other_letters_is_nobodys(store: MemoryStore) -> None:
    with store() as stores:
        kim = stores.users.add(User(username="kim", created_at=NOON), "hash")
    post = keep(store, kim, "said")
    with store() as stores:
        assert list(stores.posts.page(SortOrder.NEWEST, limit=1, authors=["KIM"])) == [post]
        assert list(stores.posts.page(SortOrder.NEWEST, limit=1, authors=["\u212aim"])) == []
        assert list(stores.posts.page(SortOrder.NEWEST, limit=1, authors=[])) == []


@pytest.mark.parametrize("order", SortOrder)
def test_a_place_by_another_kind_of_key_is_before_all(store: MemoryStore, author: User, order: SortOrder) -> None:
    post = keep(store, author, "said")
    place = Position(NOON, post.id) if order is SortOrder.TITLE else Position("said", post.id)
    with store() as stores:
        assert list(stores.posts.page(order, limit=1, after=place)) == [post]


def a_post(author: User, title: str) -> Post:
    return Post(title=title, body="Body", author_id=author.id, author=author.username, created_at=NOON, updated_at=NOON)


def keep(open_stores: OpenStores, author: User, title: str) -> Post:
    """A post, kept and to be found."""
    with open_stores() as stores:
        post = stores.posts.add(a_post(author, title))
        stores.index.put(post)
        return post


def change(stores: Stores, kept: Post, gone: Post, author: User) -> Post:
    """Leave but one post, which says something else."""
    other = replace(kept, title="Other", version=2)
    stores.posts.save(other, previous=kept)
    stores.index.put(other)
    for post in (gone, stores.posts.add(a_post(author, "soon gone"))):
        stores.index.put(post)
        stores.posts.remove(post.id)
        stores.index.remove(post.id)
    return other


def change_in_vain(open_stores: OpenStores, kept: Post, gone: Post, author: User) -> None:
    with open_stores() as stores:
        change(stores, kept, gone, author)
        raise Failed


def lists(open_stores: OpenStores, text: str) -> list[list[Post]]:
    """All posts in every order, and those that say this."""
    with open_stores() as stores:
        found = [hit.post for hit in stores.index.find(SearchQuery.of(text), limit=10)]
        return [*(list(stores.posts.page(order, limit=10)) for order in SortOrder), found]
