"""Lists and search in memory: a unit of work sees its own changes, and other units see them after the commit."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace

import pytest

from blog.adapters.memory import MemoryStore
from blog.domain.accounts.user import User
from blog.domain.blog import OpenStores, Stores
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import Post
from blog.domain.search.query import SearchQuery
from blog.testing.contracts.fixtures import NOON, Failed


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def author(store: MemoryStore) -> User:
    with store() as stores:
        return stores.users.add(User(username="ann", created_at=NOON), "hash")


def test_a_unit_that_fails_leaves_lists_and_search_as_they_were(store: MemoryStore, author: User) -> None:
    kept, gone = keep(store, author, "kept"), keep(store, author, "gone")
    before = lists(store, "kept"), lists(store, "gone"), lists(store, "other")
    with pytest.raises(Failed):
        change_in_vain(store, kept, gone, author)
    assert (lists(store, "kept"), lists(store, "gone"), lists(store, "other")) == before
    with store() as stores:
        other = change(stores, kept, gone, author)
    assert lists(store, "other") == [[other]] * 5
    assert lists(store, "kept") == lists(store, "gone") == [[other]] * 4 + [[]]


def test_a_unit_sees_its_changes_before_other_units_do(store: MemoryStore, author: User) -> None:
    kept, gone = keep(store, author, "kept"), keep(store, author, "gone")
    before = lists(store, "kept")
    with store() as stores:
        other = change(stores, kept, gone, author)
        assert lists(lambda: nullcontext(stores), "other") == [[other]] * 5
        assert lists(lambda: nullcontext(stores), "kept") == [[other]] * 4 + [[]]
        assert lists(store, "kept") == before
    assert lists(store, "other") == [[other]] * 5


def test_threads_that_write_list_and_search_find_what_they_stored(store: MemoryStore, author: User) -> None:
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


def test_a_deleted_row_takes_no_memory(store: MemoryStore, author: User) -> None:
    kept, gone = keep(store, author, "kept"), keep(store, author, "gone")
    with store() as stores:
        stores.posts.remove(gone.id)
        stores.index.remove(gone.id)
    assert store._tables.posts.rows == {kept.id: kept}
    assert list(store._tables.post_words.rows) == [kept.id]


def test_a_name_in_other_letters_is_no_author(store: MemoryStore) -> None:
    with store() as stores:
        kim = stores.users.add(User(username="kim", created_at=NOON), "hash")
    post = keep(store, kim, "said")
    with store() as stores:
        assert list(stores.posts.page(SortOrder.NEWEST, limit=1, authors=["KIM"])) == [post]
        assert list(stores.posts.page(SortOrder.NEWEST, limit=1, authors=["\u212aim"])) == []
        assert list(stores.posts.page(SortOrder.NEWEST, limit=1, authors=[])) == []


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
