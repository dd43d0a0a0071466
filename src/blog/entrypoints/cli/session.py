"""The actor of a command: the operator or, if `BLOG_TOKEN` is set, the user of this token with exactly their rights."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import unquote

from blog.bootstrap import open_from_settings
from blog.domain.accounts.actors import Actor, Member, Operator
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import NotFound
from blog.settings import SettingError, Settings


class HasId(Protocol):
    """A row with an id."""

    @property
    def id(self) -> int: ...


Row = TypeVar("Row", bound=HasId)

ADDRESS: Final = Operator().address
"""The address that audit entries have for commands."""


@dataclass(frozen=True, slots=True)
class Session:
    """An open blog, and the token in `BLOG_TOKEN`, which is empty if none is set."""

    open_blog: OpenBlog
    secret: str = field(repr=False)

    @contextmanager
    def as_actor(self) -> Iterator[tuple[Blog, Actor]]:
        """Open a unit of work with its actor.

        Raises:
            InvalidToken.
        """
        if self.secret:
            with self.as_member() as (blog, member):
                yield blog, member
        else:
            with self.open_blog() as blog:
                yield blog, Operator()

    def paginate(self, page: Callable[[Blog, Actor, Any], Sequence[Row]]) -> Iterator[Row]:
        """Return the rows of all pages. Each page is read in a unit of work of its own.

        Raises:
            InvalidToken.
        """
        after: Any = None
        while True:
            with self.as_actor() as (blog, actor):
                rows = page(blog, actor, after)
            if not rows:
                return
            yield from rows
            after = rows[-1].id

    @contextmanager
    def as_member(self) -> Iterator[tuple[Blog, Member]]:
        """Open a unit of work with the user of the token. Afterwards, store its last use, also after an error.

        Raises:
            InvalidToken.
        """
        member: Member | None = None
        try:
            with self.open_blog() as blog:
                member = blog.tokens.authenticate(self.secret, address=ADDRESS)
                yield blog, member
        finally:
            if member is not None and member.needs_touch:
                with self.open_blog() as blog:
                    blog.tokens.touch(member)


class NoDatabase(NotFound):
    """There is no database file at the path that is set."""

    def __init__(self, file: Path) -> None:
        where = "here" if file.parent == Path() else f"in {file.parent}"
        super().__init__(f"there is no {file.name} {where}: blog serve makes one; --database names another")


def require_database(settings: Settings) -> None:
    """Check that the database exists, for a command that needs rows in it.

    Raises:
        NoDatabase: it does not.
    """
    file = settings.database_file
    if file is None or not file.parent.is_dir():  # the adapter has a better message
        return
    if not (file.exists() or Path(unquote(str(file))).exists()):  # a URL may escape characters by a percent sign
        raise NoDatabase(file)


@contextmanager
def open_session(settings: Settings, *, makes_database: bool = False) -> Iterator[Session]:
    """Open the blog in the database that is set.

    Args:
        settings: where the database is.
        makes_database: whether the command makes sense with a new database.

    Raises:
        SettingError: the database is in memory, and would be gone after the command.
        NoDatabase: there is none.
    """
    if not makes_database:
        require_database(settings)
    if settings.database_url == "memory:":
        raise SettingError(f"{settings.name_of('database_url')}: a database in memory is gone when this command ends")
    with open_from_settings(settings) as open_blog:
        yield Session(open_blog, settings.token)


@contextmanager
def as_actor(settings: Settings, *, makes_database: bool = False) -> Iterator[tuple[Blog, Actor]]:
    """Open a unit of work with its actor.

    Raises:
        SettingError, NoDatabase, InvalidToken.
    """
    with open_session(settings, makes_database=makes_database) as session, session.as_actor() as (blog, actor):
        yield blog, actor


@contextmanager
def as_member(settings: Settings) -> Iterator[tuple[Blog, Member]]:
    """Open a unit of work with the user of the token.

    Raises:
        SettingError, NoDatabase, InvalidToken.
    """
    require_token(settings)
    with open_session(settings) as session, session.as_member() as (blog, member):
        yield blog, member


def require_token(settings: Settings) -> None:
    """Check that a token is set, for a command on one's own account.

    Raises:
        SettingError.
    """
    if not settings.token:
        raise SettingError("BLOG_TOKEN: must be set to a token of yours; blog tokens create NAME makes one")
