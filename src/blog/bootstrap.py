"""The composition root: the only module that imports every part, and connects them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import local
from typing import Final, Self

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.markdown import MarkdownItMarkdownRenderer
from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.adapters.system import TimedDataVersion, utc_now
from blog.adapters.system import new_secret as system_secret
from blog.adapters.zxcvbn import is_common, weakness_of
from blog.domain.accounts.invitations import Registration
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import (
    Blog,
    BlogConfig,
    CancellableBlog,
    CancellableStores,
    DataVersion,
    Dependencies,
    GroupCommit,
    OpenBlog,
    OpenStores,
)
from blog.domain.cancellation import Cancellation
from blog.domain.errors import Conflict, FieldError, Unavailable, ValidationFailed
from blog.domain.posts.markdown import MarkdownRenderer
from blog.domain.shared import Clock, SecretGenerator

from .settings import SettingError, Settings

_INSTALL_POSTGRES: Final = "pip install '.[postgres]' in the checkout of the blog adds it"

_MAX_TEXT: Final = 256 * 1024
"""Characters. The event loop reads no more at once from a database: this many take about a millisecond."""


_MARKDOWN: Final = MarkdownItMarkdownRenderer()
"""One for all blogs of the process, which share what it keeps."""


def create_blog(  # noqa: PLR0913 - each is an adapter that can be replaced
    open_stores: OpenStores,
    *,
    hasher: PasswordHasher | None = None,
    now: Clock = utc_now,
    new_secret: SecretGenerator = system_secret,
    markdown: MarkdownRenderer = _MARKDOWN,
    config: BlogConfig | None = None,
) -> OpenBlog:
    """Return the function that opens the blog on these stores, one unit of work for each call.

    The stores are `MemoryStore()`, `SqlStore("sqlite:///blog.db")`, or your own.
    """
    dependencies = Dependencies(
        hasher=hasher or Argon2PasswordHasher(),
        is_common=is_common,
        weakness_of=weakness_of,
        now=now,
        new_secret=new_secret,
        markdown=markdown,
    )
    make_blog = partial(Blog, dependencies=dependencies, config=config or BlogConfig())
    if isinstance(open_stores, CancellableStores):
        return _OpenCancellableBlog(make_blog, open_stores)
    return partial(make_blog, open_stores)


@dataclass(frozen=True, slots=True)
class _OpenCancellableBlog:
    """Opens a blog on stores whose units of work can be cancelled."""

    make_blog: Callable[..., Blog]
    open_stores: CancellableStores

    def __call__(self) -> Blog:
        return self.make_blog(self.open_stores)

    def cancellable(self, cancellation: Cancellation) -> OpenBlog:
        return partial(self.make_blog, self.open_stores.cancellable(cancellation), check=cancellation.check)


class NestedUnitOfWork(Conflict):
    """A thread opened a unit of work inside of another one, which would wait for the locks of the outer one."""

    def __init__(self) -> None:
        super().__init__("This thread is in a unit of work already: use its blog, or leave its block first.")


class ClosableBlog:
    """A function that opens the blog (an `OpenBlog`), together with its database. Several threads may use it.

        with sqlite_blog("blog.db") as open_blog:
            with open_blog() as blog:
                page = blog.posts.page()

    Args:
        open_blog: opens the blog for one unit of work.
        close: closes the database.
    """

    def __init__(self, open_blog: OpenBlog, close: Callable[[], None]) -> None:
        self._open_blog, self._close = open_blog, close
        self._thread = local()

    def __call__(self) -> AbstractContextManager[Blog]:
        """Open the blog for one unit of work.

        Raises:
            NestedUnitOfWork: this thread is in one already.
        """
        return self._enter(self._open_blog)

    def cancellable(self, cancellation: Cancellation) -> OpenBlog:
        """Return the same blog for units of work that `cancellation` cancels."""
        if not isinstance(self._open_blog, CancellableBlog):
            return self
        return partial(self._enter, self._open_blog.cancellable(cancellation))

    def close(self) -> None:
        """Close the database. Units of work that are open can still end."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _enter(self, open_blog: OpenBlog) -> Iterator[Blog]:
        if getattr(self._thread, "is_in_unit", False):
            raise NestedUnitOfWork
        self._thread.is_in_unit = True
        try:
            with open_blog() as blog:
                yield blog
        finally:
            self._thread.is_in_unit = False


