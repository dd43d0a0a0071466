"""Who acts at the console: the operator, or the holder of the token that is set, with exactly their rights."""

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


class Numbered(Protocol):
    """A row with an id."""

    @property
    def id(self) -> int: ...


Row = TypeVar("Row", bound=Numbered)

ADDRESS: Final = Operator().address
"""Where whoever acts here calls from."""


@dataclass(frozen=True, slots=True)
class Session:
    """An open blog, and the token that is set. For it to be empty, it must not be set at all."""

    open_blog: OpenBlog
    secret: str = field(repr=False)

    @contextmanager
    def acting(self) -> Iterator[tuple[Blog, Actor]]:
        """One unit of work, and who acts in it.

        Raises:
            InvalidToken.
        """
        if self.secret:
            with self.acting_as_member() as (blog, member):
                yield blog, member
        else:
            with self.open_blog() as blog:
                yield blog, Operator()

    def walk(self, page: Callable[[Blog, Actor, Any], Sequence[Row]]) -> Iterator[Row]:
        """All that is had page by page, each page on from the id of the last row, in a unit of work of its own.

        Raises:
            InvalidToken.
        """
        after: Any = None
        while True:
            with self.acting() as (blog, actor):
                rows = page(blog, actor, after)
            if not rows:
                return
            yield from rows
            after = rows[-1].id

    @contextmanager
    def acting_as_member(self) -> Iterator[tuple[Blog, Member]]:
        """One unit of work, and the holder of the token. That it was used is noted after it, however it ends.

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
    """There is no database where the settings say."""

    def __init__(self, file: Path) -> None:
        where = "here" if file.parent == Path() else f"in {file.parent}"
        super().__init__(f"there is no {file.name} {where}: blog serve makes one; --database names another")


def require_database(settings: Settings) -> None:
    """Refuse to make a database for a command that would find nothing in it.

    Raises:
        NoDatabase: there is none.
    """
    file = settings.database_file
    if file is None or not file.parent.is_dir():  # which the adapter says better
        return
    if not (file.exists() or Path(unquote(str(file))).exists()):  # a URL may have a percent sign for a character
        raise NoDatabase(file)


@contextmanager
def session(settings: Settings, *, makes_database: bool = False) -> Iterator[Session]:
    """The blog in the database that is set, which must outlive the command.

    Args:
        settings: where the database is.
        makes_database: whether the command is of use where there is no database yet.

    Raises:
        SettingError: it does not.
        NoDatabase: there is none.
    """
    if not makes_database:
        require_database(settings)
    if settings.database_url == "memory:":
        raise SettingError(f"{settings.name_of('database_url')}: what is kept in memory is gone when this command ends")
    with open_from_settings(settings) as open_blog:
        yield Session(open_blog, settings.token)


@contextmanager
def as_actor(settings: Settings, *, makes_database: bool = False) -> Iterator[tuple[Blog, Actor]]:
    """One unit of work, and who acts in it.

    Raises:
        SettingError, NoDatabase, InvalidToken.
    """
    with session(settings, makes_database=makes_database) as here, here.acting() as (blog, actor):
        yield blog, actor


@contextmanager
def as_member(settings: Settings) -> Iterator[tuple[Blog, Member]]:
    """One unit of work, and whose token is set.

    Raises:
        SettingError, NoDatabase, InvalidToken.
    """
    require_token(settings)
    with session(settings) as here, here.acting_as_member() as (blog, member):
        yield blog, member


def require_token(settings: Settings) -> None:
    """The operator has no account of their own.

    Raises:
        SettingError.
    """
    if not settings.token:
        raise SettingError("BLOG_TOKEN: must be set to a token of yours; blog tokens create NAME makes one")
