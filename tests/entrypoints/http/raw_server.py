"""A small application behind the real middleware and protocol, in this process, with a client on raw sockets."""

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import uvicorn

from blog.entrypoints.http.middleware.cors import CrossOrigin
from blog.entrypoints.http.middleware.security_headers import SecurityHeadersMiddleware
from blog.entrypoints.server.protocol import HardenedProtocol

TIMEOUT: Final = 30
"""Seconds after which a test gives up. Far more than any needs: no test is about time."""
LARGE: Final = 16 * 1024 * 1024

_one_answer = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r]*\r\n((?:[^\r]+\r\n)*)\r\n")


@dataclass(frozen=True)
class Answer:
    """A response as it was received."""

    status: int
    headers: dict[str, str]
    body: bytes


class Echo:
    """An application that returns its request, at once or later, and records it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        self.asked.append(path)
        sent = b"" if path.startswith("/unread") else await _body(receive)
        if path.startswith("/after/"):
            await asyncio.sleep(float(path.removeprefix("/after/")))
        names = [name.decode() for name, _ in scope["headers"]]
        told = json.dumps({"path": path, "body": sent.decode(), "names": names}).encode()
        told = told.ljust(LARGE) if path == "/large" else told
        if path.startswith("/sized/"):
            told = told.ljust(int(path.removeprefix("/sized/")))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(told))]})
        await send({"type": "http.response.body", "body": told})


@dataclass(frozen=True)
class RawServer:
    """The server's address, and the requests that it received."""

    port: int
    echo: Echo
    server: uvicorn.Server

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """Connect a client."""
        with socket.create_connection(("127.0.0.1", self.port), TIMEOUT) as connection:
            yield connection

    @property
    def connections(self) -> list[HardenedProtocol]:
        """The open connections of the server."""
        return [cast("HardenedProtocol", connection) for connection in list(self.server.server_state.connections)]

    def is_left_alone(self) -> bool:
        """Return whether the server has no connection in the end."""
        return eventually(lambda: not self.connections)

    def say(self, *parts: bytes) -> list[Answer]:
        """Send bytes. Return every response until the server closes the connection."""
        with self.connected() as connection:
            for part in parts:
                connection.sendall(part)
            return answers(connection)


@contextmanager
def served(
    wire: type[HardenedProtocol], *, cors: CrossOrigin | None = None, keep_alive: int = 5
) -> Iterator[RawServer]:
    """Serve the small application by this protocol, with this keep-alive timeout in seconds."""
    echo = Echo()
    config = uvicorn.Config(
        SecurityHeadersMiddleware(echo, cors=cors),
        http=wire,
        lifespan="off",
        log_config=None,
        server_header=False,
        timeout_keep_alive=keep_alive,
        ws="none",
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield RawServer(listener.getsockname()[1], echo, server)
        finally:
            server.should_exit = True
            thread.join(TIMEOUT)


def eventually(holds: Callable[[], bool]) -> bool:
    """Return whether the condition becomes true in time."""
    end = time.monotonic() + TIMEOUT
    while not holds() and time.monotonic() < end:
        time.sleep(0.002)
    return holds()


def request(start: str, *headers: str, body: bytes = b"") -> bytes:
    """Return a request with a Host header."""
    return "\r\n".join([f"{start} HTTP/1.1", "Host: blog.test", *headers, "", ""]).encode() + body


def answers(connection: socket.socket) -> list[Answer]:
    """Receive until the connection is closed. Return the responses, and check that there is nothing else."""
    received = bytearray()
    while part := connection.recv(1024 * 1024):
        received += part
    return list(_split(bytes(received)))


def problem(answer: Answer) -> int:
    """Return the status of a problem, and check its headers."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert len(answer.headers["x-request-id"]) == 32
    assert "date" in answer.headers
    told = json.loads(answer.body)
    assert (told["type"], told["status"]) == ("about:blank", answer.status)
    assert set(told) == {"type", "title", "status", "detail"}
    return answer.status


def _split(received: bytes) -> Iterator[Answer]:
    while received:
        found = _one_answer.match(received)
        assert found, received[:200]
        lines = (line.split(": ", 1) for line in found[2].decode().splitlines())
        headers = {name.lower(): value for name, value in lines}
        end = found.end() + int(headers.get("content-length", 0))
        yield Answer(int(found[1]), headers, received[found.end() : end])
        received = received[end:]


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body
