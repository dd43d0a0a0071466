"""The in-memory store: every contract, and its lock."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest
from tests.adapters.contract_classes import classes_for

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.tokens import TokenStore
from blog.domain.accounts.user import User
from blog.domain.blog import OpenBlog, Stores
from blog.domain.errors import Unavailable
from blog.domain.posts.post import Post
from blog.domain.shared import UserId
from blog.testing.contracts import (
    FrozenClock,
    OpenBlogContract,
    TokenStoreContract,
    UnitPerCall,
)
from blog.testing.contracts.fixtures import as_member
from blog.testing.contracts.tokens import two_users


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


globals().update(classes_for("Memory"))


class TestMemoryTokenStore(TokenStoreContract):
    @pytest.fixture
    def tokens(self, store: MemoryStore) -> TokenStore:
        return UnitPerCall(store)

    @pytest.fixture
    def holders(self, store: MemoryStore) -> tuple[UserId, UserId]:
        with store() as stores:
            return two_users(stores)


class TestMemoryTokenStoreWithinOneUnit(TokenStoreContract):
    threads = 1

    @pytest.fixture
    def stores(self, store: MemoryStore) -> Iterator[Stores]:
        with store() as stores:
            yield stores

    @pytest.fixture
    def tokens(self, stores: Stores) -> TokenStore:
        return stores.tokens

    @pytest.fixture
    def holders(self, stores: Stores) -> tuple[UserId, UserId]:
        return two_users(stores)


class TestBlogInMemory(OpenBlogContract):
    @pytest.fixture
    def open_blog(self, store: MemoryStore) -> OpenBlog:
        return create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1))


def test_a_writing_unit_waits_for_the_lock_until_its_timeout() -> None:
    store = MemoryStore(timeout=0.01)
    user = User(username="ann", created_at=FrozenClock()())
    with ThreadPoolExecutor() as beside, store() as stores:
        ann = stores.users.add(user, "hash")

        def add_bob() -> None:
            with store() as stores:
                stores.users.add(replace(user, username="bob"), "hash")

        with pytest.raises(Unavailable) as refusal:
            beside.submit(add_bob).result(timeout=60)
        assert refusal.value.retry_after == 1
    with store() as stores:
        assert list(stores.users.page(limit=10)) == [ann]


def test_concurrent_writes_lose_no_update(store: MemoryStore) -> None:
    open_blog = create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1))
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", "correct horse battery staple"))

    def write(number: int) -> Post:
        with open_blog() as blog:
            blog.posts.page(limit=5)
            return blog.posts.create(ann, title=str(number), body="said")

    with ThreadPoolExecutor(6) as threads:
        written = list(threads.map(write, range(90)))
    with open_blog() as blog:
        assert list(blog.posts.page(limit=100).posts) == sorted(
            written, key=lambda post: (post.created_at, post.id), reverse=True
        )


def test_reading_units_are_open_concurrently(store: MemoryStore) -> None:
    with ExitStack() as open_units:
        units = [open_units.enter_context(store()) for _ in range(20)]
        units[0].users.add(User(username="ann", created_at=FrozenClock()()), "hash")
        assert [unit.users.find("ann") for unit in units[1:]] == [None] * 19
