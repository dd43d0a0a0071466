"""A blog in memory, with a frozen clock and a cheap password hash."""

import pytest
from tests.domain.actors import OPERATOR, PASSWORD, SpyHasher

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.invitations import Registration
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.user import User
from blog.domain.blog import BlogConfig, OpenBlog
from blog.testing.contracts import CountedSecrets, FrozenClock


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(scope="session")
def hasher() -> PasswordHasher:
    return Argon2PasswordHasher(memory=8, iterations=1)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def open_blog(store: MemoryStore, hasher: PasswordHasher, clock: FrozenClock) -> OpenBlog:
    return create_blog(store, hasher=hasher, now=clock, new_secret=CountedSecrets())


@pytest.fixture
def spy_hasher(hasher: PasswordHasher) -> SpyHasher:
    return SpyHasher(hasher)


@pytest.fixture
def spied_blog(store: MemoryStore, spy_hasher: SpyHasher, clock: FrozenClock) -> OpenBlog:
    """The same blog, with a password hasher that counts its calls."""
    return create_blog(store, hasher=spy_hasher, now=clock)


@pytest.fixture
def invite_only_blog(store: MemoryStore, hasher: PasswordHasher, clock: FrozenClock) -> OpenBlog:
    """The same blog, with registration by invitation."""
    terms = BlogConfig(registration=Registration.INVITE)
    return create_blog(store, hasher=hasher, now=clock, new_secret=CountedSecrets(), config=terms)


@pytest.fixture
def ann(open_blog: OpenBlog) -> User:
    """An author."""
    with open_blog() as blog:
        return blog.users.add(OPERATOR, "ann", PASSWORD)


@pytest.fixture
def bob(open_blog: OpenBlog) -> User:
    """Another author."""
    with open_blog() as blog:
        return blog.users.add(OPERATOR, "Bob", PASSWORD)


@pytest.fixture
def admin(open_blog: OpenBlog) -> User:
    """An administrator."""
    with open_blog() as blog:
        return blog.users.add(OPERATOR, "admin", PASSWORD, is_admin=True)
