"""The hardened HTTP protocol: refusals before the application is called, and timeouts for slow and silent clients.

uvicorn has no limits and hardly a timeout of its own. A refusal is a response like any other: it is sent in order, and
through the application's `SecurityHeadersMiddleware`, which adds the headers of all responses.
"""

import asyncio
from enum import Enum
from http import HTTPStatus
from typing import Any, Final, TypeAlias, cast

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from blog.entrypoints.http.errors import HttpError

from .flow_control import Budgets, ByteBudget, ParserFlowControl, ResponseSender, budgets_of
from .lingering_close import LingeringTransport
from .request_head import (
    MAX_HEAD_BYTES,
    MAX_TARGET_BYTES,
    Framing,
    check_head,
    head_too_large,
    malformed,
    target_too_long,
)
from .upgrade_offers import parser_of_body

_PART: Final = 16 * 1024
"""Bytes of one read. No limit is exceeded by more."""
_PARSED_AT_ONCE: Final = 32 * 1024
"""Bytes that are parsed before other connections get their turn: few bytes can cause much work."""
_END_OF_HEAD: Final = b"\r\n\r\n"


class _Stage(Enum):
    """The part of a request that comes next."""

    START = "start"
    HEAD = "head"
    BODY = "body"


_Owed: TypeAlias = tuple[float, _Stage, RequestResponseCycle | None]
"""A wait of the server: its timeout in seconds, the stage, and the request."""


