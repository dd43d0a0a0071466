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

COLLECTED_AFTER: Final = 10_000
"""How many more objects there must be than at the last look for garbage, before it is looked for again. Python's 700
are passed by a few requests at once, which leave no garbage behind that has to be looked for.
"""


def app() -> SecurityHeadersMiddleware | AccessLog:
    """The application that the `BLOG_…` variables describe. Its database is closed when the process ends.

    Raises:
        SettingError: a variable is wrong, or there is no such setting.
        Unavailable: the database cannot be opened.
    """
    for unknown in unknown_settings(os.environ):
        raise SettingError(str(unknown))
    return app_until_exit(Settings.read(os.environ))


def app_until_exit(settings: Settings) -> SecurityHeadersMiddleware | AccessLog:
    """The application that the settings describe, for a process that serves nothing else.

    A process that was started by another to serve does not outlive it: it would hold the port, and nobody would know.

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
    """Let garbage be looked for among what requests leave behind, and seldom: not among all that was made to start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)


@contextmanager
def app_of(settings: Settings) -> Iterator[SecurityHeadersMiddleware | AccessLog]:
    """The application that the settings describe, until the block is left.

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
    """Ask this process to finish, as its parent would, once that is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
