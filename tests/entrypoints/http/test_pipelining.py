"""The blog promises that requests sent without waiting for answers…"""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.entrypoints.http.wires import Served, eventually, request, served

from blog.entrypoints.server.protocol import HardenedProtocol

MANY = 3000


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(HardenedProtocol) as server:
        yield server


def test_are_answered_one_after_the_other(server: Served) -> None:
    sent = b"".join(request(f"GET /{number}") for number in range(MANY)) + request("GET /last", "Connection: close")
    told = [json.loads(answer.body)["path"] for answer in server.say(sent)]
    assert told == [*(f"/{number}" for number in range(MANY)), "/last"]


@pytest.mark.parametrize("first", ["GET /after/2", "GET /sized/20000000"], ids=["being answered", "not being read"])
def test_wait_as_bytes_and_are_not_parsed_while_one_is_answered(server: Served, first: str) -> None:
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


def test_are_not_read_on_while_a_few_bytes_make_much_work(server: Served) -> None:
    chunks = b"1\r\na\r\n" * 300_000
    sent = request("POST /", "Transfer-Encoding: chunked", "Connection: close") + chunks + b"0\r\n\r\n"
    (answer,) = server.say(sent)
    assert json.loads(answer.body)["body"] == "a" * 300_000


def send_what_is_taken(client: socket.socket) -> int:
    """Send requests until nobody takes any more of them, or there are as many as no kernel keeps."""
    many, sent = request("GET /more") * 10_000, 0
    client.settimeout(0.5)
    with suppress(TimeoutError):
        while sent < 40_000_000:
            sent += client.send(many[sent % len(many) :])
    return sent
