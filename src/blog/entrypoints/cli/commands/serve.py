"""Serve the HTTP API with uvicorn."""

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
"""Seconds in which running requests can finish when the server stops."""
_STARTS_WITHIN: Final = 20
"""Seconds in which a worker process must respond to its parent. A worker does not respond while it starts. On a busy
machine, uvicorn's default of five seconds would kill it again and again.
"""


def serve(settings: Settings) -> None:
    """Serve the blog that the settings describe."""
    with listening(settings) as listeners:
        run(settings, listeners, greeting=listeners.greeting)


def run(settings: Settings, listeners: Listeners, *, greeting: str) -> None:
    """Serve requests until SIGINT or SIGTERM, and then finish the accepted ones.

    The greeting is printed when the server accepts connections and handles both signals.
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
        """Stop uvicorn before it has its own signal handlers. It raises the signals again after its end."""
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    tune_gc()
    print(greeting, flush=True)
    server.run(sockets=[*listeners.sockets])


def _run_workers(settings: Settings, listeners: Listeners, greeting: str) -> None:
    """Serve in several processes that share the sockets. A process that dies is replaced.

    The settings are sent through the pipe by which `multiprocessing` starts a process. They are removed from the
    environment, which other users can read as long as the process runs: a secret from a file stays in the file.
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
