"""The blog, opened for one command."""

from contextlib import AbstractContextManager

from blog.domain.blog import OpenBlog
from blog.settings import SettingError, Settings
from blog.wiring import opened


def opened_database(settings: Settings) -> AbstractContextManager[OpenBlog]:
    """The blog in the database that is set, which must outlive the command.

    Raises:
        SettingError: the database is this process's memory.
    """
    if settings.database_url == "memory:":
        raise SettingError("BLOG_DATABASE_URL: what is kept in memory is gone when this command ends")
    return opened(settings)
