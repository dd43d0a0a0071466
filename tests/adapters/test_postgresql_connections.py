"""A PostgreSQL server that cannot be reached is told with its place and the reason, and never with the password."""

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


def error(code: str, message: str, severity: str = "FATAL") -> bytes:
    """What a server says before it closes a connection (PostgreSQL manual, 53.8)."""
    fields = "".join(f"{kind}{text}\0" for kind, text in zip("SVCM", (severity, severity, code, message), strict=True))
    body = fields.encode() + b"\0"
    return b"E" + struct.pack("!I", len(body) + 4) + body


Listen = Callable[..., int]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Starts servers that give these answers, one after the other, to every connection, and have no TLS."""
    sockets: list[socket.socket] = []

    def answer(listener: socket.socket, answers: tuple[bytes, ...], tls: bytes) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with closing(connection), suppress(OSError):
                for each in answers:
                    if connection.recv(2000) == _SSL_REQUEST:
                        connection.sendall(tls)
                        connection.recv(2000)
                    connection.sendall(each)

    def start(*answers: bytes, tls: bytes = b"N") -> int:
        sockets.append(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=answer, args=(sockets[-1], answers, tls), daemon=True).start()
        port: int = sockets[-1].getsockname()[1]
        return port

    yield start
    for each in sockets:
        each.shutdown(socket.SHUT_RDWR)
        each.close()


def why(url: str) -> str:
    """What is told of a server that cannot be reached."""
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
        [_ASKS_FOR_PASSWORD, error("28P01", 'password authentication failed for user "blog"')],
        'the password is wrong, or there is no role "blog"',
    ),
    "too many": ([error("53300", "sorry, too many clients already")], "too many connections are open"),
    "reserved": (
        [error("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute")],
        "too many connections are open",
    ),
    "not without TLS": (
        [error("28000", 'no pg_hba.conf entry for host "127.0.0.1", user "blog", database "db", no encryption')],
        "the server lets this role in from here by TLS only, or not at all (pg_hba.conf)",
    ),
    "not from here": (
        [error("28000", 'no pg_hba.conf entry for host "127.0.0.1", user "blog", database "db", SSL encryption')],
        "the server does not let this role in from here (pg_hba.conf)",
    ),
    "starting": ([error("57P03", "the database system is starting up")], "the database system is starting up"),
    "in German": ([error("3D000", "Datenbank »db« existiert nicht", "FATAL")], "Datenbank »db« existiert nicht"),
    "no PostgreSQL": ([b"HTTP/1.0 400 Bad Request\r\n\r\n"], "expected authentication request from server"),
    "gone at once": ([], "the server closed the connection"),
    "an echo": ([_ASKS_FOR_PASSWORD, error("28000", f"no {SECRET} here")], "no [redacted] here"),
}


@pytest.mark.parametrize(("answers", "reason"), SAID.values(), ids=SAID)
def test_what_a_server_says_is_told_with_its_place(listen: Listen, answers: list[bytes], reason: str) -> None:
    port = listen(*answers)
    told = why(f"postgresql://blog:{SECRET}@127.0.0.1:{port}/db")
    assert told.startswith(f'Database "db" at 127.0.0.1:{port}, role "blog": {reason}')


def test_a_server_that_asks_for_a_password_where_none_is_set_is_told_so(listen: Listen) -> None:
    port = listen(_ASKS_FOR_PASSWORD, error("28P01", "never"))
    assert "the server asks for a password, and none is set" in why(f"postgresql://blog@127.0.0.1:{port}/db")


@pytest.mark.parametrize(
    ("tls", "reason"),
    [(b"N", "TLS is required, and the server has none"), (b"S", "SSL")],
    ids=["none", "broken"],
)
def test_tls_that_fails_is_told(listen: Listen, tls: bytes, reason: str) -> None:
    port = listen(b"no TLS", tls=tls)
    assert reason in why(f"postgresql://blog:{SECRET}@127.0.0.1:{port}/db?sslmode=require")


def test_a_place_without_a_server_is_told() -> None:
    told = why(f"postgresql://blog:{SECRET}@127.0.0.1:9/db")
    assert told == 'Database "db" at 127.0.0.1:9, role "blog": no server listens there.'
    told = why(f"postgresql://blog:{SECRET}@no-such-host.invalid/db")
    assert told == 'Database "db" at no-such-host.invalid:5432, role "blog": there is no host of this name.'
    told = why(f"postgresql://blog:{SECRET}@/db?host=/nowhere")
    assert told == 'Database "db" at /nowhere/.s.PGSQL.5432, role "blog": no server listens there.'


def test_of_several_servers_each_is_told(listen: Listen) -> None:
    port = listen(error("53300", "sorry, too many clients already"))
    told = why(f"postgresql://blog:{SECRET}@127.0.0.1:9,127.0.0.1:{port}/db")
    assert told == (
        f'Database "db" at 127.0.0.1:9, 127.0.0.1:{port}, role "blog": 127.0.0.1:9: no server listens there; '
        f"127.0.0.1:{port}: too many connections are open."
    )


def test_a_silent_server_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "no answer came in time" in why(f"postgresql://blog:{SECRET}@127.0.0.1:{port}/db?connect_timeout=2")


def test_a_real_server_has_no_such_role_no_such_database_and_too_many_connections(
    postgresql_url: str, postgresql: SqlStore
) -> None:
    given = conninfo_to_dict(postgresql_url)
    at = f"{given['host']}:{given['port']}"
    role = given["user"]
    assert f'at {at}, role "nobody-here": there is no role "nobody-here".' in why(
        f"postgresql://nobody-here:{SECRET}@{at}/{given['dbname']}"
    )
    assert why(f"postgresql://{role}:{SECRET}@{at}/nowhere") == (
        f'Database "nowhere" at {at}, role "{role}": there is no database "nowhere".'
    )
    assert "TLS is required, and the server has none" in why(
        f"postgresql://{role}:{SECRET}@{at}/{given['dbname']}?sslmode=require"
    )


def test_a_server_that_ends_a_connection_is_told_with_what_it_said(postgresql_url: str, postgresql: SqlStore) -> None:
    def go_on_regardless() -> None:
        with postgresql() as stores:
            stores.attempts.lock("somebody", "somewhere")
            with psycopg.connect(postgresql_url, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle in transaction'"
                )
            stores.users.page(limit=1)

    with pytest.raises(Unavailable) as told:
        go_on_regardless()
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
def test_a_url_that_libpq_takes_apart_wrongly_is_refused_without_a_word_of_it(url: str) -> None:
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
def test_what_is_wrong_with_a_url_is_said_without_the_value(rest: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}") as refusal:
        SqlStore(f"postgresql://blog:{rest}")
    assert type(refusal.value) is ValueError
    assert SECRET not in "".join(traceback.format_exception(refusal.value))


def test_options_are_checked_without_a_connection_and_several_hosts_and_ports_are_fine(listen: Listen) -> None:
    port = listen()
    for rest in (f"127.0.0.1:{port}", f"127.0.0.1:{port},no-such-host.invalid:{port}"):
        url = f"postgresql://blog:{SECRET}@{rest}/db?sslmode=require&connect_timeout=2&keepalives_idle=9&options="
        SqlStore(url).close()


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6).filter(
        lambda word: word not in "postgresql"
    )
)
def test_no_part_of_a_password_is_told_whatever_is_in_it(password: str) -> None:
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
        why(f"postgresql://blog:{SECRET}@127.0.0.1:9/db")
    assert SECRET not in caplog.text
