"""Bodies are received in any number of messages; one that is too large or incomplete is refused."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from tests.entrypoints.blocking_blogs import PASSWORD, Store, authorization

from blog.entrypoints.http.app import create_app
from blog.entrypoints.http.operation import MAX_BODY_BYTES

POST = b'{"title": "Hello", "body": "World"}'
END = {"type": "http.disconnect"}


def piece(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def run_requests(
    *messages: dict[str, Any], headers: Sequence[tuple[bytes, bytes]] = (), path: str = "/api/posts/"
) -> tuple[int, Any]:
    """Send a request whose body comes in these messages. Return the response."""
    blog, sent, waiting = Store("first"), list[dict[str, Any]](), list(messages)
    token = authorization(blog.token)["Authorization"].encode()
    known = [(b"authorization", token), (b"content-type", b"application/json"), *headers]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": known, "client": None}

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(create_app(blog)(scope, receive, send))
    return sent[0]["status"], msgspec.json.decode(sent[1]["body"])


@pytest.mark.parametrize("headers", [[], [(b"transfer-encoding", b"chunked")]], ids=["untold", "chunked"])
def test_a_body_in_several_messages_is_joined(headers: list[tuple[bytes, bytes]]) -> None:
    pieces = [piece(bytes([each])) for each in POST]
    status, told = run_requests(*pieces, piece(b"", more=False), headers=headers)
    assert (status, told["title"], told["body"]) == (201, "Hello", "World")


@pytest.mark.parametrize("headers", [[], [(b"transfer-encoding", b"chunked")]], ids=["untold", "chunked"])
def test_a_body_that_grows_past_the_limit_is_not_read_further(headers: list[tuple[bytes, bytes]]) -> None:
    half = piece(b" " * (MAX_BODY_BYTES // 2 + 1))
    assert run_requests(half, half, headers=headers)[0] == 413
    log_in = msgspec.json.encode({"username": "ann", "password": PASSWORD})
    assert run_requests(piece(log_in.ljust(8193)), headers=headers, path="/api/login/")[0] == 413


def test_a_body_with_too_large_a_content_length_is_not_read() -> None:
    assert run_requests(headers=[(b"content-length", b"%d" % (MAX_BODY_BYTES + 1))])[0] == 413


@pytest.mark.parametrize("headers", [[], [(b"transfer-encoding", b"chunked")]], ids=["untold", "chunked"])
def test_an_incomplete_body_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    assert run_requests(piece(POST), END, headers=headers)[0] == 400


@pytest.mark.parametrize("length", [b"", b"x", b"9" * 5000, b"\xb2"], ids=["empty", "x", "digits", "two"])
def test_an_invalid_content_length_is_refused(length: bytes) -> None:
    assert run_requests(headers=[(b"content-length", length)])[0] == 400
