"""Error messages about PostgreSQL connections, for operators, and never with the password.

libpq repeats what it cannot read: a whole URL, or as a host what was the end of a password with an `@`. So a URL is
checked before it is used, and the messages have only parts that cannot be a password.
"""

import os
import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo, timeout_from_conninfo
from psycopg.pq import PGconn

_ENCODED: Final = (
    "in a name or a password, each of @ : / ? # [ ] % is written percent-encoded, such as %40 for @ and %25 for %"
)

_SYNTAX: Final = [
    (r"percent-encoded", "has a % with no code behind it: % is written %25"),
    (r"matching \"\]\"", "has a [ without a ] in its host"),
    (r"invalid URI query parameter", "has an option behind the ? that libpq does not know"),
    (r"key/value separator", "has an option behind the ? that is not written as name=value"),
]
"""By the beginning of libpq's message about a URL, our message. The rest of libpq's message repeats the URL."""

_NO_FOLDER: Final = "/dev/null"
"""A path that cannot have a socket: libpq checks the options first, and fails here before it uses the network."""
_WHOLE_NUMBERS: Final = ("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
"""Options that libpq reads only after a socket is open."""

_REASONS: Final = [
    (r"Connection refused|failed: No such file or directory", "no server listens there"),
    (r"failed to resolve host|could not translate host name", "there is no host of this name"),
    (r"Network is unreachable|No route to host", "the network does not lead there"),
    (r"timeout expired", "no answer came in time"),
    (r"password authentication failed|pgpassfile", 'the password is wrong, or there is no role "{user}"'),
    (r"no password supplied", "the server asks for a password, and none is set"),
    (r'role "[^"]*" does not exist', 'there is no role "{user}"'),
    (r'database "[^"]*" does not exist', 'there is no database "{dbname}"'),
    (r"pg_hba\.conf.*no encryption", "the server lets this role in from here by TLS only, or not at all (pg_hba.conf)"),
    (r"pg_hba\.conf", "the server does not let this role in from here (pg_hba.conf)"),
    (r"does not support SSL", "TLS is required, and the server has none"),
    (r"too many clients|too many connections|connection slots are reserved", "too many connections are open"),
    (r"server closed the connection|Connection reset", "the server closed the connection"),
    (r"session is read-only|server is in hot standby", "the server takes no writes"),
]
"""By a pattern of the message of libpq or the server, our message. Other messages are reported as they are."""

_preamble = re.compile(
    r"^(connection (failed|is bad): )?(connection to server (at|on socket) .*? failed: )?([A-Z]+:  )?"
)
_attempt = re.compile(
    r"^- host: (?:'([^']*)'|None), port: (?:'([^']*)'|None), hostaddr: .*?: (?=connection)", re.MULTILINE
)


class CannotConnect(psycopg.OperationalError):
    """No connection was made. `cause` names the server and the reason."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(cause)


def parameters_of(url: str) -> dict[str, Any]:
    """Return the parts of a URL, as libpq reads it.

    Raises:
        ValueError: libpq cannot read it, or takes parts of a password for something else. The message does not repeat
            the URL.
    """
    try:
        params = conninfo_to_dict(url)
    except UnicodeDecodeError:
        raise ValueError(f"has percent-encoded bytes that are not UTF-8; {_ENCODED}") from None
    except psycopg.Error as error:
        said = str(error).partition(": ")[0]
        meant = next(
            (meaning for pattern, meaning in _SYNTAX if re.search(pattern, said)), "is not a valid PostgreSQL URL"
        )
        raise ValueError(f"{meant}; {_ENCODED}") from None
    if any("@" in str(params.get(part) or "") for part in ("host", "dbname", "port")):
        raise ValueError(f"has an @ where none can be; {_ENCODED}")
    ports = str(params.get("port") or "").split(",")
    if not all(port == "" or (port.isascii() and port.isdigit() and 0 < int(port) < 65_536) for port in ports):  # noqa: PLR2004 - ports
        raise ValueError(f"has a port that is not a number from 1 to 65535; {_ENCODED}")
    return dict(params)


def check_options(params: Mapping[str, Any]) -> None:
    """Check the options that libpq would refuse when it connects, such as `sslmode=maybe`. Nothing is sent.

    Raises:
        ValueError: an option has an invalid value. The message names the option, and not the value.
    """
    try:
        timeout_from_conninfo(dict(params))
    except psycopg.Error:
        raise ValueError("has a connect_timeout that is not a whole number") from None
    for name in _WHOLE_NUMBERS:
        if name in params and not re.fullmatch(r"[+-]?[0-9]{1,9}", str(params[name]).strip()):
            raise ValueError(f"has a value of {name} that is not a whole number")
    nowhere = make_conninfo(**{**params, "host": _NO_FOLDER, "hostaddr": "", "port": ""})
    attempt = PGconn.connect_start(nowhere.encode())
    said = attempt.get_error_message()
    attempt.finish()
    if _NO_FOLDER not in said:
        name = next((name for name in params if re.search(rf"\b{name}\b", said)), "an option")
        raise ValueError(f"has a value of {name} that libpq does not take")


def place_of(params: Mapping[str, Any]) -> str:
    """Describe the database of a URL, without the password."""
    return f"database {_name(params, 'dbname')} at {', '.join(_servers(params))}, role {_name(params, 'user')}"


def cause_of(error: BaseException, params: Mapping[str, Any]) -> str:
    """Describe why no connection was made, for each server that was tried.

    Args:
        error: raised by libpq, psycopg or the system.
        params: the parts of the URL.
    """
    text = str(error)
    attempts = list(_attempt.finditer(text))
    if len(attempts) < 2:  # noqa: PLR2004 - for one server, the place is enough
        return f"{_sentence(place_of(params))}: {_reason(text, params)}."
    ends = [*(found.start() for found in attempts[1:]), len(text)]
    messages = [
        f"{_server(found[1] or '', found[2] or '')}: {_reason(text[found.end() : end], params)}"
        for found, end in zip(attempts, ends, strict=True)
    ]
    return f"{_sentence(place_of(params))}: {'; '.join(dict.fromkeys(messages))}."


def _reason(text: str, params: Mapping[str, Any]) -> str:
    names = {part: str(params.get(part) or "") for part in ("user", "dbname")}
    names["dbname"] = names["dbname"] or names["user"]
    for pattern, meaning in _REASONS:
        if re.search(pattern, text):
            return meaning.format(**names)
    first = _preamble.sub("", text.strip().partition("\n")[0]).rstrip(".")
    password = str(params.get("password") or "")
    return first.replace(password, "[redacted]") if password else first or "unknown"


def _servers(params: Mapping[str, Any]) -> Sequence[str]:
    hosts = str(params.get("host") or params.get("hostaddr") or os.environ.get("PGHOST") or "").split(",")
    ports = str(params.get("port") or os.environ.get("PGPORT") or "").split(",")
    return [_server(host, port) for host, port in zip_longest(hosts, ports[: len(hosts)], fillvalue=ports[-1])]


def _server(host: str, port: str) -> str:
    port = port or "5432"
    if not host or host.startswith("/"):
        return f"{host or 'the local socket'}{f'/.s.PGSQL.{port}' if host else ''}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _name(params: Mapping[str, Any], part: str) -> str:
    found = params.get(part) or (params.get("user") if part == "dbname" else None)
    return f'"{found}"' if found else "of libpq's default name"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
