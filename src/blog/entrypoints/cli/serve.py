"""The HTTP API, served by uvicorn."""

import errno
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import uvicorn
from uvicorn.supervisors import Multiprocess

from blog.entrypoints.http.asgi import app_of, app_until_exit, spare_collector
from blog.entrypoints.http.edge import Edge
from blog.entrypoints.http.wire import Wire
from blog.entrypoints.logs import LOGGING, AccessLog, configure
from blog.settings import SettingError, Settings

GRACE: Final = 10
"""Seconds that requests have to finish once the server is told to stop."""


def serve(settings: Settings) -> None:
    """Serve the blog that the settings describe."""
    with listening(settings) as listener:
        at = address(listener)
        run(settings, listener, greeting=f"Serving {at}, documentation at {at}/docs. Stop with Ctrl-C.")


def run(settings: Settings, listener: socket.socket, *, greeting: str) -> None:
    """Answer what comes in, until SIGINT or SIGTERM; then finish what was accepted.

    Whoever has read the greeting can rely on both.
    """
    configure()
    with app_of(settings) as app:
        if settings.workers > 1:
            _run_workers(settings, listener, greeting)
        else:
            _run_here(app, listener, greeting)


def _run_here(app: Edge | AccessLog, listener: socket.socket, greeting: str) -> None:
    server = uvicorn.Server(_config(app))

    def stop(*_: object) -> None:
        """Until uvicorn listens to signals, ask it to stop; once it has finished, it raises them again: no matter."""
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    spare_collector()
    print(greeting, flush=True)
    server.run(sockets=[listener])


def _run_workers(settings: Settings, listener: socket.socket, greeting: str) -> None:
    """The same in several processes that share the socket. One that dies is replaced.

    They are sent the settings through the pipe by which `multiprocessing` starts them, and find none in their
    environment, which others can read for as long as they run: what stood in a file is to be there only.
    """
    for name in [name for name in os.environ if name.startswith("BLOG_")]:
        del os.environ[name]
    app = partial(app_until_exit, replace(settings, token=""))
    workers = Multiprocess(_config(app, factory=True, workers=settings.workers), sockets=[listener])
    print(greeting, flush=True)
    workers.run()


def _config(app: Edge | AccessLog | Callable[[], Edge | AccessLog], **more: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        http=Wire,
        lifespan="off",
        log_config=LOGGING,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        ws="none",
        **more,
    )


def listening(settings: Settings) -> socket.socket:
    """A socket on the address that is set.

    Raises:
        SettingError: it cannot be listened on.
    """
    host, port = settings.host, settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while ")[0]
        other = ", choose another with --port or BLOG_PORT" if error.errno == errno.EADDRINUSE else ""
        raise SettingError(f"cannot listen on {_url(host, port)}: {reason}{other}") from None


def address(listener: socket.socket) -> str:
    """Where a listening socket is reached."""
    return _url(*listener.getsockname()[:2])


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
