"""Logs: every line is one JSON object, without secrets.

The rest of the blog logs by the standard library's `logging` and changes nothing about it, so that whoever embeds the
blog has it in their own logs. Only where a process of ours starts are those lines given this form.
"""

import json
import logging
import logging.config
import os
import re
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from types import TracebackType
from typing import Any, Final

from structlog.processors import JSONRenderer, format_exc_info
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.typing import EventDict

from blog.domain.accounts.tokens import TOKEN_PATTERN

FIELDS: Final = ("request_id", "method", "route", "status", "duration_ms", "client", "user_id", "pid")
"""Fields that a line may have beside its event. All others are left out: they may be secrets."""

LOGGING: Final = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": f"{__name__}.Lines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {"blog": {"level": "INFO"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
}
"""For `logging.config` and for uvicorn, which passes it to its worker processes."""

_secret = re.compile(
    rf"{TOKEN_PATTERN}"
    r"|blog[a-z]{1,20}_[0-9A-Za-z]{46}"  # other codes of the same form
    r"|\$argon2[a-z]{1,2}\$[0-9A-Za-z$=,+/]+|\\x[0-9a-f]{64}"  # hashes, digests: PostgreSQL repeats the row it refuses
)
_named_password = re.compile(r"(password\s?=\s?)(?:'(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)
_libpq_repeats = re.compile(
    r"(percent-encoded (?:token|value): |URI query parameter: |invalid port number: |invalid integer value "
    r"""|host name (?="[^"\n]*@)|resolve host (?='[^'\n]*@))["'][^\n]*["']"""
)
"""Parts of a URL that libpq could not parse: the rest of a password with a raw `%`, `@`, `/` or `?` in it."""
_after_scheme = re.compile(r"(?<=://)\S+")

_log = logging.getLogger(__name__)
_access = logging.getLogger("blog.access")


def configure() -> None:
    """Log as JSON in this process, including warnings and uncaught exceptions.

    If logging is configured already, that configuration stays.
    """
    if not logging.getLogger().handlers:
        logging.config.dictConfig(LOGGING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda thrown: _uncaught(thrown.exc_type, thrown.exc_value, thrown.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is not None and kind is not SystemExit:
        _log.critical("Uncaught %s", kind.__name__, exc_info=(kind, error, trace))


def redacted(text: str) -> str:
    """Return the text without everything that looks like a token, a hash, or the password in a database URL.

    The last resort: nothing that logs is meant to say either.
    """
    text = _named_password.sub(r"\1[redacted]", _secret.sub("[redacted]", text))
    text = _libpq_repeats.sub(r'\1"[redacted]"', text)
    return _after_scheme.sub(_without_password, text)


def _without_password(address: re.Match[str]) -> str:
    """Return the URL up to its last `@`, because a password may contain some. It takes one pass over the text."""
    user, _, host = address[0].rpartition("@")
    return f"{user.partition(':')[0]}:[redacted]@{host}" if ":" in user else address[0]


class Lines(ProcessorFormatter):
    """A formatter that makes one JSON object of a log record."""

    def __init__(self) -> None:
        super().__init__(
            foreign_pre_chain=[ExtraAdder(FIELDS)],
            processors=[_headed, ProcessorFormatter.remove_processors_meta, format_exc_info, _harmless, JSONRenderer()],
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, even if its format and its arguments do not match.

        The standard library would print those arguments, as they are, to standard error.
        """
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001 - every record becomes a line
            failure = {"event": "A record that could not be formatted", "exception": type(error).__name__}
            return json.dumps(_head(record) | failure)


def _head(record: logging.LogRecord) -> dict[str, Any]:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"timestamp": at, "level": record.levelname.lower(), "logger": record.name}


def _headed(_: Any, __: str, event: EventDict) -> EventDict:
    """Put time, level and logger first."""
    return {**_head(event["_record"]), **event}


def _harmless(_: Any, __: str, event: EventDict) -> EventDict:
    """Keep numbers, and texts without secrets. No object is logged by its `repr`."""
    return {
        name: value if value is None or isinstance(value, int | float) else redacted(str(value))
        for name, value in event.items()
    }


class AccessLog:
    """An ASGI middleware that logs each request when its response is complete.

    The path itself is not noted, for whatever people put in it: only the route that it found, if it found any.

    Args:
        app: answers.
        client_ip: the address that a request, given by its scope, comes from; its peer by default.
    """

    def __init__(self, app: Callable[..., Any], client_ip: Callable[[Any], str] | None = None) -> None:
        self._app = app
        self._client_of = client_ip or _peer_of

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        noted: dict[str, Any] = {"method": scope["method"], "status": None}
        seen, begun = {**scope}, perf_counter()

        async def noting(message: Any) -> None:
            if message["type"] == "http.response.start":
                noted["status"] = message["status"]
                noted["request_id"] = dict(message["headers"]).get(b"x-request-id", b"").decode("ascii", "replace")
            await send(message)

        try:
            await self._app(seen, receive, noting)
        finally:
            inner = seen.get("inner", seen)
            noted |= {"route": inner.get("path_template"), "duration_ms": round((perf_counter() - begun) * 1000, 1)}
            noted |= {"client": self._client_of(scope), "user_id": inner.get("user_id"), "pid": os.getpid()}
            _access.info("Request answered", extra=noted)


def _peer_of(scope: Any) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
