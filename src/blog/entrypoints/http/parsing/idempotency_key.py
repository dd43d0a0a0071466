"""Requests that can be sent once more: whoever heard no answer repeats theirs under the same `Idempotency-Key`.

As in the IETF's draft (draft-ietf-httpapi-idempotency-key-header). The key is a string as RFC 9651 has it, in quotes;
without them, as it is sent nearly everywhere, it is taken too.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct, msgpack

from blog.domain.accounts.actors import Member
from blog.domain.blog import Blog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.idempotency import MAX_KEY_LENGTH, RETENTION, check_key
from blog.entrypoints.http.dispatch import ApiRequest
from blog.entrypoints.http.response import Answer, answer

from .request import Body, headers_of

KEY_HEADER: Final[Mapping[str, dict[str, Any]]] = {
    "Idempotency-Key": {
        "type": "string",
        "pattern": rf'^([!#-~][!-~]{{0,{MAX_KEY_LENGTH - 1}}}|"([!#-\[\]-~]|\\["\\]){{1,{MAX_KEY_LENGTH}}}")$',
        "description": "Something random, such as a UUID. Whoever sends the same request under it again within "
        f"{RETENTION.days * 24} hours is given the same answer, and nothing is done twice.",
    }
}
"""Of a route that takes a key."""

REPLAYED_HEADER: Final[Mapping[str, str]] = {
    "Idempotency-Replayed": "Only in an answer that was given before: true.",
}
"""What such a route may answer."""

RECORD_LARGEST: Final = 1_000_000
"""How many bytes of an answer are stored. No answer of ours has more."""

_STORED_HEADERS: Final = frozenset({b"location", b"etag"})
"""What of a large answer is stored besides its status: where to read what was done."""

_REPLAYED: Final = (b"idempotency-replayed", b"true")


class _Done(Struct):
    """What is answered in the place of a large answer."""

    detail: str = "This request was processed before. The answer was too large to be stored: read what was done."


_quoted = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')


def run_idempotent(  # noqa: PLR0913 - the request and who sent it, what it does, and what of it is secret
    request: ApiRequest,
    sent: Body,
    blog: Blog,
    actor: Member,
    act: Callable[[], Answer],
    *,
    is_secret: bool = False,
    takes_password: bool = False,
) -> Answer:
    """Do what the request asks; if it has a key, and was answered under it, give that answer.

    To be called in the unit of work in which it is done, after it was seen that they may: whoever no longer may is not
    told what they were answered when they might.

    Args:
        request: which may have a key.
        sent: its body.
        blog: open for this unit of work.
        actor: who sends it.
        act: does it, and answers.
        is_secret: whether the answer holds a secret, and so is not kept.
        takes_password: whether the body holds a password.

    Raises:
        ValidationFailed: of the key.
        KeyReused: it stands for another request.
        SecretToldOnce: the answer was secret.
    """
    keys = headers_of(request, b"idempotency-key")
    if not keys:
        return act()
    key = _key(keys)
    asked = _hardened(_asked(request, sent), key) if takes_password else _asked(request, sent)
    given: list[Answer] = []

    def act_and_pack() -> bytes:
        given.append(act())
        return packed(given[0])

    kept, is_replayed = blog.idempotency.run_once(actor, key, asked, act_and_pack, is_secret=is_secret)
    if not is_replayed:
        return given[0]
    replayed = msgpack.decode(kept, type=Answer)
    replayed.headers.append(_REPLAYED)
    return replayed


def packed(given: Answer) -> bytes:
    """The answer as it is stored. Of one that is too large, it is stored that it was given, and where to read on."""
    whole = msgpack.encode(given)
    if len(whole) <= RECORD_LARGEST:
        return whole
    headers = {name.decode(): value.decode() for name, value in given.headers if name in _STORED_HEADERS}
    return msgpack.encode(answer(_Done(), headers, status=given.status))


def check_key_of(request: ApiRequest) -> None:
    """Check the key, if there is one, before slow work is done for the request.

    Raises:
        ValidationFailed: of the key.
    """
    if keys := headers_of(request, b"idempotency-key"):
        check_key(_key(keys))


def _key(said: list[str]) -> str:
    """The key, bare or in quotes.

    Raises:
        ValidationFailed: there is more than one, or the quotes are wrong.
    """
    if len(said) > 1:
        raise ValidationFailed([FieldError("Idempotency-Key", "must stand only once")])
    if not said[0].startswith('"'):
        return said[0]
    quoted = _quoted.fullmatch(said[0])
    if quoted is None:
        raise ValidationFailed([FieldError("Idempotency-Key", "is not a string as RFC 9651 has it")])
    return re.sub(r"\\(.)", r"\1", quoted[1])


def _asked(request: ApiRequest, sent: Body) -> bytes:
    """All that makes a request the same as another."""
    path, media_type = request.scope["path"].rstrip("/"), sent.headers.get(b"content-type", b"").decode("latin-1")
    return msgpack.encode((request.method, path, media_type, sent.raw))


def _hardened(asked: bytes, key: str) -> bytes:
    """The request as it can be kept where it holds a password: what is kept of it must not be quicker to guess by than
    the hash of the password itself (scrypt by the parameters of OWASP's cheat sheet on password storage).
    """
    return hashlib.scrypt(asked, salt=key.encode(), n=2**14, r=8, p=5)
