"""The blog promises that whoever is slow, or silent, is not waited for…"""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from tests.entrypoints.http.wires import LARGE, PATIENCE, Served, problem, request, served

from blog.entrypoints.http.wire import Wire

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


class Hasty(Wire):
    """A wire that does not wait long."""

    head_within = body_within = heard_out = 0.5
    read_within = 0.7


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(Hasty) as server:
        yield server


def is_left_alone(server: Served) -> bool:
    """Whether the server has, in the end, no connection left."""
    end = time.monotonic() + PATIENCE
    while server.server.server_state.connections and time.monotonic() < end:
        time.sleep(0.02)
    return not server.server.server_state.connections


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
    assert is_left_alone(server)


def test_who_has_its_answer_does_not_get_another_for_its_slow_body(server: Served) -> None:
    (answer,) = server.say(request("POST /unread", "Content-Length: 999999"), b"hello")
    assert (answer.status, json.loads(answer.body)["path"]) == (200, "/unread")


def test_others_are_served_meanwhile(server: Served) -> None:
    with ExitStack() as stack:
        for sent in (b"", b"\r\n", *STUCK.values()) * 10:
            stack.enter_context(server.connected()).sendall(sent)
        assert [answer.status for answer in server.say(request("GET /", "Connection: close"))] == [200]
        assert is_left_alone(server)


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
        assert is_left_alone(server)


def test_who_reads_slowly_gets_all_of_its_answer(server: Served) -> None:
    with server.connected() as connection:
        connection.sendall(request("GET /large", "Connection: close"))
        received = 0
        while part := connection.recv(LARGE // 64):
            received += len(part)
            time.sleep(0.03)
    assert received > LARGE
