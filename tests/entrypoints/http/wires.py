"""A small application behind the real edge and the real wire, served within this process and spoken to by sockets."""

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

PATIENCE: Final = 30
"""Seconds after which a test gives up. Far more than any needs: no test is about time."""
LARGE: Final = 16 * 1024 * 1024

_one_answer = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r]*\r\n((?:[^\r]+\r\n)*)\r\n")


@dataclass(frozen=True)
class Answer:
    """One answer, as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


class Echo:
    """An application that tells what it was asked, at once or later, and remembers it."""

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
class Served:
    """Where it is served, and what it has been asked."""

    port: int
    echo: Echo
    server: uvicorn.Server

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """A client."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            yield connection

    @property
    def connections(self) -> list[HardenedProtocol]:
        """The connections that are open, as the server has them."""
        return [cast("HardenedProtocol", connection) for connection in list(self.server.server_state.connections)]

    def is_left_alone(self) -> bool:
        """Whether the server has, in the end, no connection left."""
        return eventually(lambda: not self.connections)

    def say(self, *parts: bytes) -> list[Answer]:
        """Every answer that comes to these bytes until the server closes the connection."""
        with self.connected() as connection:
            for part in parts:
                connection.sendall(part)
            return answers(connection)


@contextmanager
def served(wire: type[HardenedProtocol], *, cors: CrossOrigin | None = None, keep_alive: int = 5) -> Iterator[Served]:
    """The small application on a wire of this kind, which keeps idle connections for so many seconds."""
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
            yield Served(listener.getsockname()[1], echo, server)
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something holds before the test gives up."""
    end = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def request(start: str, *headers: str, body: bytes = b"") -> bytes:
    """A request that names its host."""
    return "\r\n".join([f"{start} HTTP/1.1", "Host: blog.test", *headers, "", ""]).encode() + body


def answers(connection: socket.socket) -> list[Answer]:
    """All that comes until the connection is closed, as whole answers and nothing else."""
    received = bytearray()
    while part := connection.recv(1024 * 1024):
        received += part
    return list(_split(bytes(received)))


def problem(answer: Answer) -> int:
    """The status of an answer that is a problem and has all that every answer of ours has."""
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
