"""Requests sent as raw bytes to a server process."""

import http.client
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import BytesParser

import pytest
from tests.entrypoints.http.clients import PASSWORD

from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.login import log_in
from blog.domain.blog import OpenBlog

SPELLINGS = [
    "/api/posts/1", "/api/posts/1/", "//api/posts/1/", "/api//posts/1", "/api/posts//1//", "/api/./posts/1",
    "/api/x/../posts/1/", "/api/posts/%31", "/%61pi/posts/1", "/api/posts/1%2f", "/api%2fposts%2f1/", "/api/posts/1;x",
    "/api/posts/1?x", "/api/posts/1%00", "/api/posts/%2e/1", "/api/posts/2/%2e%2e/1/", "/API/POSTS/1", "/api/posts/1.x",
    "http://blog.test/api/posts/1/", "http://evil.example/api/posts/1", "/api\\posts\\1", "/api/posts/1%20",
    "/api/posts/1%0d%0a", "/api/posts/%EF%BC%91", "/docs/../api/posts/1",
]  # fmt: skip
EARLY = [
    "GET /livez", "GET /api/posts/", "GET /api/posts/", "HEAD /api/posts/", "GET /api/posts/1/", "DELETE /api/posts/1/",
    "GET /nothing", "PUT /livez", "OPTIONS /api/posts/", "GET /docs", "GET /api/users/me/", "GET /api/posts/?x=1",
]  # fmt: skip
NOTHING = ["/api/posts/%00", "/api/posts/%ff", "/%00", "/%ff%fe", "//", "/%2e", "/..", "/docs/%2e%2e", "/docs/../livez"]
OUTSIDE = [
    "../app.py", "%2e%2e/app.py", "..%2fapp.py", "%2e%2e%2fapp.py", "../../../../../../etc/passwd", "docs.html",
    "..\\app.py", "%2fetc%2fpasswd", "//etc/passwd", "....//....//etc/passwd", "start.js/../docs.html", "%00",
]  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """The bytes received until the server closed the connection or the timeout."""

    status: int
    headers: dict[str, str]
    body: bytes
    closed: bool


@dataclass(frozen=True)
class Server:
    """A server process with a post by alice, and a user bob."""

    port: int
    tokens: dict[str, str]

    def send(self, start: str, *headers: str, body: bytes = b"", timeout: float = 5) -> Answer:
        """Send raw bytes. Return the response."""
        lines = [f"{start} HTTP/1.1", "Host: blog.test", *headers, "", ""]
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall("\r\n".join(lines).encode() + body)
            return _answer(*_received(connection))

    def close_after(self, start: str, *headers: str) -> Answer:
        """Send raw bytes on a connection that closes after the response."""
        return self.send(start, "Connection: close", *headers)


def _received(connection: socket.socket) -> tuple[bytes, bool]:
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except TimeoutError:
        return received, False
    return received, True


