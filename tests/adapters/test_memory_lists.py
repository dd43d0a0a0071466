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
from blog.testing.contracts.fixtures import EVERYBODY, NOON, Failed, as_member


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def author(store: MemoryStore) -> User:
    with store() as stores:
        return stores.users.add(User(username="ann", created_at=NOON), "hash")


def test_a_failed_unit_leaves_lists_and_search_unchanged(store: MemoryStore, author: User) -> None:
    kept, gone = store_post(store, author, "kept"), store_post(store, author, "gone")
    before = list_and_search(store, "kept"), list_and_search(store, "gone"), list_and_search(store, "other")
    with pytest.raises(Failed):
        fail_to_change(store, kept, gone, author)
    assert (list_and_search(store, "kept"), list_and_search(store, "gone"), list_and_search(store, "other")) == before
    with store() as stores:
        other = delete_and_update(stores, kept, gone, author)
    assert list_and_search(store, "other") == [[other]] * 5
    assert list_and_search(store, "kept") == list_and_search(store, "gone") == [[other]] * 4 + [[]]


def test_a_unit_sees_its_own_uncommitted_changes_and_others_do_not(store: MemoryStore, author: User) -> None:
    kept, gone = store_post(store, author, "kept"), store_post(store, author, "gone")
    before = list_and_search(store, "kept")
    with store() as stores:
        other = delete_and_update(stores, kept, gone, author)
        assert list_and_search(lambda: nullcontext(stores), "other") == [[other]] * 5
        assert list_and_search(lambda: nullcontext(stores), "kept") == [[other]] * 4 + [[]]
        assert list_and_search(store, "kept") == before
    assert list_and_search(store, "other") == [[other]] * 5


def test_concurrent_threads_find_their_posts_by_list_and_search(store: MemoryStore, author: User) -> None:
    def write(number: int) -> None:
        post = store_post(store, author, f"word{number} all")
        assert list_and_search(store, f"word{number}")[-1] == [post]
        with store() as stores:
            for order in SortOrder:
                assert post in stores.posts.page(EVERYBODY, order, limit=100)
            assert post in [hit.post for hit in stores.index.find(EVERYBODY, SearchQuery.of("al*"), limit=100)]
            stores.posts.remove(post.id)
            stores.index.remove(post.id)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(60)))
    assert list_and_search(store, "al*") == [[]] * 5


def test_a_deleted_row_takes_no_memory(store: MemoryStore, author: User) -> None:
    kept, gone = store_post(store, author, "kept"), store_post(store, author, "gone")
    with store() as stores:
        stores.posts.remove(gone.id)
        stores.index.remove(gone.id)
    assert store._tables.posts.rows == {kept.id: kept}
    assert list(store._tables.post_words.rows) == [kept.id]


def test_the_author_filter_ignores_the_case_of_ascii_letters_only(store: MemoryStore) -> None:
    with store() as stores:
        kim = stores.users.add(User(username="kim", created_at=NOON), "hash")
    post = store_post(store, kim, "said")
    with store() as stores:
        assert list(stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=1, authors=["KIM"])) == [post]
        assert list(stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=1, authors=["\u212aim"])) == []
        assert list(stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=1, authors=[])) == []


def make_post(author: User, title: str) -> Post:
    return Post.create(as_member(author), NOON, NOON, title=title, body="Body")


def store_post(open_stores: OpenStores, author: User, title: str) -> Post:
    """Store and index a post."""
    with open_stores() as stores:
        post = stores.posts.add(make_post(author, title))
        stores.index.put(post)
        return post


def delete_and_update(stores: Stores, kept: Post, gone: Post, author: User) -> Post:
    """Delete one post and update the other."""
    other = replace(kept, title="Other", version=2)
    stores.posts.save(other, previous=kept)
    stores.index.put(other)
    for post in (gone, stores.posts.add(make_post(author, "soon gone"))):
        stores.index.put(post)
        stores.posts.remove(post.id)
        stores.index.remove(post.id)
    return other


def fail_to_change(open_stores: OpenStores, kept: Post, gone: Post, author: User) -> None:
    with open_stores() as stores:
        delete_and_update(stores, kept, gone, author)
        raise Failed


def list_and_search(open_stores: OpenStores, text: str) -> list[list[Post]]:
    """Return all posts in every sort order, and the posts that contain the text."""
    with open_stores() as stores:
        found = [hit.post for hit in stores.index.find(EVERYBODY, SearchQuery.of(text), limit=10)]
        return [*(list(stores.posts.page(EVERYBODY, order, limit=10)) for order in SortOrder), found]
