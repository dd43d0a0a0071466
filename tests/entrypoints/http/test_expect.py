"""`Expect: 100-continue` with a final response before the body."""

import json
from collections.abc import Iterator

import pytest
from tests.entrypoints.http.raw_server import TIMEOUT, RawServer, answers, request, served

from blog.entrypoints.server.protocol import HardenedProtocol

EXPECT = "Expect: 100-continue"
SIZED = "Content-Length: 47"
NEXT = request("GET /next", "Connection: close")


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with served(HardenedProtocol) as server:
        yield server


@pytest.mark.parametrize("start", ["POST /unread", "GET /unread", "HEAD /unread", "OPTIONS /unread"])
@pytest.mark.parametrize("framing", [SIZED, "Transfer-Encoding: chunked"])
def test_an_early_final_response_has_connection_close_and_the_next_request_is_not_read_as_a_body(
    server: RawServer, start: str, framing: str
) -> None:
    before = len(server.echo.asked)
    with server.connected() as connection:
        connection.sendall(request(start, EXPECT, framing))
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        connection.sendall(NEXT)
        rest = b"".join(iter(lambda: connection.recv(65536), b""))
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close\r\n" in head
    assert b"HTTP/1.1" not in rest
    assert server.echo.asked[before:] == ["/unread"]


def test_the_connection_stays_open_if_the_body_was_sent_anyway(server: RawServer) -> None:
    sent = request("POST /unread", EXPECT, SIZED, body=b"a" * 47)
    assert [json.loads(answer.body)["path"] for answer in server.say(sent + NEXT)] == ["/unread", "/next"]


def test_the_connection_stays_open_if_the_body_is_empty(server: RawServer) -> None:
    sent = request("GET /unread", EXPECT)
    assert [json.loads(answer.body)["path"] for answer in server.say(sent + NEXT)] == ["/unread", "/next"]


def test_expect_is_ignored_in_http_1_0(server: RawServer) -> None:
    with server.connected() as connection:
        connection.settimeout(TIMEOUT)
        connection.sendall(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
        (answer,) = answers(connection)
    assert (answer.status, answer.headers["connection"]) == (200, "close")
