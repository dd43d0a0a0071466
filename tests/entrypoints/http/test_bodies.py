"""The blog takes a body however it comes in, and refuses what is too large, or not all there."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from tests.entrypoints.blogs import PASSWORD, Store, shown

from blog.entrypoints.http.app import create_app
from blog.entrypoints.http.operation import MAX_BODY_BYTES

POST = b'{"title": "Hello", "body": "World"}'
END = {"type": "http.disconnect"}


def piece(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def asked(
    *messages: dict[str, Any], headers: Sequence[tuple[bytes, bytes]] = (), path: str = "/api/posts/"
) -> tuple[int, Any]:
    """What a server is answered that hands on these messages, and tells no more of the body than `headers` do."""
    blog, sent, waiting = Store("first"), list[dict[str, Any]](), list(messages)
    token = shown(blog.token)["Authorization"].encode()
    known = [(b"authorization", token), (b"content-type", b"application/json"), *headers]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": known, "client": None}

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(create_app(blog)(scope, receive, send))
    return sent[0]["status"], msgspec.json.decode(sent[1]["body"])


@pytest.mark.parametrize("headers", [[], [(b"transfer-encoding", b"chunked")]], ids=["untold", "chunked"])
def test_a_body_in_pieces_is_one(headers: list[tuple[bytes, bytes]]) -> None:
    pieces = [piece(bytes([each])) for each in POST]
    status, told = asked(*pieces, piece(b"", more=False), headers=headers)
    assert (status, told["title"], told["body"]) == (201, "Hello", "World")


@pytest.mark.parametrize("headers", [[], [(b"transfer-encoding", b"chunked")]], ids=["untold", "chunked"])
def test_a_body_that_turns_out_too_large_is_not_read_to_its_end(headers: list[tuple[bytes, bytes]]) -> None:
    half = piece(b" " * (MAX_BODY_BYTES // 2 + 1))
    assert asked(half, half, headers=headers)[0] == 413
    log_in = msgspec.json.encode({"username": "ann", "password": PASSWORD})
    assert asked(piece(log_in.ljust(8193)), headers=headers, path="/api/login/")[0] == 413


def test_a_body_that_is_announced_as_too_large_is_not_read() -> None:
    assert asked(headers=[(b"content-length", b"%d" % (MAX_BODY_BYTES + 1))])[0] == 413


@pytest.mark.parametrize("headers", [[], [(b"transfer-encoding", b"chunked")]], ids=["untold", "chunked"])
def test_a_body_whose_end_does_not_come_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    assert asked(piece(POST), END, headers=headers)[0] == 400


@pytest.mark.parametrize("length", [b"", b"x", b"9" * 5000, b"\xb2"], ids=["empty", "x", "digits", "two"])
def test_a_length_that_is_no_number_is_refused(length: bytes) -> None:
    assert asked(headers=[(b"content-length", length)])[0] == 400