def memory_blog(
    *, hasher: PasswordHasher | None = None, now: Clock = utc_now, config: BlogConfig | None = None
) -> ClosableBlog:
    """Return the function that opens a new blog in memory, which is lost with the process: for tests and experiments.

    Args:
        hasher: hashes passwords; Argon2id by default.
        now: returns the current time.
        config: what the operator of a blog can configure.
    """
    return ClosableBlog(create_blog(MemoryStore(), hasher=hasher, now=now, config=config), lambda: None)


def sqlite_blog(
    path: str | Path,
    *,
    migrate: bool = False,
    hasher: PasswordHasher | None = None,
    now: Clock = utc_now,
    config: BlogConfig | None = None,
) -> ClosableBlog:
    """Return the function that opens the blog in an SQLite file. A new file gets its tables at once.

    Args:
        path: the file.
        migrate: whether tables of an older version are migrated.
        hasher: hashes passwords; Argon2id by default.
        now: returns the current time.
        config: what the operator of a blog can configure.

    Raises:
        ValidationFailed: `path` is not valid.
        NotMigrated: the tables are those of an older version, and `migrate` is not set.
        ForeignTables: the tables are those of a newer version, or of something else.
        Unavailable: the file cannot be opened.
    """
    if str(path) in {"", ":memory:"}:
        raise ValidationFailed([FieldError("path", "must be the path of a file; memory_blog() is a blog in memory")])
    if str(path).startswith(("sqlite:", "postgresql:")):
        raise ValidationFailed([FieldError("path", "must be a path, not a URL; postgres_blog() takes a URL")])
    return _open_database(Path(path), migrate=migrate, hasher=hasher, now=now, config=config)


def postgres_blog(
    url: str,
    *,
    migrate: bool = False,
    hasher: PasswordHasher | None = None,
    now: Clock = utc_now,
    config: BlogConfig | None = None,
) -> ClosableBlog:
    """Return the function that opens the blog in a PostgreSQL database. An empty database gets its tables at once.

    Args:
        url: `postgresql://...`, as libpq reads it.
        migrate: whether tables of an older version are migrated.
        hasher: hashes passwords; Argon2id by default.
        now: returns the current time.
        config: what the operator of a blog can configure.

    Raises:
        ValidationFailed: `url` is not valid.
        NotMigrated: the tables are those of an older version, and `migrate` is not set.
        ForeignTables: the tables are those of a newer version, or of something else.
        Unavailable: the database cannot be reached, or its driver is not installed.
    """
    if not url.startswith("postgresql://"):
        raise ValidationFailed([FieldError("url", "must be postgresql://...; sqlite_blog() takes the path of a file")])
    return _open_database(url, migrate=migrate, hasher=hasher, now=now, config=config)


def _open_database(
    url: str | Path, *, migrate: bool, hasher: PasswordHasher | None, now: Clock, config: BlogConfig | None
) -> ClosableBlog:
    try:
        store = SqlStore(url, first_paragraph=_MARKDOWN.first_paragraph)
    except ModuleNotFoundError as error:
        raise Unavailable(f"This needs the package {error.name}: {_INSTALL_POSTGRES}.") from None
    except ValueError as error:
        name = "path" if isinstance(url, Path) else "url"
        raise ValidationFailed([FieldError(name, str(error))]) from None
    try:
        if migrate or not store.has_tables():
            store.migrate()
        else:
            store.check_migrated()
    except BaseException:
        store.close()
        raise
    return ClosableBlog(create_blog(store, hasher=hasher, now=now, config=config), store.close)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingBlog:
    """A blog as a server uses it. Which of the optional parts there are depends on the store.

    Args:
        open_blog: opens the blog for one unit of work.
        open_nonblocking: opens it for reads that never wait: they raise `Unavailable` instead.
        open_replica: opens a read replica, which may lag behind.
        group_commit: commits several units of work at once.
        data_version: returns a value that changes with every commit, and when a scheduled post becomes visible.
    """

    open_blog: OpenBlog
    open_nonblocking: OpenBlog | None
    open_replica: OpenBlog | None
    group_commit: GroupCommit | None
    data_version: DataVersion | None


@contextmanager
def open_from_settings(settings: Settings) -> Iterator[OpenBlog]:
    """Open the configured database, and create or migrate its tables; leaving the block closes it.

    Raises:
        Unavailable: its database cannot be opened.
    """
    with _open_stores(settings) as open_stores:
        yield _create_blog(open_stores, settings)


