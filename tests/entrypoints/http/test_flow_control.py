"""Flow control: buffers for slow clients are bounded."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.entrypoints.http.raw_server import LARGE, RawServer, answers, eventually, problem, request, served
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from blog.entrypoints.server.flow_control import PIECE, ByteBudget, ResponseSender
from blog.entrypoints.server.lingering_close import LingeringTransport
from blog.entrypoints.server.protocol import HardenedProtocol

MEBIBYTE = 1024 * 1024
STUCK = 60
BODIES = [b"", b"a" * 10, b"b" * 100]
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("abcde"), st.integers(0, 60), st.sampled_from(BODIES)),
        st.sampled_from("abcde"),
    )
)


values = st.lists(st.sampled_from([*b"ab\t\r\n\0\x1f\x7f\x80"]), max_size=3).map(bytes) | st.just(b"a value")
responses = st.fixed_dictionaries(
    {
        "headers": st.lists(st.tuples(st.sampled_from([b"etag", b"link"]), values), max_size=2),
        "body": st.sampled_from(BODIES),
        "length": st.sampled_from([None, None, b"0", b"10", b"100"]),
        "connection": st.sampled_from([None, None, b"close", b"keep-alive"]),
        "method": st.sampled_from(["GET", "GET", "HEAD"]),
        "keep_alive": st.booleans(),
    }
)


class LowLimits(HardenedProtocol):
    """A protocol with low limits."""

    most_unsent = 50 * MEBIBYTE
    most_unfinished = 5 * MEBIBYTE


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with served(LowLimits, keep_alive=300) as server:
        yield server


def test_a_reading_client_gets_a_large_response_completely(server: RawServer) -> None:
    (answer,) = server.say(request("GET /large", "Connection: close"))
    assert len(answer.body) == LARGE
    assert json.loads(answer.body)["path"] == "/large"


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 1])
def test_a_response_of_any_size_is_complete_and_followed_by_the_next(server: RawServer, size: int) -> None:
    first, second = server.say(request(f"GET /sized/{size}") + request("GET /last", "Connection: close"))
    assert (len(first.body), json.loads(second.body)["path"]) == (size, "/last")


@pytest.mark.parametrize("start", ["GET /small", "HEAD /small", "POST /unread"])
def test_head_and_body_of_a_small_response_are_written_together(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []

    class Counting(LingeringTransport):
        def __init__(self, transport: asyncio.Transport, *rest: Any) -> None:
            super().__init__(transport, *rest)
            self._transport = cast("asyncio.Transport", Counted(transport))

    class Counted:
        def __init__(self, transport: asyncio.Transport) -> None:
            self._transport = transport

        def __getattr__(self, name: str) -> Any:
            return getattr(self._transport, name)

        def write(self, data: bytes) -> None:
            written.append(data)
            self._transport.write(data)

    monkeypatch.setattr("blog.entrypoints.server.protocol.LingeringTransport", Counting)
    with served(HardenedProtocol) as server, server.connected() as client:
        client.sendall(request(start))
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")
    assert len(written) == 1


def test_head_of_a_large_response_has_no_body(server: RawServer) -> None:
    with server.connected() as connection:
        connection.sendall(request("HEAD /large", "Connection: close"))
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 200")
    assert f"content-length: {LARGE}\r\n".encode() in received
    assert received.endswith(b"\r\n\r\n")


def test_a_large_response_is_buffered_in_pieces(server: RawServer) -> None:
    assert server.is_left_alone()
    with server.connected() as client:
        client.sendall(request("GET /large"))
        assert eventually(lambda: any(each.flow.write_paused for each in server.connections))
        (connection,) = server.connections
        assert 0 < connection.transport.get_write_buffer_size() <= PIECE


def test_clients_that_read_nothing_are_dropped_when_the_buffer_is_full(server: RawServer) -> None:
    assert server.is_left_alone()
    asked = len(server.echo.asked)
    with ExitStack() as stack:
        for _ in range(STUCK):
            stack.enter_context(server.connected()).sendall(request("GET /large"))
        assert eventually(lambda: len(server.echo.asked) == asked + STUCK)
        assert eventually(lambda: len(server.connections) <= LowLimits.most_unsent // LARGE)
        (answer,) = server.say(request("GET /large", "Connection: close"))
        assert len(answer.body) == LARGE
        assert all(each._budgets.unsent.used <= LowLimits.most_unsent for each in server.connections)
    assert server.is_left_alone()


def test_the_slowest_of_many_unfinished_uploads_gets_503_when_the_buffer_is_full(server: RawServer) -> None:
    half = request("POST /", f"Content-Length: {2 * MEBIBYTE}", body=b"a" * MEBIBYTE)
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connected()) for _ in range(7)]
        for number, client in enumerate(clients, 1):
            client.sendall(half)
            assert eventually(partial(is_unfinished, server, min(number, 5) * MEBIBYTE))
        assert [problem(answer) for answer in answers(clients[0])] == [503]
        clients[-1].sendall(b"a" * MEBIBYTE)
        assert clients[-1].recv(15) == b"HTTP/1.1 200 OK"


class Written:
    """A transport that stores what is written."""

    def __init__(self) -> None:
        self.data, self.is_closed = b"", False

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        self.is_closed = True


def sent(response: dict[str, Any], sender: Callable[[RequestResponseCycle], Any]) -> list[object]:
    """The bytes that are written of a response, and the state afterwards."""
    transport, completed = Written(), list[bool]()
    cycle = RequestResponseCycle(
        scope=cast(Any, {"method": response["method"], "type": "http"}),
        transport=cast(Any, transport),
        flow=cast(Any, SimpleNamespace(write_paused=False)),
        logger=cast(Any, None),
        access_logger=cast(Any, None),
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=response["keep_alive"],
        on_response=lambda: completed.append(True),
    )
    named = {b"content-length": response["length"], b"connection": response["connection"]}
    headers = [*response["headers"], *((name, value) for name, value in named.items() if value is not None)]
    send, error = sender(cycle), ""

    async def respond() -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": response["body"]})

    try:
        asyncio.run(respond())
    except RuntimeError as refused:
        error = str(refused)
    return [
        transport.data,
        transport.is_closed,
        error,
        completed,
        cycle.response_complete,
        cycle.message_event.is_set(),
    ]


@pytest.mark.parametrize("special", [{}, {"connection": b"close"}, {"length": b"9"}, {"keep_alive": False}], ids=str)
@pytest.mark.parametrize("value", [b"a", *(b"a%cb" % code for code in [*range(33), 127, 128])])
def test_a_simple_response_is_written_as_uvicorn_writes_it(special: dict[str, Any], value: bytes) -> None:
    simple = {"headers": [(b"link", value)], "body": b"a" * 10, "length": b"10", "connection": None, "method": "GET"}
    response = {**simple, "keep_alive": True, **special}
    assert sent(response, lambda cycle: ResponseSender(cycle, lambda _: None)) == sent(
        response, lambda cycle: cycle.send
    )


@given(responses)
def test_a_response_is_written_as_uvicorn_writes_it(response: dict[str, Any]) -> None:
    assert sent(response, lambda cycle: ResponseSender(cycle, lambda _: None)) == sent(
        response, lambda cycle: cycle.send
    )


@given(steps)
def test_the_counted_bytes_are_those_in_memory_and_a_shared_body_counts_once(
    taken: list[tuple[str, int, bytes] | str],
) -> None:
    dropped: list[str] = []
    budget: ByteBudget[str] = ByteBudget(150, dropped.append)
    held: dict[str, tuple[int, bytes]] = {}
    for step in taken:
        held.pop(step[0], None)
        if isinstance(step, str):
            budget.release(step)
        else:
            held[step[0]] = step[1:]
            budget.hold(*step)
        while size(held) > budget.limit and len(held) > 1:
            slowest = next(iter(held))
            held.pop(slowest)
            assert dropped.pop(0) == slowest
        assert not dropped
        assert budget.used == size(held)


def is_unfinished(server: RawServer, size: int) -> bool:
    """Return whether this number of bytes of unfinished bodies is counted."""
    return any(each._budgets.unfinished.used == size for each in server.connections)


def size(held: dict[str, tuple[int, bytes]]) -> int:
    """Return the bytes in memory; each body counts once."""
    return sum(own for own, _ in held.values()) + sum(len(body) for body in {body for _, body in held.values()})
