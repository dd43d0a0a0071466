"""The HTTP API, served by uvicorn."""

import errno
import logging
import signal
import socket
from typing import Final

import uvicorn

from blog.domain.blog import OpenBlog
from blog.entrypoints.http import create_app
from blog.settings import SettingError, Settings

from .opening import opened_store

GRACE: Final = 10
"""Seconds that requests have to finish once the server is told to stop."""


def serve(settings: Settings) -> None:
    """Serve the blog that the settings describe."""
    with listening(settings) as listener, opened_store(settings) as open_blog:
        at = address(listener)
        run(settings, open_blog, listener, greeting=f"Serving {at}, documentation at {at}/docs. Stop with Ctrl-C.")


def run(settings: Settings, open_blog: OpenBlog, listener: socket.socket, *, greeting: str) -> None:
    """Answer what comes in, until SIGINT or SIGTERM; then finish what was accepted.

    Whoever has read the greeting can rely on both.
    """
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
    server = uvicorn.Server(config)

    def stop(*_: object) -> None:
        """Until uvicorn listens to signals, ask it to stop; once it has finished, it raises them again: no matter."""
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    print(greeting, flush=True)
    server.run(sockets=[listener])


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
