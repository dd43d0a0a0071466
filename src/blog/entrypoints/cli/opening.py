"""The blog, opened for one command."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from blog.domain.blog import OpenBlog
from blog.settings import SettingError, Settings
from blog.wiring import opened

_MAGIC: Final = b"SQLite format 3\0"


def opened_database(settings: Settings) -> AbstractContextManager[OpenBlog]:
    """The blog in the database that is set, which must outlive the command.

    Raises:
        SettingError: the database is this process's memory.
    """
    if settings.database_url == "memory:":
        raise SettingError("BLOG_DATABASE_URL: what is kept in memory is gone when this command ends")
    return opened_store(settings)


def opened_store(settings: Settings) -> AbstractContextManager[OpenBlog]:
    """The blog that the settings describe, in memory or in a database, which is made if its folder is there.

    Raises:
        SettingError: the database cannot be a file.
    """
    kind, _, path = settings.database_url.partition(":///")
    if kind == "sqlite" and (fault := _fault_in(Path(path))):
        raise SettingError(f"BLOG_DATABASE_URL: {fault}")
    return opened(settings)


def _fault_in(file: Path) -> str | None:
    """Why this cannot be the database: what whoever mistyped its name needs to hear. The name may be a secret."""
    if file.is_dir():
        return "is a folder, and must be a file"
    if not file.parent.is_dir():
        return "the folder for the file does not exist"
    if file.is_file() and not _starts_like_a_database(file):
        return "the file is something else than a database"
    return None


def _starts_like_a_database(file: Path) -> bool:
    with file.open("rb") as opened_file:
        return opened_file.read(len(_MAGIC)) in {b"", _MAGIC}
