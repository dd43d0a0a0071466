"""An unreachable PostgreSQL server is reported with its address and the reason, never with the password."""

import logging
import re
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from blog.adapters.sql import SqlStore
from blog.adapters.sql.engine.connection_errors import parameters_of, place_of
from blog.domain.errors import Unavailable

SECRET = "hunter2!secret"
_SSL_REQUEST = struct.pack("!II", 8, 80877103)
_ASKS_FOR_PASSWORD = b"R" + struct.pack("!II", 8, 3)


def error_message(code: str, message: str, severity: str = "FATAL") -> bytes:
    """Return the error message that a server sends before it closes a connection (PostgreSQL manual, 53.8)."""
    fields = "".join(f"{kind}{text}\0" for kind, text in zip("SVCM", (severity, severity, code, message), strict=True))
    body = fields.encode() + b"\0"
    return b"E" + struct.pack("!I", len(body) + 4) + body


Listen = Callable[..., int]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Start servers that send these messages in turn to every connection, and have no TLS."""
    sockets: list[socket.socket] = []

    def respond(listener: socket.socket, messages: tuple[bytes, ...], tls: bytes) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with closing(connection), suppress(OSError):
                for each in messages:
                    if connection.recv(2000) == _SSL_REQUEST:
                        connection.sendall(tls)
                        connection.recv(2000)
                    connection.sendall(each)

    def start(*messages: bytes, tls: bytes = b"N") -> int:
        sockets.append(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=respond, args=(sockets[-1], messages, tls), daemon=True).start()
        port: int = sockets[-1].getsockname()[1]
        return port

    yield start
    for each in sockets:
        each.shutdown(socket.SHUT_RDWR)
        each.close()


def reason_of(url: str) -> str:
    """Return the reported reason why a server cannot be reached."""
    with closing(SqlStore(url, timeout=1)) as store:
        with pytest.raises(Unavailable) as refusal, store() as stores:
            stores.users.page(limit=1)
        with pytest.raises(Unavailable) as likewise:
            store.is_migrated()
    assert likewise.value.explained == refusal.value.explained
    assert str(refusal.value) == "The database cannot be reached."
    told = "".join(traceback.format_exception(refusal.value)) + "".join(traceback.format_exception(likewise.value))
    assert SECRET not in told
    assert SECRET not in repr(store) + repr(store.dialect) + repr(store.engine)
    return refusal.value.cause


SAID = {
    "wrong password": (
        [_ASKS_FOR_PASSWORD, error_message("28P01", 'password authentication failed for user "blog"')],
        'the password is wrong, or there is no role "blog"',
    ),
    "too many": ([error_message("53300", "sorry, too many clients already")], "too many connections are open"),
    "reserved": (
        [error_message("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute")],
        "too many connections are open",
    ),
    "not without TLS": (
        [
            error_message(
                "28000", 'no pg_hba.conf entry for host "127.0.0.1", user "blog", database "db", no encryption'
            )
        ],
        "the server lets this role in from here by TLS only, or not at all (pg_hba.conf)",
    ),
    "not from here": (
        [
            error_message(
                "28000", 'no pg_hba.conf entry for host "127.0.0.1", user "blog", database "db", SSL encryption'
            )
        ],
        "the server does not let this role in from here (pg_hba.conf)",
    ),
    "starting": ([error_message("57P03", "the database system is starting up")], "the database system is starting up"),
    "in German": (
        [error_message("3D000", "Datenbank »db« existiert nicht", "FATAL")],
        "Datenbank »db« existiert nicht",
    ),
    "no PostgreSQL": ([b"HTTP/1.0 400 Bad Request\r\n\r\n"], "expected authentication request from server"),
    "gone at once": ([], "the server closed the connection"),
    "an echo": ([_ASKS_FOR_PASSWORD, error_message("28000", f"no {SECRET} here")], "no [redacted] here"),
}


@pytest.mark.parametrize(("messages", "reason"), SAID.values(), ids=SAID)
def test_the_error_of_a_server_is_reported_with_its_address(listen: Listen, messages: list[bytes], reason: str) -> None:
    port = listen(*messages)
    told = reason_of(f"postgresql://blog:{SECRET}@127.0.0.1:{port}/db")
    assert told.startswith(f'Database "db" at 127.0.0.1:{port}, role "blog": {reason}')


def test_a_missing_password_is_reported(listen: Listen) -> None:
    port = listen(_ASKS_FOR_PASSWORD, error_message("28P01", "never"))
    assert "the server asks for a password, and none is set" in reason_of(f"postgresql://blog@127.0.0.1:{port}/db")


@pytest.mark.parametrize(
    ("tls", "reason"),
    [(b"N", "TLS is required, and the server has none"), (b"S", "SSL")],
    ids=["none", "broken"],
)
def test_a_tls_failure_is_reported(listen: Listen, tls: bytes, reason: str) -> None:
    port = listen(b"no TLS", tls=tls)
    assert reason in reason_of(f"postgresql://blog:{SECRET}@127.0.0.1:{port}/db?sslmode=require")


def test_an_address_without_a_server_is_reported() -> None:
    told = reason_of(f"postgresql://blog:{SECRET}@127.0.0.1:9/db")
    assert told == 'Database "db" at 127.0.0.1:9, role "blog": no server listens there.'
    told = reason_of(f"postgresql://blog:{SECRET}@no-such-host.invalid/db")
    assert told == 'Database "db" at no-such-host.invalid:5432, role "blog": there is no host of this name.'
    told = reason_of(f"postgresql://blog:{SECRET}@/db?host=/nowhere")
    assert told == 'Database "db" at /nowhere/.s.PGSQL.5432, role "blog": no server listens there.'


def test_the_errors_of_several_servers_are_all_reported(listen: Listen) -> None:
    port = listen(error_message("53300", "sorry, too many clients already"))
    told = reason_of(f"postgresql://blog:{SECRET}@127.0.0.1:9,127.0.0.1:{port}/db")
    assert told == (
        f'Database "db" at 127.0.0.1:9, 127.0.0.1:{port}, role "blog": 127.0.0.1:9: no server listens there; '
        f"127.0.0.1:{port}: too many connections are open."
    )


def test_a_silent_server_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "no answer came in time" in reason_of(
            f"postgresql://blog:{SECRET}@127.0.0.1:{port}/db?connect_timeout=2"
        )


def test_a_real_server_reports_unknown_roles_and_databases_and_too_many_connections(
    postgresql_url: str, postgresql: SqlStore
) -> None:
    given = conninfo_to_dict(postgresql_url)
    at = f"{given['host']}:{given['port']}"
    role = given["user"]
    assert f'at {at}, role "nobody-here": there is no role "nobody-here".' in reason_of(
        f"postgresql://nobody-here:{SECRET}@{at}/{given['dbname']}"
    )
    assert reason_of(f"postgresql://{role}:{SECRET}@{at}/nowhere") == (
        f'Database "nowhere" at {at}, role "{role}": there is no database "nowhere".'
    )
    assert "TLS is required, and the server has none" in reason_of(
        f"postgresql://{role}:{SECRET}@{at}/{given['dbname']}?sslmode=require"
    )


def test_a_connection_closed_by_the_server_is_reported_with_its_message(
    postgresql_url: str, postgresql: SqlStore
) -> None:
    def ignore_error() -> None:
        with postgresql() as stores:
            stores.attempts.lock("somebody", "somewhere")
            with psycopg.connect(postgresql_url, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle in transaction'"
                )
            stores.users.page(limit=1)

    with pytest.raises(Unavailable) as told:
        ignore_error()
    assert re.fullmatch(r'database "\w+" at 127\.0\.0\.1:\d+, role "\w+": \S.*\.', told.value.cause)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://blog:a@{SECRET}@127.0.0.1:9/db",
        f"postgresql://blog:a/{SECRET}@127.0.0.1:9/db",
        f"postgresql://blog:{SECRET}%zz@127.0.0.1:9/db",
        f"postgresql://blog:{SECRET}@[::1/db",
        f"postgresql://blog:{SECRET}@127.0.0.1:{SECRET}/db",
        f"postgresql://blog:{SECRET}@127.0.0.1:99999/db",
        f"postgresql://blog@127.0.0.1:9/db?{SECRET}=1",
    ],
)
def test_a_url_that_libpq_would_misparse_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="percent-encoded") as refusal:
        SqlStore(url)
    assert SECRET not in "".join(traceback.format_exception(refusal.value))


@pytest.mark.parametrize(
    ("rest", "reason"),
    {
        f"{SECRET}%zz@127.0.0.1:9/db": "has a % with no code behind it: % is written %25; ",
        f"{SECRET}%00@127.0.0.1:9/db": "has a % with no code behind it: % is written %25; ",
        f"{SECRET}%ff@127.0.0.1:9/db": "has percent-encoded bytes that are not UTF-8; ",
        f"{SECRET}@[::1/db": "has a [ without a ] in its host; ",
        f"{SECRET}@127.0.0.1:9/db?nope=x": "has an option behind the ? that libpq does not know; ",
        f"{SECRET}@127.0.0.1:9/db?nope": "has an option behind the ? that is not written as name=value; ",
        f"{SECRET}@127.0.0.1:9/db?connect_timeout={SECRET}": "has a connect_timeout that is not a whole number",
        f"{SECRET}@127.0.0.1:9/db?keepalives={SECRET}": "has a value of keepalives that is not a whole number",
        f"{SECRET}@127.0.0.1:9/db?sslmode={SECRET}": "has a value of sslmode that libpq does not take",
        f"{SECRET}@127.0.0.1:9/db?target_session_attrs={SECRET}": "has a value of target_session_attrs that libpq does",
        f"{SECRET}@127.0.0.1:9/db?service={SECRET}": "has a value of service that libpq does not take",
    }.items(),
)
def test_errors_in_a_url_are_reported_without_the_value(rest: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}") as refusal:
        SqlStore(f"postgresql://blog:{rest}")
    assert type(refusal.value) is ValueError
    assert SECRET not in "".join(traceback.format_exception(refusal.value))


def test_options_are_checked_without_connecting_and_several_hosts_are_accepted(listen: Listen) -> None:
    port = listen()
    for rest in (f"127.0.0.1:{port}", f"127.0.0.1:{port},no-such-host.invalid:{port}"):
        url = f"postgresql://blog:{SECRET}@{rest}/db?sslmode=require&connect_timeout=2&keepalives_idle=9&options="
        SqlStore(url).close()


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6).filter(
        lambda word: word not in "postgresql"
    )
)
def test_no_part_of_any_password_is_reported(password: str) -> None:
    """A password that is not percent-encoded is taken apart wrongly; then nothing of the URL may be told."""
    url = f"postgresql://u:{password}@127.0.0.1:9/d"
    try:
        told = place_of(parameters_of(url))
    except ValueError as refusal:
        told = str(refusal).partition(";")[0]
    pieces = [piece for piece in password.replace("@", "/").replace("?", "/").split("/") if len(piece) > 5]
    assert not [piece for piece in pieces if piece in told and piece not in "127.0.0.1:9"]


def test_an_outage_is_logged_without_the_password(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        reason_of(f"postgresql://blog:{SECRET}@127.0.0.1:9/db")
    assert SECRET not in caplog.text
