"""Checks of a request's head: its size, and everything that a proxy could read differently (request smuggling).

httptools reads strictly, but leaves the rules about several headers at once to its callers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from blog.entrypoints.http.errors import HttpError

MAX_TARGET_BYTES: Final = 16 * 1024
MAX_HEAD_BYTES: Final = 64 * 1024
"""Bytes of all headers together, each with its colon, space and line end."""
MAX_HEADERS: Final = 200

_host = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")


@dataclass(frozen=True, slots=True)
class Framing:
    """How the body of a request is framed (RFC 9112, section 6)."""

    length: int = 0
    is_chunked: bool = False

    @property
    def has_body(self) -> bool:
        """Whether there is a body. It may be empty if it is chunked."""
        return self.is_chunked or self.length > 0


_NO_BODY: Final = Framing()


def check_head(headers: Sequence[tuple[bytes, bytes]], version: str, method: bytes) -> Framing:
    """Refuse a request whose end or target a proxy in front of us could read differently.

    Returns:
        How the body is framed.

    Raises:
        HttpError: it is too large, or can be read in two ways.
    """
    hosts: list[bytes] = []
    lengths: list[bytes] = []
    codings: list[bytes] = []
    size = 4 * len(headers)
    for name, value in headers:
        size += len(name) + len(value)
        if name == b"host":
            hosts.append(value)
        elif name == b"content-length":
            lengths.append(value)
        elif name == b"transfer-encoding":
            codings.append(value)
    if len(headers) > MAX_HEADERS or size > MAX_HEAD_BYTES:
        raise head_too_large()
    fault = _fault(hosts, lengths, codings, version)
    if fault is not None:
        raise malformed(fault)
    if codings:
        framing = Framing(is_chunked=True)
    elif lengths:
        framing = Framing(int(lengths[0]))  # httptools has checked that it is a number
    else:
        return _NO_BODY
    if framing.has_body and method == b"CONNECT":  # the body would be for another server
        raise malformed("CONNECT has no body.")
    return framing


def target_too_long() -> HttpError:
    """Return the error for a target that is too long."""
    return HttpError(HTTPStatus.REQUEST_URI_TOO_LONG, f"The address has more than {MAX_TARGET_BYTES} bytes.")


def head_too_large() -> HttpError:
    """Return the error for headers that are too many or too long."""
    limits = f"There are more than {MAX_HEADERS} headers, or more than {MAX_HEAD_BYTES} bytes of them."
    return HttpError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, limits)


def malformed(detail: str = "This is not HTTP/1.1 as RFC 9112 has it.") -> HttpError:
    """Return the error for a violation of HTTP."""
    return HttpError(HTTPStatus.BAD_REQUEST, detail)


def _fault(hosts: list[bytes], lengths: list[bytes], codings: list[bytes], version: str) -> str | None:
    if version not in {"1.0", "1.1"}:
        return "This is not HTTP/1.1."
    if len(hosts) > 1 or (version == "1.1" and not hosts) or not all(map(_host.fullmatch, hosts)):
        return "There must be one Host."
    if len(lengths) + len(codings) > 1:
        return "The end of the body is told twice."
    if codings and (version == "1.0" or codings[0].lower() != b"chunked"):
        return "The only transfer coding is chunked, in HTTP/1.1."
    return None
