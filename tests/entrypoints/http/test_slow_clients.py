"""The blog promises that whoever is slow, or silent, is not waited for…"""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import pytest
from tests.entrypoints.http.wires import LARGE, PATIENCE, Served, answers, eventually, problem, request, served

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
"""What one may begin with, and then repeat without end."""


class Hasty(HardenedProtocol):
    """A wire that does not wait long."""

    head_within = body_within = heard_out = 0.5
    read_within = read_within_stopping = 0.7


class Steady(HardenedProtocol):
    """A wire on which a body wins a second by every ten bytes."""

    body_within = 3
    body_rate = 10


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(Hasty) as server:
        yield server


def each(do: Callable[[bytes], object], *sent: bytes) -> list[object]:
    """What comes of it with each of these bytes, at the same time."""
    with ThreadPoolExecutor(len(sent)) as pool:
        return list(pool.map(do, sent))


def test_the_connection_of_who_says_nothing_is_closed_without_a_word(server: Served) -> None:
    assert each(server.say, b"", b"\r\n\r\n") == [[], []]
    assert [answer.status for answer in server.say(request("GET /"))] == [200]


def test_who_stops_in_the_middle_is_told_so(server: Served) -> None:
    def told(sent: bytes) -> list[int]:
        return [problem(answer) for answer in server.say(sent)]

    assert dict(zip(STUCK, each(told, *STUCK.values()), strict=True)) == {place: [408] for place in STUCK}


def test_who_goes_on_byte_by_byte_is_not_waited_for(server: Served) -> None:
    def is_cut_off(first: bytes) -> bool:
        with server.connected() as connection, suppress(ConnectionError):
            connection.sendall(first)
            for _ in range(PATIENCE * 50):
                time.sleep(0.02)
                connection.sendall(SLOW[first])
            return False
        return True

    assert each(is_cut_off, *SLOW) == [True] * len(SLOW)
    assert server.is_left_alone()


def test_who_has_its_answer_does_not_get_another_for_its_slow_body(server: Served) -> None:
    (answer,) = server.say(request("POST /unread", "Content-Length: 999999"), b"hello")
    assert (answer.status, json.loads(answer.body)["path"]) == (200, "/unread")


def test_others_are_served_meanwhile(server: Served) -> None:
    with ExitStack() as stack:
        for sent in (b"", b"\r\n", *STUCK.values()) * 10:
            stack.enter_context(server.connected()).sendall(sent)
        assert [answer.status for answer in server.say(request("GET /", "Connection: close"))] == [200]
        assert server.is_left_alone()


@pytest.mark.parametrize("place", ["in a header", "in a body"])
def test_an_answer_on_its_way_is_not_cut_off_by_a_slow_next_request(server: Served, place: str) -> None:
    first, second = server.say(request("GET /after/1") + STUCK[place])
    assert (first.status, json.loads(first.body)["path"]) == (200, "/after/1")
    assert problem(second) == 408


def test_an_answer_may_take_longer_than_any_request(server: Served) -> None:
    (answer,) = server.say(request("GET /after/1"))
    assert (answer.status, json.loads(answer.body)["path"]) == (200, "/after/1")


def test_who_does_not_read_its_answer_does_not_keep_it(server: Served) -> None:
    with server.connected() as connection:
        connection.sendall(request("GET /large"))
        assert connection.recv(1)
        assert server.is_left_alone()


def test_who_reads_slowly_gets_all_of_its_answer(server: Served) -> None:
    with server.connected() as connection:
        connection.sendall(request("GET /large", "Connection: close"))
        received = 0
        while part := connection.recv(LARGE // 64):
            received += len(part)
            time.sleep(0.03)
    assert received > LARGE


def fill_unread(server: Served, client: socket.socket) -> HardenedProtocol:
    """Ask without reading until a few bytes wait in the server: fewer than any transport reports by itself."""
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
def not_reading(server: Served) -> Iterator[socket.socket]:
    """A client whose kernel takes little, so that what it does not read waits in the server."""
    assert server.is_left_alone()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", server.port))
        yield client


def test_a_client_that_reads_nothing_is_dropped_also_if_little_waits_for_it(server: Served) -> None:
    with not_reading(server) as client:
        fill_unread(server, client)
        assert server.is_left_alone()
        with pytest.raises(ConnectionResetError):  # or the kernel would keep all of it, and offer it for minutes
            b"".join(iter(lambda: client.recv(65536), b""))


def test_a_client_that_reads_nothing_is_dropped_also_after_it_has_said_its_last(server: Served) -> None:
    with not_reading(server) as client:
        fill_unread(server, client)
        client.shutdown(socket.SHUT_WR)
        assert server.is_left_alone()


@pytest.mark.parametrize("start", ["GET /sized/5000000 ", "NONSENSE"])
def test_a_client_that_does_not_read_the_last_answer_is_dropped(server: Served, start: str) -> None:
    with not_reading(server) as client:
        fill_unread(server, client)
        client.sendall(request(start, "Connection: close"))
        assert server.is_left_alone()


def test_a_server_that_stops_does_not_wait_for_who_reads_nothing() -> None:
    class Patient(Hasty):
        read_within = 300

    with served(Patient, keep_alive=300) as server, not_reading(server) as client:
        fill_unread(server, client)
        server.server.should_exit = True
        assert server.is_left_alone()


def test_a_server_that_stops_closes_idle_connections_at_once() -> None:
    with served(HardenedProtocol, keep_alive=300) as server, server.connected() as idle, server.connected() as unused:
        idle.sendall(request("GET /"))
        assert idle.recv(65536).startswith(b"HTTP/1.1 200")
        server.server.should_exit = True
        assert idle.recv(1) == unused.recv(1) == b""


def test_a_connection_may_be_idle_between_requests_for_longer_than_a_head_may_take() -> None:
    with served(Hasty, keep_alive=300) as server, server.connected() as client:
        client.sendall(request("GET /first"))
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        time.sleep(3 * Hasty.head_within)
        client.sendall(request("GET /second", "Connection: close"))
        assert [answer.status for answer in answers(client)] == [200]


def test_a_later_head_must_come_as_quickly_as_the_first() -> None:
    with served(Hasty, keep_alive=300) as server:
        first, second = server.say(request("GET /first") + STUCK["in a header"])
        assert (first.status, problem(second)) == (200, 408)


def test_an_idle_connection_is_closed_when_its_time_is_up() -> None:
    with served(HardenedProtocol, keep_alive=1) as server:
        assert [answer.status for answer in server.say(request("GET /"))] == [200]


def test_a_body_that_comes_slowly_but_steadily_is_read_to_its_end() -> None:
    pieces, piece = 20, b"a" * 100
    sized = request("POST /", f"Content-Length: {pieces * len(piece)}", "Connection: close")
    with served(Steady) as server, server.connected() as client:
        client.sendall(sized)
        for _ in range(pieces):
            time.sleep(0.25)
            client.sendall(piece)
        (answer,) = answers(client)
    assert (answer.status, len(json.loads(answer.body)["body"])) == (200, pieces * len(piece))


def test_bytes_sent_in_advance_win_no_time_to_be_silent() -> None:
    class Generous(Hasty):
        body_rate = 0.001

    with served(Generous) as server:
        assert [problem(answer) for answer in server.say(SIZED + b"a" * 100_000)] == [408]