class HardenedProtocol(HttpToolsProtocol):
    """One connection of uvicorn, with limits and timeouts."""

    head_within: float = 10
    """Seconds for the head of the first request, and of each later request from its first byte on.
    uvicorn's `timeout_keep_alive` limits the silence between two requests.
    """
    body_within: float = 15
    """Seconds until a body begins, and for which the client may be silent within it."""
    body_rate: float = 2000
    """Bytes of a body that extend its timeout by a second: a slow client may go on if it is steady."""
    read_within: float = 40
    """Seconds within which the client has to read some of its response. It is dropped after twice as long at the
    latest.
    """
    read_within_stopping: float = 2.5
    """The same while the server stops."""
    heard_out: float = 2
    """Seconds for which a client may go on sending after the last response (lingering close)."""
    most_unsent: int = 64 * 1024 * 1024
    """Unsent bytes of responses of all clients together."""
    most_unfinished: int = 64 * 1024 * 1024
    """Bytes of incomplete bodies of all clients together."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stage = _Stage.START
        self._turn: RequestResponseCycle | None = None
        self._refused = False
        self._lines = 0
        self._fault: HttpError | None = None
        self._waiting = b""
        self._parses_soon = False
        self._framing = Framing()
        self._received = self._received_before = 0
        self._offers_upgrade = False
        self._sending = b""
        self._budgets = budgets_of(self.server_state, self._make_budgets)
        self._owed: _Owed | None = None
        self._due = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def _make_budgets(self) -> Budgets:
        return Budgets(
            unsent=ByteBudget(self.most_unsent, HardenedProtocol._drop_reader),
            unfinished=ByteBudget(self.most_unfinished, HardenedProtocol._drop_writer),
        )

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        transport.set_write_buffer_limits(high=0)  # so that pause_writing is called for every unsent byte
        lingering = LingeringTransport(transport, self._still_sends, self.heard_out)
        super().connection_made(cast("asyncio.Transport", lingering))
        self.flow: ParserFlowControl = ParserFlowControl(self.transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._waiting = b""
        self._budgets.unsent.release(self)
        self._budgets.unfinished.release(self)
        for timer in (self._deadline, self._reading):
            if timer is not None:
                timer.cancel()

    def shutdown(self) -> None:
        """Close the connection, or make its current response the last one. Idle readers time out sooner now."""
        self.read_within = self.read_within_stopping
        super().shutdown()
        if self.flow.write_paused:
            self._check_reading()

    # Requests.

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._waiting = self._waiting + data if self._waiting else data
        self._parse()

    def _parse(self) -> None:
        """Parse the received bytes up to the end of one request. The rest waits as bytes: parsed, it takes a hundred
        times as much memory.
        """
        start, end = 0, min(len(self._waiting), _PARSED_AT_ONCE)
        try:
            while start < end and not (self._stage is _Stage.START and self._is_answering()):
                start += self._read(self._waiting[start : self._end_of_part(start)])
        except HttpError as refused:
            self._refuse(refused)
        except httptools.HttpParserError as error:
            cause = error.__context__  # raised by one of the callbacks below
            self._refuse(cause if isinstance(cause, HttpError) else malformed())
        if start < len(self._waiting) or self.flow.is_held:
            self._keep_waiting(b"" if self._refused else self._waiting[start:])
        else:
            self._waiting = b""
        if self._received:
            self._count_unfinished()
        self._watch()

    def _parse_on(self) -> None:
        """Go on after other connections had their turn."""
        self._parses_soon = False
        if not self.transport.is_closing():
            self._parse()

    def _end_of_part(self, start: int) -> int:
        """Return where to stop parsing for a check: a part has at most the rest of one head, or of one body."""
        if self._stage is _Stage.BODY and not self._framing.is_chunked:
            return start + min(_PART, max(self._framing.length - self._received, 1))
        found = self._waiting.find(_END_OF_HEAD, start, start + _PART)
        return start + _PART if found < 0 else found + len(_END_OF_HEAD)

    def _keep_waiting(self, rest: bytes) -> None:
        """Keep the rest for later, and pause reading until then."""
        self._waiting = rest
        if rest:
            self.flow.is_held = True
            self.flow.pause_reading()
            is_next_early = self._stage is _Stage.START and self._is_answering()
            if not (is_next_early or self._parses_soon):
                self._parses_soon = True
                self.loop.call_soon(self._parse_on)
        elif self.flow.is_held:
            self.flow.is_held = False
            if self._turn is None or len(self.cycle.body) <= HIGH_WATER_LIMIT:
                self.flow.resume_reading()

    def _read(self, part: bytes) -> int:
        """Parse a part, and return how much of it was parsed. Between two pieces of body is a head, a trailer or
        the size of a chunk: none of them may go on for ever.
        """
        self._lines += len(part)
        read = len(part)
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserUpgrade as upgrade:  # at the end of a request that offers another protocol
            read = upgrade.args[0]
            if self._offers_upgrade:
                self._offers_upgrade = False
                keep_alive = self.cycle.keep_alive
                self.parser = parser_of_body(self, self.parser, self._framing, keep_alive=keep_alive)
        if self._lines > MAX_TARGET_BYTES + MAX_HEAD_BYTES:
            raise self._fault or head_too_large()
        return read

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._stage = _Stage.HEAD
        self._lines = 0
        self._fault = None

    def on_url(self, url: bytes) -> None:
        """Store the target. One that is too long is refused after the head, which may have an `Origin` for CORS."""
        if self._fault is None:
            self.url += url
            if len(self.url) > MAX_TARGET_BYTES:
                self._fault = target_too_long()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Do as uvicorn does, but ignore trailers."""
        if self._stage is not _Stage.HEAD:
            return
        name = name.lower()
        self.headers.append((name, value))
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True

    def on_headers_complete(self) -> None:
        if self._fault is not None:
            raise self._fault
        version = self.parser.get_http_version()
        self._framing = check_head(self.headers, version, self.parser.get_method())
        self._offers_upgrade = self._framing.has_body and self.parser.should_upgrade()
        self._received = self._received_before = 0
        if version == "1.0":
            self.expect_100_continue = False  # RFC 9110, section 10.1.1
        super().on_headers_complete()
        self._stage = _Stage.BODY

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._lines = 0
        self._received += len(body)

    def on_message_complete(self) -> None:
        if self._offers_upgrade:  # only the parser believes that it has no body
            return
        super().on_message_complete()
        self._stage = _Stage.START
        if self._received:
            self._budgets.unfinished.release(self)

    def _count_unfinished(self) -> None:
        if self._stage is _Stage.BODY and self._received and not self._refused and self._is_answering():
            self._budgets.unfinished.hold(self, self._received)
        else:
            self._budgets.unfinished.release(self)

    def _drop_writer(self) -> None:
        self._refuse(HttpError(HTTPStatus.SERVICE_UNAVAILABLE, "Too many requests are on their way at once."))
        self._watch()

    # Responses.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._turn = cycle
        sender = ResponseSender(cycle, self._hold)
        super()._start_asgi_task(cycle, lambda scope, receive, _: app(scope, receive, sender))

    def _hold(self, body: bytes) -> None:
        """Count the body that is being sent, and all other unsent bytes."""
        self._sending = body
        self._count_unsent()

    def _count_unsent(self) -> None:
        if self._sending or self.flow.write_paused:
            self._budgets.unsent.hold(self, self.transport.get_write_buffer_size(), self._sending)
        else:
            self._budgets.unsent.release(self)

    def _drop_reader(self) -> None:
        self.transport.abort()

    def _is_answering(self) -> bool:
        turn = self._turn
        return turn is not None and not (turn.response_complete or turn.disconnected)

    def on_response_complete(self) -> None:
        """Do as uvicorn does, without its timer for the next request, which it sets and cancels each time."""
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
            if self._waiting:
                self._parse()
            else:
                self._watch()

    def _refuse(self, refused: HttpError) -> None:
        """Send one last response, after those to earlier requests, and read nothing more."""
        self._refused = True
        if self._stage is _Stage.BODY and self.cycle.response_started:
            self.transport.close()
            return
        if self._stage is _Stage.BODY:
            self._withdraw()
        self.cycle = self._refusing(refused)
        if self._is_answering():
            self.pipeline.appendleft((self.cycle, self.app))
        else:
            self._start_asgi_task(self.cycle, self.app)

    def _withdraw(self) -> None:
        """Report a disconnect to the application. Its response is discarded."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        if self.cycle is not self._turn:
            self.pipeline.popleft()

    def _refusing(self, refused: HttpError) -> RequestResponseCycle:
        """A turn for which no more of the request is known than an answer needs: its method, and its origin.

        The origin is not known where the head was not read so far.
        """
        read = [] if self._stage is _Stage.START else self.headers
        origins = [(name, value) for name, value in read if name == b"origin"]
        scope: Any = {"type": "http", "http_version": "1.1", "method": self.parser.get_method().decode()}
        scope |= {"headers": origins, "refused": refused, "has_no_head": self._stage is not _Stage.BODY and not origins}
        scope |= {"path": "", "raw_path": b"", "query_string": b"", "root_path": ""}
        scope |= {"client": self.client, "server": self.server, "scheme": self.scheme}
        return RequestResponseCycle(
            scope,
            self.transport,
            self.flow,
            self.logger,
            self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )

    # Timeouts.

    def _watch(self) -> None:
        """Set the timeout for the next bytes of the client, if they are others than before.

        A timer that goes off too early is set again: so a client who is quick costs no timer for each request.
        """
        owed = self._what_is_owed()
        if owed == self._owed:
            self._prolong()
            return
        self._owed = owed
        if owed is None:
            return
        self._received_before = self._received
        self._due = self.loop.time() + owed[0]
        if self._deadline is None or self._deadline.when() > self._due:
            self._set_deadline()

    def _set_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_at(self._due, self._look)

    def _look(self) -> None:
        """Whether the client is late."""
        self._deadline = None
        if self._owed is None or self._refused or self.transport.is_closing():
            return
        if self.loop.time() < self._due:
            self._set_deadline()
        else:
            self._expire()

    def _prolong(self) -> None:
        """Extend the timeout by the received bytes of a body. The limit of silence stays."""
        received = self._received - self._received_before
        if received and self._stage is _Stage.BODY and self._is_answering():
            self._received_before = self._received
            self._due = min(self._due + received / self.body_rate, self.loop.time() + self.body_within)

    def _what_is_owed(self) -> _Owed | None:
        """Return what the server waits for: the rest of a body, or the next request; None while it has to respond."""
        stage, turn = self._stage, self._turn
        if stage is _Stage.BODY and self.cycle is turn:
            return self.body_within, stage, turn
        if self._is_answering():
            return None
        if turn is None:  # the first request: it begins with the connection
            return self.head_within, _Stage.HEAD, None
        return (self.head_within if stage is _Stage.HEAD else self.timeout_keep_alive), stage, turn

    def _expire(self) -> None:
        if self._stage is _Stage.START:
            self.transport.close()
        else:
            self._refuse(self._fault or HttpError(HTTPStatus.REQUEST_TIMEOUT, "The request was not complete in time."))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._count_unsent()
        self._check_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._count_unsent()
        if self._reading is not None:
            self._reading.cancel()

    def _check_reading(self, unread_before: float = float("inf")) -> None:
        """Drop a client that has read nothing since the last check. It does not matter what else it is doing: every
        byte that waits, also after `close()`, waits for it.
        """
        if self._reading is not None:
            self._reading.cancel()
        unread = self.transport.get_write_buffer_size()
        if unread < unread_before:
            self._reading = self.loop.call_later(self.read_within, self._check_reading, unread)
        else:
            self.transport.abort()

    def _still_sends(self) -> bool:
        """Whether the client has begun a request that is not complete."""
        return self._refused or self._stage is _Stage.BODY or bool(self._waiting)
