"""Safe retries with `Idempotency-Key`: a client that got no response sends its request again under the same key.

As in the IETF's draft (draft-ietf-httpapi-idempotency-key-header). The key is a string as in RFC 9651, in quotes. Most
clients send it without quotes, and that is accepted too.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec import Struct, msgpack

from blog.domain.accounts.actors import Member
from blog.domain.blog import Blog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.idempotency import MAX_KEY_LENGTH, RETENTION, check_key
from blog.entrypoints.http.response import Response, json_response

from .body import Body

KEY_HEADER: Final[Mapping[str, dict[str, Any]]] = {
    "Idempotency-Key": {
        "type": "string",
        "pattern": rf'^([!#-~][!-~]{{0,{MAX_KEY_LENGTH - 1}}}|"([!#-\[\]-~]|\\["\\]){{1,{MAX_KEY_LENGTH}}}")$',
        "description": "A random value, such as a UUID. The same request with the same key within "
        f"{RETENTION.days * 24} hours gets the same response, and is not executed again.",
    }
}
"""Request headers of an idempotent route."""

REPLAYED_HEADER: Final[Mapping[str, str]] = {
    "Idempotency-Replayed": "`true` if the response is a replay. Otherwise absent.",
}
"""Response headers of an idempotent route."""

MAX_RECORD_BYTES: Final = 1_000_000
"""Bytes of a stored response. A larger one is replaced by `_Done`."""

_STORED_HEADERS: Final = frozenset({b"location", b"etag"})
"""Headers of a large response that are stored: they lead to the changed resource."""

_REPLAYED: Final = (b"idempotency-replayed", b"true")


class _Done(Struct):
    """The response that is replayed in place of a large one."""

    detail: str = (
        "This request was processed before. The response was too large to be stored: read the changed data again."
    )


_quoted = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with an `Idempotency-Key`, and all in it that distinguishes it from another request."""

    key: str
    content: bytes = field(repr=False)


def parse_key(lines: Sequence[str]) -> str:
    """Return the key, which is bare or in quotes.

    Args:
        lines: the values of all header lines `Idempotency-Key`, at least one.

    Raises:
        ValidationFailed: there are several, the quotes are wrong, or it is not a key.
    """
    if len(lines) > 1:
        raise ValidationFailed([FieldError("Idempotency-Key", "must stand only once")])
    key = lines[0]
    if key.startswith('"'):
        quoted = _quoted.fullmatch(key)
        if quoted is None:
            raise ValidationFailed([FieldError("Idempotency-Key", "is not a string as RFC 9651 has it")])
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    check_key(key)
    return key


def make_keyed_request(key: str, scope: Any, body: Body, *, hides_body: bool) -> KeyedRequest:
    """Return the request with its key.

    Args:
        key: the parsed key.
        scope: of the request.
        body: of the request.
        hides_body: whether the body holds a password, so that its stored digest must not be quick to guess.
    """
    path, media_type = scope["path"].rstrip("/"), body.headers.get(b"content-type", b"").decode("latin-1")
    content = msgpack.encode((scope["method"], path, media_type, body.raw))
    return KeyedRequest(key, _stretch(content, key) if hides_body else content)


def replay(blog: Blog, actor: Member, request: KeyedRequest) -> Response | None:
    """Return the response that was given to the same request before, or None.

    Call it in the unit of work of the request, after its permission was checked: a client who
    has lost a permission cannot replay an old response. The key is locked until the unit of work ends.

    Raises:
        KeyReused: the key belongs to another request.
        ResponseNotStored: the response had a secret, or a post that was deleted since.
    """
    stored = blog.idempotency.replay(actor, request.key, request.content)
    if stored is None:
        return None
    response = msgpack.decode(stored, type=Response)
    response.headers.append(_REPLAYED)
    return response


def store_response(blog: Blog, actor: Member, request: KeyedRequest, response: Response, *, is_secret: bool) -> None:
    """Store the response, in the unit of work of the request."""
    packed = None if is_secret else pack(response)
    blog.idempotency.record(actor, request.key, request.content, packed)


def pack(response: Response) -> bytes:
    """Return the response as it is stored. One that is too large is replaced by a short one that says so."""
    whole = msgpack.encode(response)
    if len(whole) <= MAX_RECORD_BYTES:
        return whole
    headers = {name.decode(): value.decode() for name, value in response.headers if name in _STORED_HEADERS}
    return msgpack.encode(json_response(_Done(), headers, status=response.status))


def _stretch(content: bytes, key: str) -> bytes:
    """Hash a request that holds a password. The stored digest must not be quicker to guess by than the hash of the
    password itself (scrypt by the parameters of OWASP's cheat sheet on password storage).
    """
    return hashlib.scrypt(content, salt=key.encode(), n=2**14, r=8, p=5)
