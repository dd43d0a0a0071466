"""The HTTP API, served by uvicorn."""

import logging
import signal
import socket
from typing import Final

import uvicorn

from blog.domain.blog import OpenBlog
from blog.entrypoints.http import create_app
from blog.settings import SettingError, Settings
from blog.wiring import opened

GRACE: Final = 10
"""Seconds that requests have to finish once the server is told to stop."""


def serve(settings: Settings) -> None:
    """Serve the blog that the settings describe."""
    with listening(settings) as listener, opened(settings) as open_blog:
        print(f"Serving {address(listener)}, documentation at {address(listener)}/docs. Stop with Ctrl-C.", flush=True)
        run(settings, open_blog, listener)


def run(settings: Settings, open_blog: OpenBlog, listener: socket.socket) -> None:
    """Answer what comes in, until SIGINT or SIGTERM; then finish what was accepted."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    app = create_app(open_blog, threads=settings.threads, cors_origins=settings.cors_origins, debug=settings.debug)
    config = uvicorn.Config(
        app,
        access_log=False,
        http="httptools",
        lifespan="off",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        ws="none",
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _nothing_more)
    uvicorn.Server(config).run(sockets=[listener])


def listening(settings: Settings) -> socket.socket:
    """A socket on the address that is set.

    Raises:
        SettingError: it cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise SettingError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None


def address(listener: socket.socket) -> str:
    """Where a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _nothing_more(*_: object) -> None:
    """What a signal does once uvicorn has finished, and raises it again: the process ends with status 0."""
