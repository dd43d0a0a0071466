"""A blog in memory, with a frozen clock and a cheap password hash."""

import pytest
from tests.domain.people import OPERATOR, PASSWORD, Watched

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
def watched(hasher: PasswordHasher) -> Watched:
    return Watched(hasher)


@pytest.fixture
def watched_blog(store: MemoryStore, watched: Watched, clock: FrozenClock) -> OpenBlog:
    """The same blog, by a hasher that is watched."""
    return create_blog(store, hasher=watched, now=clock)


@pytest.fixture
def inviting(store: MemoryStore, hasher: PasswordHasher, clock: FrozenClock) -> OpenBlog:
    """The same blog, where one registers by invitation."""
    terms = BlogConfig(registration=Registration.INVITE)
    return create_blog(store, hasher=hasher, now=clock, new_secret=CountedSecrets(), config=terms)


@pytest.fixture
def ann(open_blog: OpenBlog) -> User:
    """Somebody who writes."""
    with open_blog() as blog:
        return blog.users.add(OPERATOR, "ann", PASSWORD)


@pytest.fixture
def bob(open_blog: OpenBlog) -> User:
    """Somebody else."""
    with open_blog() as blog:
        return blog.users.add(OPERATOR, "Bob", PASSWORD)


@pytest.fixture
def admin(open_blog: OpenBlog) -> User:
    """Somebody who administers."""
    with open_blog() as blog:
        return blog.users.add(OPERATOR, "admin", PASSWORD, is_admin=True)
