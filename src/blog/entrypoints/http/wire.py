"""What the server refuses before the application hears of it, and how long it waits for whoever is slow or silent.

uvicorn has no limits and hardly a deadline of its own. A refusal is an answer like any other: it waits for its turn,
and is sent by the application's `Edge`, which gives it the headers that all answers have.
"""

import asyncio
from enum import Enum
from http import HTTPStatus
from typing import Any, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .closing import PatientTransport
from .heads import LARGEST_HEAD, LARGEST_TARGET, check_head, check_target, head_too_large, malformed
from .problems import Refused
from .sending import sent_whole

_PART: Final = 16 * 1024
"""Bytes that are read at once: no limit is passed by more."""


class _Stage(Enum):
    """Which part of a request comes next."""

    START = "start"
    HEAD = "head"
    BODY = "body"


class Wire(HttpToolsProtocol):
    """One connection, as uvicorn has it, with limits and deadlines."""

    head_within: float = 10
    """Seconds that a client has for its first request, and from each answer for the next one, up to the body."""
    body_within: float = 15
    """Seconds that it has for a body."""
    read_within: float = 60
    """Seconds in which it has to read some of a long answer. A kernel tells late, and of a megabyte at a time."""
    heard_out: float = 2
    """Seconds for which it may go on sending what is no longer wanted."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stage = _Stage.START
        self._turn: RequestResponseCycle | None = None
        self._refused = False
        self._lines = 0
        self._fault: Refused | None = None
        self._owed: tuple[float, RequestResponseCycle | None] | None = None
        self._due = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(
            cast("asyncio.Transport", PatientTransport(transport, self._still_sends, self.heard_out))
        )
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._deadline, self._reading):
            if timer is not None:
                timer.cancel()

    # What comes in.

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        try:
            if len(data) <= _PART:
                self._read(data)
            else:
                sent = memoryview(data)
                for start in range(0, len(sent), _PART):
                    self._read(sent[start : start + _PART])
        except Refused as refused:
            self._refuse(refused)
        except httptools.HttpParserError as error:
            cause = error.__context__  # what one of the callbacks below has raised
            self._refuse(cause if isinstance(cause, Refused) else malformed())
        self._watch()

    def _read(self, part: bytes | memoryview) -> None:
        """Between two pieces of body is a head, a trailer or the size of a chunk: none of them may go on for ever."""
        self._lines += len(part)
        while part:
            part = self._unread(part)
        if self._lines > LARGEST_TARGET + LARGEST_HEAD:
            raise self._fault or head_too_large()

    def _unread(self, part: bytes | memoryview) -> bytes | memoryview:
        """Read up to where the client would go on in another protocol. It is not changed: so, what is left to read."""
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserUpgrade as upgrade:
            return part[upgrade.args[0] :]
        return part[:0]

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._stage = _Stage.HEAD
        self._lines = 0
        self._fault = None

    def on_url(self, url: bytes) -> None:
        """Keep the address. One that is too long is refused after the head, which may name the page that asks."""
        if self._fault is not None:
            return
        super().on_url(url)
        try:
            check_target(self.url)
        except Refused as refused:
            self._fault = refused

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._stage is _Stage.HEAD:  # and not a trailer: to uvicorn one is as good as the other
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._fault is not None:
            raise self._fault
        check_head(self.headers, self.parser.get_http_version(), upgrades=self.parser.should_upgrade())
        super().on_headers_complete()
        self._stage = _Stage.BODY

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._lines = 0

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._stage = _Stage.START

    # What goes out.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._turn = cycle
        super()._start_asgi_task(cycle, sent_whole(app, cycle))

    def _is_answering(self) -> bool:
        return self._turn is not None and not (self._turn.response_complete or self._turn.disconnected)

    def on_response_complete(self) -> None:
        """What uvicorn does, but for its timer for the next request, which it sets and takes back for each."""
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
        self._watch()

    def _refuse(self, refused: Refused) -> None:
        """Answer once, after all that was asked before, and listen no more."""
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
        """To the application the client has gone: what it may still answer goes nowhere."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        if self.cycle is not self._turn:
            self.pipeline.popleft()

    def _refusing(self, refused: Refused) -> RequestResponseCycle:
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

    # How long it may take.

    def _watch(self) -> None:
        """Set the deadline for what the client owes, if that is something else than before.

        A timer that goes off too early is set again: so a client who is quick costs no timer for each request.
        """
        owed = self._what_is_owed()
        if owed == self._owed:
            return
        self._owed = owed
        if owed is None:
            return
        self._due = self.loop.time() + owed[0]
        if self._deadline is None or self._deadline.when() > self._due:
            self._set_deadline()

    def _set_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_at(self._due, self._look)

    def _look(self) -> None:
        """Whether the client still owes something, and has had its time."""
        self._deadline = None
        if self._owed is None:
            return
        if self.loop.time() < self._due:
            self._set_deadline()
        else:
            self._expire()

    def _what_is_owed(self) -> tuple[float, RequestResponseCycle | None] | None:
        """The rest of a body, or the next request; nothing, as long as the server owes an answer."""
        if self._refused or self.transport.is_closing():
            return None
        if self._stage is _Stage.BODY and self.cycle is self._turn:
            return self.body_within, self._turn
        return None if self._is_answering() else (self.head_within, self._turn)

    def _expire(self) -> None:
        if self._stage is _Stage.START:
            self.transport.close()
        else:
            self._refuse(self._fault or Refused(HTTPStatus.REQUEST_TIMEOUT, "The request was not complete in time."))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._check_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()

    def _check_reading(self, unread_before: float = float("inf")) -> None:
        unread = self.transport.get_write_buffer_size()
        if unread < unread_before:
            self._reading = self.loop.call_later(self.read_within, self._check_reading, unread)
        else:
            self.transport.abort()

    def _still_sends(self) -> bool:
        """Whether more may come of what the client has begun to say."""
        return self._refused or self._stage is _Stage.BODY
