"""The one file that knows every part, and puts them together."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.adapters.system import new_secret as system_secret
from blog.adapters.system import utc_now
from blog.domain.accounts import Accounts, PasswordHasher
from blog.domain.blog import Blog, OpenBlog, OpenStores
from blog.domain.clock import Clock, NewSecret
from blog.domain.posts import Posts
from blog.domain.tokens import Tokens
from blog.settings import Settings


def blog_on(
    open_stores: OpenStores,
    *,
    hasher: PasswordHasher | None = None,
    now: Clock = utc_now,
    new_secret: NewSecret = system_secret,
    token_lifetime: timedelta = timedelta(days=30),
) -> OpenBlog:
    """A blog on these stores: `MemoryStore()`, `SqlStore("sqlite:///blog.db")`, or stores of your own."""
    hasher = hasher or Argon2PasswordHasher()

    @contextmanager
    def open_blog() -> Iterator[Blog]:
        with open_stores() as stores:
            tokens = Tokens(stores.tokens, now, new_secret, token_lifetime)
            yield Blog(
                accounts=Accounts(stores.users, tokens, hasher, now),
                posts=Posts(stores.posts, now),
            )

    return open_blog


@contextmanager
def opened(settings: Settings) -> Iterator[OpenBlog]:
    """The blog that the settings describe, with its tables made, until the block is left.

    Raises:
        Unavailable: its database cannot be opened.
    """
    hasher = Argon2PasswordHasher(
        memory=settings.argon2_memory, iterations=settings.argon2_iterations, lanes=settings.argon2_lanes
    )
    with _store(settings) as store:
        yield blog_on(store, hasher=hasher, token_lifetime=timedelta(days=settings.token_days))


@contextmanager
def _store(settings: Settings) -> Iterator[OpenStores]:
    if settings.database_url == "memory:":
        yield MemoryStore()
        return
    store = SqlStore(settings.database_url, connections=settings.connections)
    try:
        store.create_tables()
        yield store
    finally:
        store.close()
