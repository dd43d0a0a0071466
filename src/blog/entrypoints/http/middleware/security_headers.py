"""The outermost middleware: security headers and a request id on every response, including errors and unknown routes.

It is plain ASGI, because Litestar's response headers and middleware do not reach those.
"""

import logging
import os
import re
from collections.abc import Awaitable
from http import HTTPStatus
from random import Random
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Send

from blog.entrypoints.http.errors import HttpError, methods_of, refusal
from blog.entrypoints.http.parsing.client_address import PROXY_HEADERS, TrustedProxies

from .cors import CrossOrigin, is_preflight
from .root_path import RootPath

_ALWAYS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_PRIVATE: Final = (b"cache-control", b"private, no-store")
_NO_HEADERS: Final[list[tuple[bytes, bytes]]] = []
_NO_BODY: Final[Any] = {"type": "http.response.body", "body": b"", "more_body": False}
_STAND_IN: Final = {"HEAD": "GET", "OPTIONS": "ALLOW"}
"""The method that is passed on. HEAD is GET without a body. No route has ALLOW: the 405 names the methods."""

_request_id = re.compile(rb"[A-Za-z0-9-]{1,64}")

_random: Final = Random()  # noqa: S311 - an id is not a secret, and asking the system for each costs more than the id
_log = logging.getLogger(__name__)

os.register_at_fork(after_in_child=_random.seed)  # or two processes would give the same ids


class SecurityHeadersMiddleware:
    """An ASGI middleware that adds headers to all responses.

    It is typed loosely, so that any framework can mount it. A server that refuses a request itself puts an `HttpError`
    into the scope, so that this response gets the headers too.

    Args:
        app: the application.
        cors: the origins whose pages may call it; by default, none.
        proxies: the trusted proxies; by default, none.
        root_path: the path prefix; by default, the one under which it is mounted.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        cors: CrossOrigin | None = None,
        proxies: TrustedProxies | None = None,
        root_path: RootPath | None = None,
    ) -> None:
        self._app = app
        self._cors = cors
        self._proxies = TrustedProxies() if proxies is None else proxies
        self._root_path = RootPath("", self._proxies, ()) if root_path is None else root_path

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not PROXY_HEADERS.isdisjoint(headers):
            self._proxies.warn_of_untrusted(scope)
        cors = _NO_HEADERS if self._cors is None else _cors_headers(self._cors, scope, headers)
        exchange = _Exchange(scope, headers, send, cors)
        exchange.inner["prefix"], exchange.inner["path"] = self._root_path.split(scope, headers)
        scope["inner"] = exchange.inner  # the access log finds the route there
        app: Any = self._app
        if "refused" in scope:
            refused: HttpError = scope["refused"]
            app = refusal(refused.status, refused.detail, (b"connection", b"close"))
        elif self._cors is not None and is_preflight(scope["method"], headers):
            app = self._cors.preflight(headers)
        try:
            await app(exchange.inner, receive, exchange.send)
        except Exception:
            if exchange.has_started:
                raise
            _log.exception("Request %(request_id)s failed", exchange.inner, extra=exchange.logged)
            await refusal(HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, exchange.send)


class _Exchange:
    """One request as it is passed on, and its response as it is sent."""

    __slots__ = (
        "_bodiless",
        "_cors",
        "_method",
        "_private",
        "_request_id",
        "_send",
        "_stands_in",
        "has_started",
        "inner",
    )

    def __init__(self, scope: Any, headers: dict[bytes, bytes], send: Send, cors: list[tuple[bytes, bytes]]) -> None:
        self._method = scope["method"]
        self._stands_in = self._method in _STAND_IN
        self._bodiless = self._method == "HEAD"
        self._cors = cors
        self.has_started = False
        self._private = b"authorization" in headers
        request_id = headers.get(b"x-request-id")
        if request_id is None or not _request_id.fullmatch(request_id):
            request_id = b"%032x" % _random.getrandbits(128)
        self._request_id = request_id
        self._send = send
        self.inner: Any = {
            **scope,
            "method": _STAND_IN[self._method] if self._stands_in else self._method,
            "root_path": "",
            "request_id": request_id.decode(),
            "header_names": headers.keys(),
        }

    @property
    def logged(self) -> dict[str, Any]:
        """The fields of the request for the log."""
        return {"request_id": self.inner["request_id"], "method": self._method}

    def send(self, message: Any) -> Awaitable[None]:
        """Send a part of the response, with the headers added. It is no coroutine itself, which would take longer."""
        if message["type"] == "http.response.start":
            self.has_started = True
            return self._send(message | self._start(message["status"], list(message["headers"])))
        if message["type"] == "http.response.body" and self._bodiless:
            return _nothing() if message.get("more_body") else self._send(_NO_BODY)
        return self._send(message)

    def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        names = dict(headers)
        if self._method == "OPTIONS" and self._stands_in and status == 405:  # noqa: PLR2004 - HTTP's own number
            status, self._bodiless = 204, True
            headers = [(name, value) for name, value in headers if name == b"allow"]
        if b"allow" in names:
            headers = [(name, _allowed(value) if name == b"allow" else value) for name, value in headers]
        headers += [*_ALWAYS, (b"x-request-id", self._request_id), *self._cors]
        if _POLICY[0] not in names:
            headers.append(_POLICY)
        if self._private and _PRIVATE[0] not in names:
            headers.append(_PRIVATE)
        return {"status": status, "headers": headers}


async def _nothing() -> None:
    """Send nothing."""


def _cors_headers(cors: CrossOrigin, scope: Any, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    return cors.headers_for_unknown() if scope.get("has_no_head") else cors.headers_for(headers)


def _allowed(methods: bytes) -> bytes:
    """Return the methods of a path, with those that this middleware handles."""
    return ", ".join(methods_of(methods.decode())).encode()