@contextmanager
def open_for_serving(settings: Settings) -> Iterator[ServingBlog]:
    """Open the blog for a server, which also needs non-blocking reads, a replica and group commits.

    Raises:
        SettingError: its database is read-only, or has no replicas.
        Unavailable: its database cannot be opened.
    """
    with (
        _open_stores(settings) as open_stores,
        _open_nonblocking(settings) as nonblocking,
        _open_replica(settings) as open_replica,
    ):
        if isinstance(open_stores, SqlStore) and open_stores.is_read_only:
            file = settings.database_url.removeprefix("sqlite:///")
            name = settings.name_of("database_url")
            raise SettingError(f"{name}: {file} cannot be written to, and can only be read by other commands")
        versioned = open_stores if isinstance(open_stores, MemoryStore) else nonblocking
        yield ServingBlog(
            open_blog=_create_blog(open_stores, settings),
            open_nonblocking=None if nonblocking is None else _create_blog(nonblocking, settings),
            open_replica=open_replica,
            group_commit=open_stores.group_commit if isinstance(open_stores, SqlStore) else None,
            data_version=None if versioned is None else _timed_data_version(versioned),
        )


def _timed_data_version(store: MemoryStore | SqlStore) -> DataVersion | None:
    def next_publication(after: datetime) -> datetime | None:
        with store() as stores:
            return stores.posts.next_publication(after)

    return None if store.data_version is None else TimedDataVersion(store.data_version, utc_now, next_publication)


@contextmanager
def _open_replica(settings: Settings) -> Iterator[OpenBlog | None]:
    """Open the configured read replica, or yield None; leaving the block closes it."""
    if not settings.replica_url:
        yield None
        return
    name = settings.name_of("replica_url")
    if not settings.database_url.startswith("postgresql:"):
        raise SettingError(f"{name}: only a PostgreSQL database has a replica")
    replica = replace(settings, database_url=settings.replica_url, given_as={"database_url": name})
    with open_database_from_settings(replica) as store:
        yield _create_blog(store, settings)


@contextmanager
def open_database_from_settings(settings: Settings) -> Iterator[SqlStore]:
    """Open the configured database; leaving the block closes it. Errors name the option or variable that configured it.

    Raises:
        SettingError: the blog is in memory, or the driver of the database is not installed.
        Unavailable: another process changed a read-only file during the block. Such a file is read without locks, so
            the reads may be inconsistent.
    """
    name = settings.name_of("database_url")
    if settings.database_url == "memory:":
        raise SettingError(f"{name}: a database in memory is gone when this command ends")
    try:
        store = SqlStore(
            settings.database_url, connections=settings.connections, first_paragraph=_MARKDOWN.first_paragraph
        )
    except ValueError as error:
        raise SettingError(f"{name}: {error}") from None
    except ModuleNotFoundError as error:
        raise SettingError(f"{name}: needs {error.name}: {_INSTALL_POSTGRES}") from None
    try:
        yield store
        store.check_unchanged()
    finally:
        store.close()


def _create_blog(open_stores: OpenStores, settings: Settings) -> OpenBlog:
    return create_blog(open_stores, hasher=_hasher(settings), config=_read_config(settings))


def _read_config(settings: Settings) -> BlogConfig:
    return BlogConfig(
        registration=Registration(settings.registration),
        site=settings.site_name,
        throttle_scale=settings.throttle_scale,
        token_lifetime=timedelta(days=settings.token_days),
        token_idle=timedelta(days=settings.token_idle_days),
        revisions=settings.revisions,
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
    with open_database_from_settings(settings) as store:
        if settings.migrate:
            store.migrate()
        elif not store.is_migrated():
            raise SettingError(
                f"{settings.name_of('migrate')}: the tables are not those of this version: run blog migrate first"
            )
        yield store


@contextmanager
def _open_nonblocking(settings: Settings) -> Iterator[SqlStore | None]:
    """Open stores for short reads that do not wait, or yield None.

    An SQLite reader waits only while another process removes the WAL file. A PostgreSQL reader always waits for the
    network. A list of the in-memory store scans all posts, which would delay other requests on the event loop.
    """
    if settings.database_url.startswith("sqlite:"):
        with closing(SqlStore(settings.database_url, connections=1, timeout=0, text_limit=_MAX_TEXT)) as store:
            yield store
    else:
        yield None
