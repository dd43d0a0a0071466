"""The HTTP API, served by uvicorn."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import uvicorn
from uvicorn.supervisors import Multiprocess

from blog.entrypoints.cli.listeners import Listeners, listening
from blog.entrypoints.http.asgi import app_of, app_until_exit, tune_gc
from blog.entrypoints.http.middleware.security_headers import SecurityHeadersMiddleware
from blog.entrypoints.server.logs import LOGGING, AccessLog, configure
from blog.entrypoints.server.protocol import HardenedProtocol
from blog.settings import Settings

GRACE: Final = 10
"""Seconds that requests have to finish once the server is told to stop."""
_STARTS_WITHIN: Final = 20
"""Seconds in which a worker process has to answer the parent. It does not while it starts, and on a busy machine
uvicorn's five seconds kill it again and again.
"""


def serve(settings: Settings) -> None:
    """Serve the blog that the settings describe."""
    with listening(settings) as listeners:
        run(settings, listeners, greeting=listeners.greeting)


def run(settings: Settings, listeners: Listeners, *, greeting: str) -> None:
    """Answer what comes in, until SIGINT or SIGTERM; then finish what was accepted.

    Whoever has read the greeting can rely on both.
    """
    configure()
    with app_of(settings) as app:
        if settings.workers > 1:
            _run_workers(settings, listeners, greeting)
        else:
            _run_here(settings, app, listeners, greeting)


def _run_here(
    settings: Settings, app: SecurityHeadersMiddleware | AccessLog, listeners: Listeners, greeting: str
) -> None:
    server = uvicorn.Server(_config(settings, app))

    def stop(*_: object) -> None:
        """Until uvicorn listens to signals, ask it to stop; once it has finished, it raises them again: no matter."""
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    tune_gc()
    print(greeting, flush=True)
    server.run(sockets=[*listeners.sockets])


def _run_workers(settings: Settings, listeners: Listeners, greeting: str) -> None:
    """The same in several processes that share the socket. One that dies is replaced.

    They are sent the settings through the pipe by which `multiprocessing` starts them, and find none in their
    environment, which others can read for as long as they run: what stood in a file is to be there only.
    """
    for name in [name for name in os.environ if name.startswith("BLOG_")]:
        del os.environ[name]
    app = partial(app_until_exit, replace(settings, token=""))
    workers = Multiprocess(_config(settings, app, factory=True, workers=settings.workers), sockets=[*listeners.sockets])
    print(greeting, flush=True)
    workers.run()


def _config(
    settings: Settings,
    app: SecurityHeadersMiddleware | AccessLog | Callable[[], SecurityHeadersMiddleware | AccessLog],
    **more: Any,
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        http=HardenedProtocol,
        lifespan="off",
        log_config=LOGGING,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=settings.keep_alive,
        timeout_worker_healthcheck=_STARTS_WITHIN,
        ws="none",
        **more,
    )