def _answer(received: bytes, closed: bool) -> Answer:  # noqa: FBT001 - as it came
    head, _, body = received.partition(b"\r\n\r\n")
    line, _, headers = head.partition(b"\r\n")
    parsed = BytesParser().parsebytes(headers)
    return Answer(int(line.split()[1]), {name.lower(): value for name, value in parsed.items()}, body, closed)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    url = f"sqlite:///{folder}/blog.db"
    store = SqlStore(url)
    store.migrate()
    tokens = _create_example_data(create_blog(store))
    store.close()
    command = [sys.executable, "-m", "blog", "serve", "--database", url, "--port", "0"]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        found = re.search(rb"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
        assert found, (folder / "log").read_text()
        yield Server(int(found[1]), tokens)
        process.terminate()
        assert process.wait(15) == 0
    logged = (folder / "log").read_text()
    assert not [
        word for word in ('"error"', '"critical"', "Traceback", "hunter2", PASSWORD, *tokens.values()) if word in logged
    ]


def _create_example_data(open_blog: OpenBlog) -> dict[str, str]:
    with open_blog() as blog:
        for name in ("alice", "bob"):
            blog.users.add(Operator(), name, PASSWORD)
    tokens = {name: log_in(open_blog, name, PASSWORD)[1].secret for name in ("alice", "bob")}
    with open_blog() as blog:
        blog.posts.create(blog.tokens.authenticate(tokens["alice"]), title="A title", body="A body")
    return tokens


def test_head_sends_the_headers_of_get_without_a_body(server: Server) -> None:
    for path in ("/api/posts/1/", "/api/posts", "/livez", "/docs", "/nothing", "/api/login"):
        got, head = server.close_after(f"GET {path}"), server.close_after(f"HEAD {path}")
        assert head.body == b""
        assert head.status == got.status
        differing = {"date", "x-request-id"}
        assert {name: head.headers[name] for name in head.headers if name not in differing} == {
            name: got.headers[name] for name in got.headers if name not in differing
        }
        assert int(head.headers["content-length"]) == len(got.body)


def test_options_is_answered_on_every_path(server: Server) -> None:
    good = server.close_after("OPTIONS /api/posts/1")
    assert (good.status, good.body, good.headers["allow"]) == (204, b"", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")
    nothing = server.close_after("OPTIONS /nothing")
    assert (nothing.status, json.loads(nothing.body)["status"]) == (404, 404)


def test_a_204_response_has_no_body(server: Server) -> None:
    post = b'{"title": "Short-lived", "body": "Gone soon"}'
    shown = f"Authorization: Token {server.tokens['alice']}"
    sized = ("Content-Type: application/json", f"Content-Length: {len(post)}", "Connection: close", shown)
    written = server.send("POST /api/posts/", *sized, body=post)
    gone = server.close_after(f"DELETE {written.headers['location'].rstrip('/')}", shown)
    assert (gone.status, gone.body) == (204, b"")


@pytest.mark.parametrize("start", ["POST /api/login/", "POST /api/posts/", "PUT /api/posts/1/", "DELETE /api/posts/1/"])
def test_a_body_with_too_large_a_content_length_is_refused_before_it_is_sent(server: Server, start: str) -> None:
    refused = server.send(start, "Content-Type: application/json", "Content-Length: 1000000000", body=b"{")
    assert (refused.status, refused.headers["connection"], refused.closed) == (413, "close", True)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("path", "largest"), [("/api/login/", 8 * 1024), ("/api/posts/", 1024 * 1024)])
def test_a_body_that_grows_too_large_is_cut_off(server: Server, path: str, largest: int) -> None:
    chunks = b"%x\r\n%s\r\n" % (largest, b" " * largest) + b"1\r\n \r\n"
    refused = server.send(f"POST {path}", "Content-Type: application/json", "Transfer-Encoding: chunked", body=chunks)
    assert (refused.status, refused.headers["connection"], refused.closed) == (413, "close", True)


def test_a_final_response_instead_of_100_continue_ends_the_connection_on_every_route(server: Server) -> None:
    """Unless the body is asked for: then the refusal comes after it, or in the place of it."""
    waits = ("Expect: 100-continue", "Content-Type: application/json", "Content-Length: 40")
    for start in EARLY:
        answer = server.send(start, *waits)
        assert (answer.headers["connection"], answer.closed) == ("close", True), start
        assert answer.status != 100, start


@pytest.mark.parametrize("start", ["GET /api/posts/", "DELETE /api/posts/1/", "POST /api/logout/", "GET /livez"])
def test_an_unread_body_has_the_size_limit_too(server: Server, start: str) -> None:
    chunks = b"%x\r\n%s\r\n" % (1024 * 1024, b" " * 1024 * 1024) + b"1\r\n \r\n"
    refused = server.send(start, "Transfer-Encoding: chunked", body=chunks)
    assert (refused.status, refused.headers["connection"], refused.closed) == (413, "close", True)


@pytest.mark.parametrize(
    ("start", "header", "status"),
    [
        ("GET /livez", "Host: evil.example", 400),
        ("GET /livez", "X-Secret: hunter2\0", 400),
        (f"GET /{'hunter2' * 9000}", "X-A: b", 414),
        ("GET /livez", f"X-Secret: {'hunter2' * 10000}", 431),
    ],
)
def test_a_malformed_request_gets_a_problem(server: Server, start: str, header: str, status: int) -> None:
    refused = server.send(start, header)
    assert (refused.status, refused.headers["connection"], refused.closed) == (status, "close", True)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert "server" not in refused.headers
    assert b"hunter2" not in refused.body


def test_the_error_for_a_body_reaches_a_client_that_reads_late(server: Server) -> None:
    large = b" " * 8 * 1024 * 1024
    for sized in (f"Content-Length: {len(large)}", "Transfer-Encoding: chunked"):
        body = large if sized.startswith("C") else b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large)
        refused = server.send("POST /api/posts/", "Content-Type: application/json", sized, body=body)
        assert (refused.status, refused.closed) == (413, True)


def test_no_spelling_of_a_path_bypasses_the_ownership_of_a_post(server: Server) -> None:
    shown = f"Authorization: Token {server.tokens['bob']}"
    for spelling in SPELLINGS:
        answer = server.close_after(f"DELETE {spelling}", shown)
        assert answer.status in {400, 401, 403, 404, 405}, spelling
    assert server.close_after("GET /api/posts/1/").status == 200


@pytest.mark.parametrize("path", NOTHING)
def test_an_unknown_path_is_not_found(server: Server, path: str) -> None:
    answer = server.close_after(f"GET {path}")
    assert (answer.status, json.loads(answer.body)["status"]) == (404, 404)


def test_no_path_traverses_out_of_the_docs(server: Server) -> None:
    for name in OUTSIDE:
        answer = server.close_after(f"GET /docs/{name}")
        assert answer.status in {400, 404}, name
        assert b"root:" not in answer.body


def test_trace_and_unknown_methods_are_refused_without_an_echo(server: Server) -> None:
    for verb in ("TRACE", "CONNECT", "PROPFIND", "NONSENSE", "get"):
        answer = server.close_after(f"{verb} /api/posts/", "X-Secret: hunter2")
        assert answer.status in {400, 404, 405, 501}, verb
        assert b"hunter2" not in answer.body


def test_an_unknown_host_is_not_repeated(server: Server) -> None:
    answer = server.close_after("GET http://evil.example/docs", "X-Forwarded-Host: evil.example")
    assert answer.status == 200
    assert b"evil.example" not in answer.body


def test_one_connection_serves_many_requests(server: Server) -> None:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    client.connect()
    opened = client.sock
    for method, path in [("GET", "/livez"), ("HEAD", "/api/posts/"), ("OPTIONS", "/api/posts/"), ("OPTIONS", "/no")]:
        client.request(method, path)
        answer = client.getresponse()
        answer.read()
        assert answer.status in {200, 204, 404}
        assert client.sock is opened
    client.close()
