"""Offers to change the protocol, which are ignored (RFC 9110, section 7.8): the body that follows is read.

Java's HTTP client offers HTTP/2 with each first request, and `curl --http2` does too. httptools takes whatever follows
such a head for the other protocol. So a parser that has seen the same head without the offer reads the body.
"""

from typing import Any

import httptools

from .request_head import Framing


class _Callbacks:
    """The callbacks of a protocol, of which those about a head are called from the second head on."""

    def __init__(self, protocol: Any) -> None:
        self.on_body = protocol.on_body
        self.on_message_complete = protocol.on_message_complete
        self._protocol = protocol
        self._is_silent = True

    def on_message_begin(self) -> None:
        if not self._is_silent:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._is_silent:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_silent:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._is_silent:
            self._is_silent = False
        else:
            self._protocol.on_headers_complete()


def parser_of_body(
    protocol: Any, offered: httptools.HttpRequestParser, framing: Framing, *, keep_alive: bool
) -> httptools.HttpRequestParser:
    """A parser that goes on with the body of a request, and then with the requests that follow.

    Args:
        protocol: has the callbacks.
        offered: the parser that has read the head with the offer.
        framing: how the body is framed.
        keep_alive: whether other requests may follow.
    """
    parser = httptools.HttpRequestParser(_Callbacks(protocol))
    parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as in uvicorn
    framed = b"Transfer-Encoding: chunked" if framing.is_chunked else b"Content-Length: %d" % framing.length
    closes = b"" if keep_alive else b"Connection: close\r\n"
    start = b"%b / HTTP/%b" % (offered.get_method(), offered.get_http_version().encode())
    parser.feed_data(b"%b\r\n%b%b\r\n\r\n" % (start, closes, framed))
    return parser
