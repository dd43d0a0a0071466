"""Timeouts for clients that send or read slowly."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import pytest
from tests.entrypoints.http.raw_server import LARGE, TIMEOUT, RawServer, answers, eventually, problem, request, served

from blog.entrypoints.server.protocol import HardenedProtocol

SIZED = request("POST /", "Content-Length: 999999")
CHUNKED = request("POST /", "Transfer-Encoding: chunked")
STUCK = {
    "in the first line": b"GET / HT",
    "in a header": b"GET / HTTP/1.1\r\nHost: blog",
    "before a body": SIZED,
    "in a body": SIZED + b"hello",
    "before a chunk": CHUNKED,
    "in a chunk": CHUNKED + b"9\r\nhello",
    "in a trailer": CHUNKED + b"0\r\nX-A: b",
}
SLOW = {b"": b"\n", b"GET /": b"a", b"GET / HTTP/1.1\r\nX-A:": b"a", SIZED: b"a", CHUNKED: b"1\r\na\r\n"}
"""Beginnings of requests, and parts that can be repeated for ever."""


class ShortTimeouts(HardenedProtocol):
    """A protocol with short timeouts."""

    head_within = body_within = heard_out = 0.5
    read_within = read_within_stopping = 0.7


class ExtendedBodyTimeout(HardenedProtocol):
    """A protocol that extends the timeout of a body by a second for every ten bytes."""

    body_within = 2
    body_rate = 10


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with served(ShortTimeouts, keep_alive=1) as server:
        yield server


def run_each(do: Callable[[bytes], object], *sent: bytes) -> list[object]:
    """Run the function with each of these bytes concurrently."""
    with ThreadPoolExecutor(len(sent)) as pool:
        return list(pool.map(do, sent))


def test_a_silent_connection_is_closed_without_a_response(server: RawServer) -> None:
    assert run_each(server.say, b"", b"\r\n\r\n") == [[], []]
    assert [answer.status for answer in server.say(request("GET /"))] == [200]


def test_an_unfinished_request_gets_408(server: RawServer) -> None:
    def statuses(sent: bytes) -> list[int]:
        return [problem(answer) for answer in server.say(sent)]

    assert dict(zip(STUCK, run_each(statuses, *STUCK.values()), strict=True)) == {place: [408] for place in STUCK}


def test_a_request_sent_byte_by_byte_times_out(server: RawServer) -> None:
    def is_cut_off(first: bytes) -> bool:
        with server.connected() as connection, suppress(ConnectionError):
            connection.sendall(first)
            for _ in range(TIMEOUT * 50):
                time.sleep(0.02)
                connection.sendall(SLOW[first])
            return False
        return True

    assert run_each(is_cut_off, *SLOW) == [True] * len(SLOW)
    assert server.is_left_alone()


def test_a_slow_body_after_its_response_gets_no_second_response(server: RawServer) -> None:
    (answer,) = server.say(request("POST /unread", "Content-Length: 999999"), b"hello")
    assert (answer.status, json.loads(answer.body)["path"]) == (200, "/unread")


def test_other_clients_are_served_during_slow_requests(server: RawServer) -> None:
    with ExitStack() as stack:
        for sent in (b"", b"\r\n", *STUCK.values()) * 10:
            stack.enter_context(server.connected()).sendall(sent)
        assert [answer.status for answer in server.say(request("GET /", "Connection: close"))] == [200]
        assert server.is_left_alone()


@pytest.mark.parametrize("place", ["in a header", "in a body"])
def test_a_response_is_not_cut_off_by_a_slow_next_request(server: RawServer, place: str) -> None:
    first, second = server.say(request("GET /after/1") + STUCK[place])
    assert (first.status, json.loads(first.body)["path"]) == (200, "/after/1")
    assert problem(second) == 408


def test_a_response_may_take_longer_than_any_request(server: RawServer) -> None:
    (answer,) = server.say(request("GET /after/1"))
    assert (answer.status, json.loads(answer.body)["path"]) == (200, "/after/1")


def test_a_client_that_does_not_read_its_response_is_dropped(server: RawServer) -> None:
    with server.connected() as connection:
        connection.sendall(request("GET /large"))
        assert connection.recv(1)
        assert server.is_left_alone()


def test_a_slow_reader_gets_the_whole_response(server: RawServer) -> None:
    with server.connected() as connection:
        connection.sendall(request("GET /large", "Connection: close"))
        received = 0
        while part := connection.recv(LARGE // 64):
            received += len(part)
            time.sleep(0.03)
    assert received > LARGE


def fill_unread(server: RawServer, client: socket.socket) -> HardenedProtocol:
    """Send requests without reading until a few bytes are buffered in the server, fewer than a transport reports."""
    client.sendall(request("GET /"))
    assert client.recv(1)
    (connection,) = server.connections
    while not connection.transport.get_write_buffer_size():
        answered = server.server.server_state.total_requests
        client.sendall(request("GET /sized/20000"))
        assert eventually(lambda: server.server.server_state.total_requests > answered or connection.flow.write_paused)  # noqa: B023 - asked at once
    assert connection.transport.get_write_buffer_size() < 64 * 1024
    return connection


@contextmanager
def non_reading_client(server: RawServer) -> Iterator[socket.socket]:
    """A client with a small receive buffer, so that unread responses are buffered in the server."""
    assert server.is_left_alone()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(TIMEOUT)
        client.connect(("127.0.0.1", server.port))
        yield client


def test_a_client_that_reads_nothing_is_dropped_even_with_little_buffered(server: RawServer) -> None:
    with non_reading_client(server) as client:
        fill_unread(server, client)
        assert server.is_left_alone()
        with pytest.raises(ConnectionResetError):  # or the kernel would keep all of it, and offer it for minutes
            b"".join(iter(lambda: client.recv(65536), b""))


def test_a_client_that_reads_nothing_is_dropped_after_it_has_sent_eof(server: RawServer) -> None:
    with non_reading_client(server) as client:
        fill_unread(server, client)
        client.shutdown(socket.SHUT_WR)
        assert server.is_left_alone()


@pytest.mark.parametrize("start", ["GET /sized/5000000 ", "NONSENSE"])
def test_a_client_that_does_not_read_the_last_response_is_dropped(server: RawServer, start: str) -> None:
    with non_reading_client(server) as client:
        fill_unread(server, client)
        client.sendall(request(start, "Connection: close"))
        assert server.is_left_alone()


def test_a_stopping_server_does_not_wait_for_clients_that_read_nothing() -> None:
    class Patient(ShortTimeouts):
        read_within = 300

    with served(Patient, keep_alive=300) as server, non_reading_client(server) as client:
        fill_unread(server, client)
        server.server.should_exit = True
        assert server.is_left_alone()


def test_a_stopping_server_closes_idle_connections_at_once() -> None:
    with served(HardenedProtocol, keep_alive=300) as server, server.connected() as idle, server.connected() as unused:
        idle.sendall(request("GET /"))
        assert idle.recv(65536).startswith(b"HTTP/1.1 200")
        server.server.should_exit = True
        assert idle.recv(1) == unused.recv(1) == b""


def test_the_keep_alive_timeout_is_longer_than_the_timeout_of_a_head() -> None:
    with served(ShortTimeouts, keep_alive=300) as server, server.connected() as client:
        client.sendall(request("GET /first"))
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        time.sleep(3 * ShortTimeouts.head_within)
        client.sendall(request("GET /second", "Connection: close"))
        assert [answer.status for answer in answers(client)] == [200]


def test_a_later_head_has_the_same_timeout_as_the_first() -> None:
    with served(ShortTimeouts, keep_alive=300) as server:
        first, second = server.say(request("GET /first") + STUCK["in a header"])
        assert (first.status, problem(second)) == (200, 408)


def test_an_idle_connection_is_closed_after_the_keep_alive_timeout() -> None:
    with served(HardenedProtocol, keep_alive=1) as server:
        assert [answer.status for answer in server.say(request("GET /"))] == [200]


def test_a_slow_but_steady_body_is_read_to_its_end() -> None:
    pieces, piece = 12, b"a" * 100
    sized = request("POST /", f"Content-Length: {pieces * len(piece)}", "Connection: close")
    with served(ExtendedBodyTimeout) as server, server.connected() as client:
        client.sendall(sized)
        for _ in range(pieces):
            time.sleep(0.25)
            client.sendall(piece)
        (answer,) = answers(client)
    assert (answer.status, len(json.loads(answer.body)["body"])) == (200, pieces * len(piece))


def test_bytes_sent_in_advance_do_not_extend_the_timeout() -> None:
    class Generous(ShortTimeouts):
        body_rate = 0.001

    with served(Generous) as server:
        assert [problem(answer) for answer in server.say(SIZED + b"a" * 100_000)] == [408]
