"""For ASGI servers that start their own processes: `uvicorn --factory blog.entrypoints.http.asgi:app`."""

import atexit
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from blog.bootstrap import open_for_serving
from blog.entrypoints.http.middleware.security_headers import SecurityHeadersMiddleware
from blog.entrypoints.http.parsing.client_address import UNIX, TrustedProxies
from blog.entrypoints.server.logs import AccessLog, configure
from blog.entrypoints.server.maintenance import maintained
from blog.settings import SettingError, Settings, unknown_settings

from .app import create_app

GC_THRESHOLD: Final = 10_000
"""Objects allocated between two collections of the youngest generation. A few concurrent requests pass Python's 700,
and leave no cyclic garbage.
"""


def app() -> SecurityHeadersMiddleware | AccessLog:
    """Return the application that the `BLOG_…` variables describe. Its database is closed when the process ends.

    Raises:
        SettingError: a variable is wrong or unknown.
        Unavailable: the database cannot be opened.
    """
    for unknown in unknown_settings(os.environ):
        raise SettingError(str(unknown))
    return app_until_exit(Settings.read(os.environ))


def app_until_exit(settings: Settings) -> SecurityHeadersMiddleware | AccessLog:
    """Return the application that the settings describe, for a process that serves nothing else.

    A worker process ends with its parent: otherwise it would hold the port unnoticed.

    Raises:
        Unavailable: the database cannot be opened.
    """
    configure()
    threading.Thread(target=_stop_with_parent, name="blog-parent", daemon=True).start()
    until_exit = ExitStack()
    atexit.register(until_exit.close)
    made = until_exit.enter_context(app_of(settings))
    tune_gc()
    return made


def tune_gc() -> None:
    """Exclude the objects of the start from garbage collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


@contextmanager
def app_of(settings: Settings) -> Iterator[SecurityHeadersMiddleware | AccessLog]:
    """Open the application that the settings describe, until the block is left.

    Raises:
        Unavailable: the database cannot be opened.
    """
    trusted_proxies = [*settings.trusted_proxies, *([UNIX] if settings.uds else [])]
    with open_for_serving(settings) as opened, maintained(opened.open_blog):
        edge = create_app(
            opened.open_blog,
            open_nonblocking=opened.open_nonblocking,
            open_replica=opened.open_replica,
            data_version=opened.data_version,
            group_commit=opened.group_commit,
            threads=settings.threads,
            cors_origins=settings.cors_origins,
            cors_headers=settings.cors_headers,
            trusted_proxies=trusted_proxies,
            root_path=settings.root_path,
            require_if_match=settings.require_if_match,
            debug=settings.debug,
        )
        proxies = TrustedProxies(trusted_proxies)
        yield AccessLog(edge, proxies.client_ip) if settings.access_log else edge


def _stop_with_parent() -> None:
    """Send SIGTERM to this process when its parent has ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
