"""Flow control: large responses are written piece by piece, and the bytes that wait in memory have a limit.

uvicorn hands the body of a response to the transport at once, whatever its size. A client that reads nothing then
keeps a whole page in memory. Here the next piece waits until the transport has sent the one before.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle
from uvicorn.server import ServerState

PIECE: Final = 64 * 1024
"""Bytes of a body that the transport is given at once."""

_SPECIAL: Final = frozenset({b"connection", b"transfer-encoding"})
"""Response headers that change how uvicorn sends the response."""

_CONTROLS: Final = bytes({*range(32), 127} - {*b"\t"})
"""Control characters that no header may contain."""

Connection = TypeVar("Connection")


class ByteBudget(Generic[Connection]):
    """A limit on the bytes that all connections of a server keep in memory.

    When the limit is passed, the connection whose bytes have not moved for the longest time is dropped. A new one is
    not refused instead: clients that are stuck could then shut out all others.

    Args:
        limit: bytes, over all connections.
        drop: ends a connection.
    """

    def __init__(self, limit: int, drop: Callable[[Connection], None]) -> None:
        self.limit = limit
        self.used = 0
        self._drop = drop
        self._held: OrderedDict[Connection, tuple[int, bytes]] = OrderedDict()
        self._sharers: dict[int, int] = {}

    def hold(self, connection: Connection, size: int, body: bytes = b"") -> None:
        """Set the number of bytes of a connection. Its bytes have moved just now.

        Args:
            connection: whose bytes they are.
            size: how many bytes it keeps for itself.
            body: what it keeps besides. One object that several connections send, as from a cache, counts once.
        """
        self.release(connection)
        self._held[connection] = size, body
        sharers = self._sharers.get(id(body), 0)
        self._sharers[id(body)] = sharers + 1
        self.used += size if sharers else size + len(body)
        while self.used > self.limit and len(self._held) > 1:
            slowest = next(iter(self._held))
            self.release(slowest)
            self._drop(slowest)

    def release(self, connection: Connection) -> None:
        """Remove a connection."""
        held = self._held.pop(connection, None)
        if held is None:
            return
        size, body = held
        sharers = self._sharers.pop(id(body)) - 1
        if sharers:
            self._sharers[id(body)] = sharers
        self.used -= size if sharers else size + len(body)


class Budgets:
    """The limits of one server. A process has one server.

    Args:
        unsent: for responses that clients have not taken yet.
        unfinished: for bodies of requests of which the rest is still to come.
    """

    def __init__(self, unsent: ByteBudget[Any], unfinished: ByteBudget[Any]) -> None:
        self.unsent = unsent
        self.unfinished = unfinished


_budgets: WeakKeyDictionary[ServerState, Budgets] = WeakKeyDictionary()


def budgets_of(server: ServerState, make: Callable[[], Budgets]) -> Budgets:
    """The limits that all connections of a server share, made with the first connection."""
    budgets = _budgets.get(server)
    if budgets is None:
        budgets = _budgets[server] = make()
    return budgets


class ResponseSender:
    """The `send` of an ASGI application. Most responses are written at once, and the body of a large one in pieces.

    uvicorn itself writes the head and the body one after the other, each by a system call, and checks each header by
    two regular expressions. A response that is not as simple as most is left to uvicorn.

    Args:
        cycle: the request and its response, as uvicorn has them.
        hold: called with the large body that is being sent, and with `b""` at its end.
    """

    __slots__ = ("_cycle", "_head", "_hold")

    def __init__(self, cycle: RequestResponseCycle, hold: Callable[[bytes], None]) -> None:
        self._cycle = cycle
        self._hold = hold
        self._head: Any = None

    async def __call__(self, message: Any) -> None:
        """Send one message. The head waits for the first piece of the body."""
        cycle = self._cycle
        if self._head is None and message["type"] == "http.response.start":
            self._head = message
            return
        if self._head is not None and not cycle.response_started:
            response = self._simple_response(message)
            if response is not None:
                cycle.response_started = cycle.response_complete = True
                cycle.transport.write(response)
                cycle.message_event.set()
                cycle.on_response()
                return
            if cycle.waiting_for_100_continue and cycle.more_body:
                # A final response instead of `100 Continue` (RFC 9110, section 10.1.1): the client may send the body,
                # or leave it out and send its next request. The server cannot know which, so it closes the connection.
                cycle.keep_alive = False
            await cycle.send(self._head)
        if len(message.get("body", b"")) > PIECE and cycle.scope["method"] != "HEAD":
            await self._send_in_pieces(message)
        else:
            await cycle.send(message)

    def _simple_response(self, message: Any) -> bytes | None:
        """Return the whole response as it is written, or None if anything about it is special."""
        cycle, body = self._cycle, message.get("body", b"")
        if (
            message.get("more_body")
            or len(body) > PIECE
            or not cycle.keep_alive
            or cycle.waiting_for_100_continue
            or cycle.disconnected
            or cycle.flow.write_paused
            or cycle.scope["method"] == "HEAD"
        ):
            return None
        headers = cycle.default_headers + self._head["headers"]
        names = dict(headers)
        if names.get(b"content-length") != b"%d" % len(body) or not _SPECIAL.isdisjoint(names):
            return None
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        if len(lines) - len(lines.translate(None, _CONTROLS)) != 2 * len(headers):
            return None  # there are others than the line ends: uvicorn refuses such a header
        return b"%b%b\r\n%b" % (STATUS_LINE[self._head["status"]], lines, body)

    async def _send_in_pieces(self, message: Any) -> None:
        """Send a body. Each `send` waits until the transport has sent the piece before.

        The pieces are copies: a slice by `memoryview` would keep all of the body in memory up to its last byte.
        """
        body, more_body = message["body"], message.get("more_body", False)
        self._hold(body)
        try:
            for start in range(0, len(body), PIECE):
                end = start + PIECE
                piece: Any = {**message, "body": body[start:end], "more_body": more_body or end < len(body)}
                await self._cycle.send(piece)
                if self._cycle.disconnected:
                    return
        finally:
            self._hold(b"")


class ParserFlowControl(FlowControl):
    """uvicorn's flow control, which reads nothing more while bytes wait for the parser."""

    is_held = False

    def resume_reading(self) -> None:
        """Read on, unless bytes are waiting."""
        if not self.is_held:
            super().resume_reading()
