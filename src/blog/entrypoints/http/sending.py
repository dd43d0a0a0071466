"""An answer that is whole goes out in one write.

uvicorn takes a write for the head and one for the body, and looks at each header by two regular expressions. Whatever
is not as simple as most answers is left to uvicorn.
"""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_WITH_BODY: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
"""HEAD is answered without the body whose length is told."""

_SPECIAL: Final = frozenset({b"connection", b"transfer-encoding"})
"""Headers by which uvicorn does something else."""


class Sending:
    """Where an application sends its answer to one request.

    Args:
        cycle: the request, as uvicorn has it.
    """

    __slots__ = ("_cycle", "_head")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._head: Any = None

    async def __call__(self, message: Any) -> None:
        """Send a part of the answer: the head waits for the first piece of the body."""
        if message["type"] == "http.response.start" and self._head is None:
            self._head = message
            return
        if self._head is not None and not self._cycle.response_started:
            if whole := self._whole(message):
                self._send(whole)
                return
            await self._cycle.send(self._head)
        await self._cycle.send(message)

    def _whole(self, message: Any) -> bytes | None:
        """The answer, if it is whole and simple."""
        cycle, body = self._cycle, message.get("body", b"")
        headers = cycle.default_headers + self._head["headers"]
        is_simple = cycle.keep_alive and cycle.scope["method"] in _WITH_BODY
        if not is_simple or message.get("more_body") or cycle.disconnected or cycle.flow.write_paused:
            return None
        told = dict(headers)
        if told.get(b"content-length") != b"%d" % len(body) or not _SPECIAL.isdisjoint(told):
            return None
        head = b"".join([b"%b: %b\r\n" % header for header in headers])
        ends = len(headers)
        if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
            return None  # a header holds the end of a line: uvicorn will refuse it
        return b"%b%b\r\n%b" % (STATUS_LINE[self._head["status"]], head, body)

    def _send(self, whole: bytes) -> None:
        cycle = self._cycle
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(whole)
        cycle.message_event.set()
        cycle.on_response()


def sent_whole(app: Any, cycle: RequestResponseCycle) -> Any:
    """The application, whose answer to this request is sent in one write if it can be."""
    return lambda scope, receive, _send: app(scope, receive, Sending(cycle))
