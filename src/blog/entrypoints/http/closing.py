"""How a connection ends: not before the client has heard why."""

import asyncio
from collections.abc import Callable
from typing import Any


class PatientTransport:
    """A transport that hears a client out before it closes.

    Closed at once, the connection is reset, and the answer is lost to whoever reads it only after all is sent.
    """

    def __init__(self, transport: asyncio.Transport, still_sends: Callable[[], bool], heard_out: float) -> None:
        self._transport = transport
        self.write = transport.write  # at hand, since each answer needs it
        self._still_sends = still_sends
        self._heard_out = heard_out
        self._closing = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._closing or self._transport.is_closing()

    def close(self) -> None:
        """Close it: at once, or some seconds after the last word to a client who is still sending."""
        if self.is_closing() or not self._still_sends():
            self._transport.close()
            return
        self._closing = True
        self._transport.write_eof()
        self._transport.resume_reading()
        asyncio.get_running_loop().call_later(self._heard_out, self._transport.close)
