"""Pipelined requests."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.entrypoints.http.raw_server import RawServer, eventually, request, served

from blog.entrypoints.server.protocol import HardenedProtocol

MANY = 3000


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with served(HardenedProtocol) as server:
        yield server


def test_pipelined_requests_are_answered_in_order(server: RawServer) -> None:
    sent = b"".join(request(f"GET /{number}") for number in range(MANY)) + request("GET /last", "Connection: close")
    told = [json.loads(answer.body)["path"] for answer in server.say(sent)]
    assert told == [*(f"/{number}" for number in range(MANY)), "/last"]


@pytest.mark.parametrize("first", ["GET /after/2", "GET /sized/20000000"], ids=["being answered", "not being read"])
def test_pipelined_requests_are_not_parsed_while_another_is_processed(server: RawServer, first: str) -> None:
    """A request of 30 bytes takes some kilobytes once it is parsed."""
    assert server.is_left_alone()
    with server.connected() as client:
        client.sendall(request(first))
        assert eventually(lambda: bool(server.connections and server.connections[0].flow))
        (connection,) = server.connections
        assert eventually(lambda: connection.cycle is not None)
        sent = send_what_is_taken(client)
        assert eventually(lambda: connection.flow.read_paused)
        assert sent > 1_000_000
        assert len(connection.pipeline) <= 1
        assert len(connection._waiting) < 1_000_000


def test_pipelined_requests_are_not_read_while_earlier_ones_take_long(server: RawServer) -> None:
    chunks = b"1\r\na\r\n" * 300_000
    sent = request("POST /", "Transfer-Encoding: chunked", "Connection: close") + chunks + b"0\r\n\r\n"
    (answer,) = server.say(sent)
    assert json.loads(answer.body)["body"] == "a" * 300_000


def send_what_is_taken(client: socket.socket) -> int:
    """Send requests until the socket blocks, or more are sent than a kernel buffers."""
    many, sent = request("GET /more") * 10_000, 0
    client.settimeout(0.5)
    with suppress(TimeoutError):
        while sent < 40_000_000:
            sent += client.send(many[sent % len(many) :])
    return sent
