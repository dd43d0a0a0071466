"""A new blog over HTTP for each test, with two members."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.database import empty_store
from tests.entrypoints.http.clients import Member, Site, StoppedClock
from tests.entrypoints.http.configured_sites import ConfiguredSite, SiteUser

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import OpenBlog, OpenStores
from blog.entrypoints.http import create_app


@pytest.fixture(scope="session")
def hasher() -> PasswordHasher:
    """The cheapest Argon2."""
    return Argon2PasswordHasher(memory=8, iterations=1)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "blog.db"


@pytest.fixture
def store(request: pytest.FixtureRequest, database: Path) -> Iterator[OpenStores]:
    """The in-memory store. A test with the mark `on_both` runs on SQLite too."""
    if getattr(request, "param", "memory") == "memory":
        yield MemoryStore()
        return
    store = empty_store(database)
    yield store
    store.close()


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def open_blog(store: OpenStores, hasher: PasswordHasher, clock: StoppedClock) -> OpenBlog:
    return create_blog(store, hasher=hasher, now=clock)


@pytest.fixture
def site(open_blog: OpenBlog) -> Iterator[Site]:
    site = Site(create_app(open_blog), open_blog)
    yield site
    site.close()


@pytest.fixture
def configured_site(store: OpenStores, hasher: PasswordHasher, clock: StoppedClock) -> Iterator[ConfiguredSite]:
    configured_site = ConfiguredSite(store, hasher, clock)
    yield configured_site
    configured_site.close()


@pytest.fixture
def root(configured_site: ConfiguredSite) -> SiteUser:
    return configured_site.add_user("root", is_admin=True)


@pytest.fixture
def alice(site: Site) -> Member:
    return site.add_member("alice")


@pytest.fixture
def bob(site: Site) -> Member:
    return site.add_member("bob")
