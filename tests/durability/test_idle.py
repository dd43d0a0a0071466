"""Clients who connect and then do nothing keep nobody else out."""

import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

from tests.durability.stored import Stored, assert_works

_IDLE = (b"", b"GET /api/posts/ HT", b"POST /api/posts/ HTTP/1.1\r\nHost: blog\r\nContent-Length: 9\r\n\r\n{", b"\r\n")


def test_four_hundred_idle_connections_block_no_client(sqlite: Stored) -> None:
    token = sqlite.add_users("alice").log_in("alice")
    with sqlite.serving() as server, ExitStack() as stack:
        at = urlsplit(server.url)
        for number in range(400):
            idle = stack.enter_context(socket.create_connection((at.hostname, at.port), 10))
            idle.sendall(_IDLE[number % 4])
        for _ in range(5):
            assert_works(server, token)
