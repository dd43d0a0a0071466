"""The one file that knows every part, and puts them together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.adapters.system import new_secret as system_secret
from blog.adapters.system import utc_now
from blog.adapters.zxcvbn import is_common
from blog.domain.blog import Blog, Means, OpenBlog, OpenStores, Terms
from blog.domain.clock import Clock, NewSecret
from blog.domain.invitations import Registration
from blog.domain.passwords import PasswordHasher
from blog.settings import SettingError, Settings


def blog_on(
    open_stores: OpenStores,
    *,
    hasher: PasswordHasher | None = None,
    now: Clock = utc_now,
    new_secret: NewSecret = system_secret,
    terms: Terms | None = None,
) -> OpenBlog:
    """A blog on these stores: `MemoryStore()`, `SqlStore("sqlite:///blog.db")`, or stores of your own."""
    means = Means(hasher=hasher or Argon2PasswordHasher(), is_common=is_common, now=now, new_secret=new_secret)
    terms = terms or Terms()

    @contextmanager
    def open_blog() -> Iterator[Blog]:
        with open_stores() as stores:
            yield Blog(stores, means, terms)

    return open_blog


@contextmanager
def opened(settings: Settings) -> Iterator[OpenBlog]:
    """The blog that the settings describe, with its tables made, until the block is left.

    Raises:
        Unavailable: its database cannot be opened.
    """
    with _open_stores(settings) as open_stores:
        yield blog_on(open_stores, hasher=_hasher(settings), terms=_terms(settings))


@contextmanager
def opened_replica(settings: Settings) -> Iterator[OpenBlog | None]:
    """The copy of the blog to read from, if there is one, until the block is left."""
    if not settings.replica_url:
        yield None
        return
    with database(replace(settings, database_url=settings.replica_url)) as store:
        yield blog_on(store, hasher=_hasher(settings), terms=_terms(settings))


@contextmanager
def database(settings: Settings) -> Iterator[SqlStore]:
    """The database that is set, until the block is left.

    Raises:
        SettingError: everything is kept in this process's memory, or the database needs a driver that is not installed.
    """
    if settings.database_url == "memory:":
        raise SettingError("BLOG_DATABASE_URL: what is kept in memory is gone when this command ends")
    try:
        store = SqlStore(settings.database_url, connections=settings.connections)
    except ValueError as error:
        raise SettingError(f"BLOG_DATABASE_URL: {error}") from None
    except ModuleNotFoundError as error:
        raise SettingError(f"BLOG_DATABASE_URL: needs {error.name}: pip install 'blog[postgres]'") from None
    try:
        yield store
    finally:
        store.close()


def _terms(settings: Settings) -> Terms:
    return Terms(
        registration=Registration(settings.registration),
        site=settings.site_name,
        throttle_scale=settings.throttle_scale,
        token_lifetime=timedelta(days=settings.token_days),
        token_idle=timedelta(days=settings.token_idle_days),
    )


def _hasher(settings: Settings) -> Argon2PasswordHasher:
    return Argon2PasswordHasher(
        memory=settings.argon2_memory, iterations=settings.argon2_iterations, lanes=settings.argon2_lanes
    )


@contextmanager
def _open_stores(settings: Settings) -> Iterator[OpenStores]:
    if settings.database_url == "memory:":
        yield MemoryStore()
        return
    with database(settings) as store:
        if settings.migrate:
            store.migrate()
        elif not store.is_migrated():
            raise SettingError("BLOG_MIGRATE: the tables are not those of this version: run blog migrate first")
        yield store
