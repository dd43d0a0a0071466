"""A server that is told to stop answers what it has accepted, and ends with status 0."""

import signal
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest
from tests.database import PASSWORD, Database
from tests.servers import TIMEOUT, Server, serving, started

from blog.domain.posts.post import Post

_LOG_IN = httpx.Request("POST", "http://x/api/login/", json={"username": "alice", "password": PASSWORD}).content
_POST = httpx.Request("POST", "http://x/api/posts/", json={"title": "Half sent", "body": "And then whole."}).content
# Slow enough that some are under way when the signal comes, and far from the deadline of an answer on a busy machine.
_SLOW = {"BLOG_ARGON2_MEMORY": "19456", "BLOG_ARGON2_ITERATIONS": "3"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_accepted_requests_are_answered_before_the_server_stops(database: Database, number: signal.Signals) -> None:
    token = database.log_in("alice")
    with ExitStack() as stack:
        server = stack.enter_context(serving(database.file, extra=_SLOW))
        logging_in = [stack.enter_context(_connected(server)) for _ in range(6)]
        half_sent = stack.enter_context(_connected(server))
        for connection in logging_in:
            connection.sendall(_request("POST", "/api/login/", _LOG_IN))
        half_sent.sendall(_request("POST", "/api/posts/", _POST, token)[:-10])
        _make_sure_all_is_read(server)

        server.process.send_signal(number)
        _wait_until_refused(server)
        half_sent.sendall(_POST[-10:])

        assert _statuses(logging_in) == [200] * 6
        assert _statuses([half_sent]) == [201]
        assert server.process.wait(TIMEOUT) == 0
    assert [post.title for post in _posts(database)] == ["Half sent"]


def test_stuck_clients_do_not_delay_the_stop_of_the_server(database: Database) -> None:
    token = database.log_in("alice")
    _fill(database, token)
    with ExitStack() as stack:
        server = stack.enter_context(serving(database.file))
        half_a_line, never_reading, half_a_body = (stack.enter_context(_connected(server)) for _ in range(3))
        half_a_line.sendall(b"GET /api/po")
        never_reading.sendall(_request("GET", "/api/posts/?limit=100", b""))
        half_a_body.sendall(_request("POST", "/api/posts/", _POST, token)[:-10])
        _make_sure_all_is_read(server)

        assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_can_be_stopped_as_soon_as_it_has_printed_its_url(database: Database, number: signal.Signals) -> None:
    arguments = ("serve", "--database", f"sqlite:///{database.file}", "--port", "0")
    with started(*arguments, cwd=database.file.parent) as server:
        assert server.process.stdout is not None
        assert server.process.stdout.readline().startswith(b"Serving http://127.0.0.1:")
        assert server.stop(number) == 0
    assert server.errors() == ""


def _connected(server: Server) -> socket.socket:
    """A connection that the server is known to have accepted: it has answered on it once."""
    at = urlsplit(server.url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(TIMEOUT)
    connection.connect((at.hostname, at.port))
    connection.sendall(_request("GET", "/livez", b""))
    while not connection.recv(4096).endswith(b"}"):
        pass
    return connection


def _request(method: str, path: str, body: bytes, token: str | None = None) -> bytes:
    shown = f"Authorization: Token {token}\r\n" if token else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: blog\r\n{shown}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _make_sure_all_is_read(server: Server) -> None:
    """Wait until the server has read all that was sent before: its one event loop reads in rounds."""
    with server.client() as client:
        for _ in range(3):
            assert client.get("/livez").status_code == 200


def _wait_until_refused(server: Server) -> None:
    at = urlsplit(server.url)
    while True:
        try:
            socket.create_connection((at.hostname, at.port), TIMEOUT).close()
        except ConnectionError:
            return
        time.sleep(0.01)


def _statuses(connections: Sequence[socket.socket]) -> list[int]:
    """The status of the one answer that comes on each."""
    return [int(connection.makefile("rb").readline().split()[1]) for connection in connections]


def _fill(database: Database, token: str) -> None:
    """Write so much that no socket takes it all unread."""
    with database.opened() as open_blog, open_blog() as blog:
        for number in range(100):
            blog.posts.create(blog.tokens.authenticate(token), title=str(number), body="x" * 100_000)


def _posts(database: Database) -> list[Post]:
    with database.opened() as open_blog, open_blog() as blog:
        return list(blog.posts.page().posts)
