"""A blog in memory, at a clock that stands, with passwords that cost nothing."""

import pytest

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.contracts import CountedSecrets, StandingClock
from blog.domain.accounts import Operator, User
from blog.domain.blog import OpenBlog
from blog.domain.passwords import PasswordHasher
from blog.wiring import blog_on

PASSWORD = "correct horse battery staple"


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture(scope="session")
def hasher() -> PasswordHasher:
    return Argon2PasswordHasher(memory=8, iterations=1)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def open_blog(store: MemoryStore, hasher: PasswordHasher, clock: StandingClock) -> OpenBlog:
    return blog_on(store, hasher=hasher, now=clock, new_secret=CountedSecrets())


@pytest.fixture
def ann(open_blog: OpenBlog) -> User:
    """Somebody who writes."""
    with open_blog() as blog:
        return blog.accounts.add(Operator(), "ann", PASSWORD)


@pytest.fixture
def bob(open_blog: OpenBlog) -> User:
    """Somebody else."""
    with open_blog() as blog:
        return blog.accounts.add(Operator(), "Bob", PASSWORD)


@pytest.fixture
def admin(open_blog: OpenBlog) -> User:
    """Somebody who administers."""
    with open_blog() as blog:
        return blog.accounts.add(Operator(), "admin", PASSWORD, is_admin=True)
