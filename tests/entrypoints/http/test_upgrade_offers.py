"""Offers to change the protocol (`Upgrade`) are ignored."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.entrypoints.http.raw_server import RawServer, answers, problem, request, served

from blog.entrypoints.server.protocol import HardenedProtocol

OFFERS = {
    "none": (),
    "Java's": (
        "Connection: Upgrade, HTTP2-Settings",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        "Upgrade: h2c",
    ),
    "a websocket's": ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    "one for TLS": ("Upgrade: TLS/1.2", "Connection: keep-alive, upgrade"),
    "two": ("Connection: upgrade", "Upgrade: websocket, h2c/3"),
    "one without Connection": ("Upgrade: h2c",),
}
CHUNKED = "Transfer-Encoding: chunked"
LAST = request("GET /last", "Connection: close")
BODIES = ["", "hello", "\r\n\r\n", "GET /smuggled HTTP/1.1\r\nHost: blog.test\r\n\r\n", "a" * 40_000]


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with served(HardenedProtocol) as server:
        yield server


def sized(body: str, *headers: str) -> bytes:
    return request("POST /sized", *headers, f"Content-Length: {len(body)}", body=body.encode())


def chunked(body: str, *headers: str) -> bytes:
    chunk = f"{len(body):x}\r\n{body}\r\n" if body else ""
    return request("POST /chunked", *headers, CHUNKED, body=f"{chunk}0\r\nX-Trailer: a\r\n\r\n".encode())


def received(server: RawServer, *parts: bytes) -> list[tuple[str, str]]:
    """Return path and body of every request that the application received."""
    seen = [json.loads(answer.body) for answer in server.say(*parts)]
    return [(request["path"], request["body"]) for request in seen]


@pytest.mark.parametrize("body", BODIES, ids=["empty", "short", "blank lines", "a request", "long"])
@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
def test_the_body_is_read_and_the_next_request_follows(server: RawServer, offer: tuple[str, ...], body: str) -> None:
    expected = [("/sized", body), ("/chunked", body), ("/sized", body), ("/last", "")]
    sent = sized(body, *offer) + chunked(body, *offer) + sized(body, *offer) + LAST
    assert received(server, sent) == expected
    assert received(server, sized(body, *offer), chunked(body, *offer), sized(body, *offer), LAST) == expected


def test_a_connection_with_connection_close_is_closed_after_the_body(server: RawServer) -> None:
    offer = ("Connection: Upgrade, close", "Upgrade: h2c")
    assert received(server, sized("hello", *offer) + LAST) == [("/sized", "hello")]
    assert received(server, chunked("hello", *offer) + LAST) == [("/chunked", "hello")]


def test_an_offer_in_http_1_0_is_ignored_too(server: RawServer) -> None:
    sent = b"POST /old HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello"
    assert received(server, sent + LAST) == [("/old", "hello")]


@pytest.mark.parametrize("bad", [b"xyz\r\n", b"5\r\nhello!\r\n", b"-1\r\n"])
def test_a_bad_chunk_after_an_offer_is_refused_once(server: RawServer, bad: bytes) -> None:
    before = len(server.echo.asked)
    head = request("POST /", *OFFERS["Java's"], CHUNKED)
    assert [problem(answer) for answer in server.say(head + bad + LAST)] == [400]
    assert [problem(answer) for answer in server.say(head, bad + LAST)] == [400]
    assert "/last" not in server.echo.asked[before:]


def test_expect_100_continue_after_an_offer_is_answered(server: RawServer) -> None:
    with server.connected() as connection:
        head = request("POST /", *OFFERS["Java's"], "Expect: 100-continue", "Content-Length: 5")
        connection.sendall(head)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello" + LAST)
        assert [json.loads(answer.body)["body"] for answer in answers(connection)] == ["hello", ""]


requests = st.builds(
    lambda make, body, offer: (make.__name__, body, make(body, *offer)),
    st.sampled_from([sized, chunked]),
    st.sampled_from([*BODIES[:-1], "0\r\n\r\n", "a" * 700]),
    st.sampled_from([*OFFERS.values()]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(requests, min_size=1, max_size=6), st.data())
def test_requests_can_be_split_into_packets_anywhere(
    server: RawServer, sent: list[tuple[str, str, bytes]], data: st.DataObject
) -> None:
    whole = b"".join(each for *_, each in sent) + LAST
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=12)))
    parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert received(server, *parts) == [*((f"/{path}", body) for path, body, _ in sent), ("/last", "")]
