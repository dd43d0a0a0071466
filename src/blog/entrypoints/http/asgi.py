"""For ASGI servers that start their own processes: `uvicorn --factory blog.entrypoints.http.asgi:app`."""

import atexit
import os
from contextlib import ExitStack

from blog.settings import Settings
from blog.wiring import opened

from .app import create_app
from .edge import Edge


def app() -> Edge:
    """The application that the `BLOG_…` variables describe. Its database is closed when the process ends.

    Raises:
        SettingError: a variable is wrong.
        Unavailable: the database cannot be opened.
    """
    settings = Settings.read(os.environ)
    until_exit = ExitStack()
    atexit.register(until_exit.close)
    open_blog = until_exit.enter_context(opened(settings))
    return create_app(open_blog, threads=settings.threads, cors_origins=settings.cors_origins, debug=settings.debug)
