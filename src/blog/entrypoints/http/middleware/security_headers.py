"""The outermost layer, around the whole application: what holds of every answer, errors and unknown routes included.

Litestar's own response headers and middleware do not reach those, which is why this is plain ASGI.
"""

import logging
import os
import re
from http import HTTPStatus
from random import Random
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Send

from blog.entrypoints.http.errors import HttpError, methods_of, refusal
from blog.entrypoints.http.parsing.client_address import TrustedProxies

from .cors import CrossOrigin, is_preflight
from .root_path import RootPath

_ALWAYS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_PRIVATE: Final = (b"cache-control", b"private, no-store")
_STAND_IN: Final = {"HEAD": "GET", "OPTIONS": "ALLOW"}
"""HEAD is GET without a body. OPTIONS goes in as a method that no route has: the refusal names those it has."""

_request_id = re.compile(rb"[A-Za-z0-9-]{1,64}")

_chance: Final = Random()  # noqa: S311 - an id is no secret, and asking the system for each costs more than the id
_log = logging.getLogger(__name__)

os.register_at_fork(after_in_child=_chance.seed)  # or two processes would give the same ids


class SecurityHeadersMiddleware:
    """An ASGI application that hands HTTP requests to another one, and completes its answers. In these the names of
    headers are in lower case, as ASGI has it.

    It is typed loosely, so that whatever framework mounts it need not have Litestar's types. A server that refuses a
    request itself puts its `HttpError` into the scope, so that the refusal is completed like any other answer.

    Args:
        app: the application that answers.
        cors: which pages of other origins may call it; without it, none.
        proxies: those that are trusted; without it, none.
        root_path: under which prefix a proxy serves it; without it, it is the one under which it is mounted.
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
        self._proxies.warn_of_untrusted(scope, headers)
        prefix, path = self._root_path.split(scope, headers)
        exchange = _Exchange(scope, headers, send, self._cors_headers(scope, headers))
        exchange.inner |= {"prefix": prefix, "path": path}
        scope["inner"] = exchange.inner  # where whoever logs requests finds which route it was
        try:
            await self._app_for(scope, headers)(exchange.inner, receive, exchange.send)
        except Exception:
            if exchange.has_started:
                raise
            _log.exception("Request %(request_id)s failed", exchange.inner, extra=exchange.logged)
            await refusal(HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, exchange.send)

    def _app_for(self, scope: Any, headers: dict[bytes, bytes]) -> Any:
        """What answers this request: the application, unless it need not be asked."""
        refused: HttpError | None = scope.get("refused")
        if refused is not None:
            return refusal(refused.status, refused.detail, (b"connection", b"close"))
        if self._cors is not None and is_preflight(scope["method"], headers):
            return self._cors.preflight(headers)
        return self._app

    def _cors_headers(self, scope: Any, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        if self._cors is None:
            return []
        return self._cors.headers_for_unknown() if scope.get("has_no_head") else self._cors.headers_for(headers)


class _Exchange:
    """One request as the application is to see it, and its answer as the client is to see it."""

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
        self._request_id = _accepted(headers.get(b"x-request-id")) or b"%032x" % _chance.getrandbits(128)
        self._send = send
        self.inner: Any = {
            **scope,
            "method": _STAND_IN[self._method] if self._stands_in else self._method,
            "root_path": "",
            "request_id": self._request_id.decode(),
        }

    @property
    def logged(self) -> dict[str, Any]:
        """What the log may say of the request."""
        return {"request_id": self.inner["request_id"], "method": self._method}

    async def send(self, message: Any) -> None:
        """Pass on a part of the answer, completed."""
        if message["type"] == "http.response.start":
            self.has_started = True
            await self._send(message | self._start(message["status"], list(message["headers"])))
        elif message["type"] == "http.response.body" and self._bodiless:
            if not message.get("more_body"):
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self._send(message)

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


def _accepted(request_id: bytes | None) -> bytes | None:
    return request_id if request_id is not None and _request_id.fullmatch(request_id) else None


def _allowed(methods: bytes) -> bytes:
    """What a path allows, with the methods that this layer answers."""
    return ", ".join(methods_of(methods.decode())).encode()
