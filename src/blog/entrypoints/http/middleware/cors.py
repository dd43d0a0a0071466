"""Cross-origin resource sharing: which pages of other origins may call the API from a browser.

After the Fetch standard, https://fetch.spec.whatwg.org/#http-cors-protocol. Litestar has a CORS middleware, but it
stands inside of its application: it does not reach the response cache or the refusals of the server, it answers a
refused preflight as text/plain, and it sends `Vary: Origin` to allowed origins only.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from blog.entrypoints.http.errors import refusal
from blog.entrypoints.http.response import Response

_ORIGIN: Final = b"origin"
_METHOD: Final = b"access-control-request-method"
_HEADERS: Final = b"access-control-request-headers"
_ALLOW_ORIGIN: Final = b"access-control-allow-origin"
_VARY: Final = (b"vary", b"Origin")

METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

HEADERS: Final = (
    "Accept",
    "Accept-Language",
    "Authorization",
    "Cache-Control",
    "Content-Language",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "X-Request-ID",
    "X-Requested-With",  # of jQuery and its heirs
    "baggage",  # of tracing: W3C Trace Context, W3C Baggage, Sentry
    "sentry-trace",
    "traceparent",
    "tracestate",
)
"""Request headers that a page may send. None of them gives a page more rights than its own requests have."""

EXPOSED: Final = (
    "Accept-Patch",
    "Allow",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)
"""Response headers that a page may read, beside those that every page may read."""

MAX_AGE: Final = 600
"""Seconds for which a browser may remember the answer to a preflight."""

_token = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,64}")


class CrossOrigin:
    """The CORS policy. Credentials such as cookies are never allowed: the API uses none.

    Args:
        origins: the origins, such as `https://example.org`; or `*` alone, for all of them.
        headers: request headers that they may send beside those in `HEADERS`.
    """

    def __init__(self, origins: Sequence[str], headers: Sequence[str] = ()) -> None:
        self._allows_all = "*" in origins
        self._origins = frozenset(origin.encode() for origin in origins)
        names = sorted({*HEADERS, *headers}, key=str.lower)
        self._names = frozenset(name.lower() for name in names)
        self._preflight = [
            (b"access-control-allow-methods", ", ".join(METHODS).encode()),
            (b"access-control-allow-headers", ", ".join(names).encode()),
            (b"access-control-max-age", b"%d" % MAX_AGE),
        ]
        self._exposed = (b"access-control-expose-headers", ", ".join(EXPOSED).encode())

    def headers_for(self, headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """Return the headers for the response to a request with these headers.

        `Vary` is also sent if the request has no origin: a shared cache must not give that response to a page. If all
        origins are allowed, all responses are alike and need no `Vary`.
        """
        if self._allows_all:
            return [(_ALLOW_ORIGIN, b"*"), self._exposed]
        origin = headers.get(_ORIGIN)
        return [(_ALLOW_ORIGIN, origin), self._exposed, _VARY] if origin in self._origins and origin else [_VARY]

    def headers_for_unknown(self) -> list[tuple[bytes, bytes]]:
        """Return the headers for the refusal of a request whose head was not read to its end, so its origin is unknown.

        Every page may read it: it contains only the reason. Otherwise the page would see a CORS error instead.
        """
        return [(_ALLOW_ORIGIN, b"*"), *([] if self._allows_all else [_VARY])]

    def preflight(self, headers: Mapping[bytes, bytes]) -> Response:
        """Return the response to a preflight request: 204, or 400 with the reason."""
        fault = self._fault(headers)
        return Response(204, [*self._preflight], b"") if fault is None else refusal(HTTPStatus.BAD_REQUEST, fault)

    def _fault(self, headers: Mapping[bytes, bytes]) -> str | None:
        if not (self._allows_all or headers[_ORIGIN] in self._origins):
            return "Pages of this origin may not call this API."
        if headers[_METHOD].decode("latin-1") not in METHODS:
            return f"Pages of other origins may use the methods {', '.join(METHODS)}."
        names = [name.strip().lower() for name in headers.get(_HEADERS, b"").decode("latin-1").split(",")]
        refused = [name for name in names if name and name not in self._names]
        if refused:
            shown = ", ".join(name if _token.fullmatch(name) else "?" for name in refused[:10])
            return f"Pages of other origins may not send these request headers: {shown}."
        return None


def is_preflight(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a browser asks if it may send another request (Fetch, CORS-preflight request)."""
    return method == "OPTIONS" and _ORIGIN in headers and _METHOD in headers
