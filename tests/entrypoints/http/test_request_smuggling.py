"""Ambiguous, malformed or oversized requests are refused (request smuggling)."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.entrypoints.http.raw_server import TIMEOUT, RawServer, answers, problem, request, served
from tests.servers import serving

from blog.entrypoints.server.protocol import HardenedProtocol
from blog.entrypoints.server.request_head import MAX_HEAD_BYTES, MAX_HEADERS, MAX_TARGET_BYTES

CHUNKED = "Transfer-Encoding: chunked"
NEXT = request("GET /next")
WITH_HOST = len("host: blog.test\r\n")

BODIES = {
    "both": ("Content-Length: 5", CHUNKED),
    "both, the other way round": (CHUNKED, "Content-Length: 5"),
    "two lengths": ("Content-Length: 5", "Content-Length: 6"),
    "the same length twice": ("Content-Length: 5", "Content-Length: 5"),
    "a list of lengths": ("Content-Length: 5, 5",),
    "a signed length": ("Content-Length: +5",),
    "a length in hexadecimal": ("Content-Length: 0x5",),
    "an endless length": ("Content-Length: 99999999999999999999999",),
    "no length": ("Content-Length:",),
    "a space before the colon": ("Content-Length : 5",),
    "chunked twice": (CHUNKED, CHUNKED),
    "chunked in a list": ("Transfer-Encoding: chunked, chunked",),
    "compressed": ("Transfer-Encoding: gzip, chunked",),
    "identity": ("Transfer-Encoding: identity",),
    "no coding": ("Transfer-Encoding:",),
    "a coding in quotes": ('Transfer-Encoding: "chunked"',),
    "a control byte": ("Transfer-Encoding: \x0bchunked",),
    "a folded coding": ("Transfer-Encoding:\r\n chunked",),
    "both, and a change of protocol": ("Connection: Upgrade", "Upgrade: h2c", "Content-Length: 5", CHUNKED),
    "two lengths, and a change of protocol": (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Content-Length: 5",
        "Content-Length: 6",
    ),
}
CHUNKS = {
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "no number": b"xyz\r\nhello\r\n0\r\n\r\n",
    "a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a sign": b"-5\r\nhello\r\n0\r\n\r\n",
    "a space": b"5 \r\nhello\r\n0\r\n\r\n",
    "too large a size": b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "too much data": b"5\r\nhello!\r\n0\r\n\r\n",
    "bare line feeds": b"5\nhello\n0\n\n",
    "a length in the trailer": b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
}
HEADS = {
    "a tunnel with a body": b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    "a tunnel with chunks": b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": request("GET /", "Host: evil.example"),
    "the same host twice": request("GET /", "Host: blog.test"),
    "an empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "a host with a user": b"GET / HTTP/1.1\r\nHost: me@blog.test\r\n\r\n",
    "a host with a path": b"GET / HTTP/1.1\r\nHost: blog.test/x\r\n\r\n",
    "a host with a space": b"GET / HTTP/1.1\r\nHost: blog test\r\n\r\n",
    "a host with no such port": b"GET / HTTP/1.1\r\nHost: blog.test:x\r\n\r\n",
    "two hosts in 1.0": b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    "chunks in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a NUL in a value": request("GET /", "X-A: a\0b"),
    "a NUL in a name": request("GET /", "X\0A: b"),
    "a control byte in a value": request("GET /", "X-A: a\x01b"),
    "a delete in a value": request("GET /", "X-A: a\x7fb"),
    "a carriage return in a value": request("GET /", "X-A: a\rb"),
    "a line feed in a value": request("GET /", "X-A: a\nb"),
    "a folded header": request("GET /", "X-A: a\r\n b"),
    "a folded first header": b"GET / HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n",
    "a space in a name": request("GET /", "X A: b"),
    "no name": request("GET /", ": b"),
    "no colon": request("GET /", "abc"),
    "bare line feeds": b"GET / HTTP/1.1\nHost: blog.test\n\n",
    "HTTP/0.9": b"GET /\r\nHost: blog.test\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: blog.test\r\n\r\n",
    "a greeting of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a greeting of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}
TOO_LARGE = {
    "a long address": (request(f"GET /{'a' * MAX_TARGET_BYTES}"), 414),
    "an address without end": (b"GET /" + b"a" * 2_000_000, 414),
    "a long header": (request("GET /", f"X-A: {'a' * MAX_HEAD_BYTES}"), 431),
    "a header without end": (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 2_000_000, 431),
    "much white space": (b"GET / HTTP/1.1\r\nX-A: " + b" " * 2_000_000, 431),
    "many headers": (request("GET /", *["X-A: a"] * MAX_HEADERS), 431),
    "many headers without end": (b"GET / HTTP/1.1\r\n" + b"X-A: a\r\n" * 200_000, 431),
    "a trailer without end": (request("POST /", CHUNKED, body=b"0\r\nX-A: " + b"a" * 2_000_000), 431),
    "a chunk's size without end": (request("POST /", CHUNKED, body=b"1;a=" + b"a" * 2_000_000), 431),
}


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with served(HardenedProtocol) as server:
        yield server


def check_refusals(server: RawServer, *parts: bytes) -> list[str]:
    """Check that the response is a problem and closes the connection. Return the requests that were received before."""
    before = len(server.echo.asked)
    assert [problem(answer) for answer in server.say(*parts)] == [400]
    return server.echo.asked[before:]


@pytest.mark.parametrize("headers", BODIES.values(), ids=BODIES)
def test_a_body_with_an_ambiguous_length_is_refused_once(server: RawServer, headers: tuple[str, ...]) -> None:
    assert check_refusals(server, request("POST /", *headers, body=b"0\r\n\r\n" + NEXT)) == []
    assert check_refusals(server, request("POST /", *headers), b"0\r\n\r\n", NEXT) == []


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_a_bad_chunk_is_refused_once(server: RawServer, chunks: bytes) -> None:
    assert check_refusals(server, request("POST /", CHUNKED, body=chunks + NEXT)) in ([], ["/"])
    assert check_refusals(server, request("POST /", CHUNKED), chunks[:1], chunks[1:] + NEXT) == ["/"]


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_malformed_head_is_refused_once(server: RawServer, head: bytes) -> None:
    assert check_refusals(server, head + NEXT) == []
    assert check_refusals(server, head[:20], head[20:], NEXT) == []


@pytest.mark.parametrize(("sent", "status"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_client_that_sends_too_much_gets_the_error_even_if_it_reads_late(
    server: RawServer, sent: bytes, status: int
) -> None:
    assert [problem(answer) for answer in server.say(sent)] == [status]


def test_a_head_may_be_as_large_as_the_limit(server: RawServer) -> None:
    last = "Connection: close"
    long = MAX_HEAD_BYTES - WITH_HOST - len(f"{last}\r\nX-A: \r\n")
    for large in (
        request(f"GET /{'a' * (MAX_TARGET_BYTES - 1)}", f"X-A: {'a' * long}", last),
        request("GET /", *["X-A: a"] * (MAX_HEADERS - 2), last),
    ):
        assert [answer.status for answer in server.say(large)] == [200]
        assert [answer.status for answer in server.say(large[:70_000], large[70_000:])] == [200]
    larger = request("GET /", f"X-A: {'a' * (long + 1)}", last)
    assert [problem(answer) for answer in server.say(larger)] == [431]


def test_earlier_requests_are_answered_before_an_error(server: RawServer) -> None:
    good, bad = server.say(request("GET /after/0.1") + b"NONSENSE\r\n\r\n" + NEXT)
    assert (good.status, json.loads(good.body)["path"]) == (200, "/after/0.1")
    assert problem(bad) == 400
    good, bad = server.say(request("GET /after/0.1") + request("POST /", CHUNKED, body=b"xyz\r\n") + NEXT)
    assert (good.status, problem(bad)) == (200, 400)


def test_a_response_is_not_followed_by_an_error_for_the_same_request(server: RawServer) -> None:
    with server.connected() as connection:
        connection.sendall(request("POST /unread", CHUNKED))
        first = connection.recv(10)
        connection.sendall(b"xyz\r\n" + NEXT)
        rest = b"".join(iter(lambda: connection.recv(65536), b""))
    assert (first + rest).count(b"HTTP/1.1 ") == 1


def test_an_error_for_head_has_no_body(server: RawServer) -> None:
    with server.connected() as connection:
        connection.sendall(request("HEAD /", "Host: blog.test"))
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.endswith(b"\r\n\r\n")


def test_a_trailer_is_not_read_as_a_header(server: RawServer) -> None:
    chunks = b"5\r\nhello\r\n0\r\nAuthorization: Token x\r\n\r\n"
    (answer,) = server.say(request("POST /", "Connection: close", CHUNKED), chunks)
    assert json.loads(answer.body) == {
        "path": "/",
        "body": "hello",
        "names": ["host", "connection", "transfer-encoding"],
    }
    (answer,) = server.say(request("POST /", "Connection: close", CHUNKED, body=chunks))
    assert "authorization" not in json.loads(answer.body)["names"]


def test_an_upgrade_is_ignored_and_no_request_is_lost(server: RawServer) -> None:
    change = request("GET /first", "Connection: Upgrade", "Upgrade: websocket")
    told = server.say(change + change + request("GET /last", "Connection: close"))
    assert [json.loads(answer.body)["path"] for answer in told] == ["/first", "/first", "/last"]


def test_expect_100_continue_is_answered(server: RawServer) -> None:
    with server.connected() as connection:
        connection.sendall(request("POST /", "Expect: 100-continue", "Content-Length: 5", "Connection: close"))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        assert b'"body": "hello"' in b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("host", ["blog.test", "blog.test:8000", "127.0.0.1:80", "[::1]", "[::1]:8000", "B%6Cog:"])
def test_every_valid_host_is_served(server: RawServer, host: str) -> None:
    (answer,) = server.say(f"GET http://other.test/x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert (answer.status, json.loads(answer.body)["path"]) == (200, "/x")


def test_every_worker_refuses(database: Path) -> None:
    with serving(database, "--workers", "2") as process:
        at = urlsplit(process.url)
        for _ in range(4):
            with socket.create_connection((at.hostname, at.port), TIMEOUT) as connection:
                connection.sendall(HEADS["no host"])
                assert [problem(answer) for answer in answers(connection)] == [400]
