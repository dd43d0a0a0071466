"""Lingering close: a client that is still sending gets the response before the connection is closed."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: close resets the connection and discards unsent bytes."""


class LingeringTransport:
    """A transport that goes on reading for a while before it closes.

    Closed at once, the connection is reset, and the answer is lost to whoever reads it only after all is sent.
    """

    def __init__(self, transport: asyncio.Transport, still_sends: Callable[[], bool], heard_out: float) -> None:
        self._transport = transport
        self._still_sends = still_sends
        self._heard_out = heard_out
        self._closing = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Return whether it is closed or closing."""
        return self._closing or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Write the bytes."""
        self._transport.write(data)

    def abort(self) -> None:
        """Drop the connection and its unsent bytes. Otherwise the kernel would go on sending them for minutes."""
        with suppress(OSError):
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def close(self) -> None:
        """Close the connection: at once, or some seconds after the last write if the client is still sending."""
        if self.is_closing() or not self._still_sends():
            self._transport.close()
            return
        self._closing = True
        self._transport.write_eof()
        self._transport.resume_reading()
        asyncio.get_running_loop().call_later(self._heard_out, self._transport.close)
