"""Idempotency keys: a client that repeats a request, because no response came, gets the first response again.

The header `Idempotency-Key` follows the IETF draft draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from blog.domain.accounts.actors import Member

from .errors import Conflict, FieldError, ValidationFailed
from .posts.post import Post
from .shared import Clock, PostId, UserId

RETENTION: Final = timedelta(days=1)
MAX_KEY_LENGTH: Final = 255

_key = re.compile(rf"[!-~]{{1,{MAX_KEY_LENGTH}}}")


class KeyReused(ValidationFailed):
    """The client used this key for another request."""

    def __init__(self) -> None:
        super().__init__([FieldError("Idempotency-Key", "was used for another request")])


class ResponseNotStored(Conflict):
    """The request was processed before. Its response is not stored: it contained a secret, or a post that was deleted
    since.
    """

    def __init__(self) -> None:
        super().__init__(
            "This request was processed before. Its response is not stored: it had a secret, which is shown once, or a "
            "post that was deleted since."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """A stored response. `key` and `fingerprint` are SHA-256 digests; `response` is None if it contained a secret, or a
    post that was deleted since.
    """

    user_id: UserId
    key: bytes
    fingerprint: bytes
    response: bytes | None = field(repr=False)
    at: datetime


class IdempotencyStore(Protocol):
    """Stores responses by user and key."""

    def find_for_update(self, user_id: UserId, key: bytes) -> IdempotencyRecord | None:
        """Return the stored response, or None, and lock this user and key until the unit of work ends."""

    def put(self, record: IdempotencyRecord, post_ids: Collection[PostId] = ()) -> None:
        """Store a response, which may show these posts. It replaces one of the same user and key."""

    def forget_posts(self, post_ids: Collection[PostId]) -> None:
        """Remove the responses of all records, of any user, that may show one of these posts. The records stay."""

    def remove_all_of(self, user_id: UserId) -> None:
        """Delete all records of this user, if there are any."""

    def purge(self, *, until: datetime, limit: int) -> int:
        """Delete up to `limit` records that were stored at `until` or before. Return how many."""


class IdempotentResult(NamedTuple):
    """A response, and whether it is a replay of a stored one."""

    response: bytes
    is_replayed: bool


@dataclass(slots=True)
class Idempotency:
    """Replays responses to repeated requests."""

    store: IdempotencyStore
    now: Clock
    held: Mapping[PostId, Post]
    """The posts that a response of this unit of work may show, unless they are in the trash: `PostRepository.held`."""

    def run_once(
        self, actor: Member, key: str, request: bytes, action: Callable[[], bytes], *, is_secret: bool = False
    ) -> IdempotentResult:
        """Run an action and store its response, or return the response that is stored under this key.

        The response of a successful action is stored for a day, in the same unit of work.

        Args:
            actor: the user; keys of different users do not conflict.
            key: chosen by the client.
            request: the whole request, as bytes.
            action: does the work and returns the response.
            is_secret: whether the response contains a secret, so that it must not be stored.

        Raises:
            ValidationFailed: the key is not valid.
            KeyReused: the key was used for another request.
            ResponseNotStored: the response contained a secret, or a post that was deleted since.
        """
        if (stored := self.replay(actor, key, request)) is not None:
            return IdempotentResult(stored, is_replayed=True)
        response = action()
        self.record(actor, key, request, None if is_secret else response)
        return IdempotentResult(response, is_replayed=False)

    def replay(self, actor: Member, key: str, request: bytes) -> bytes | None:
        """Return the response that is stored under this key, or None. The key is locked until the unit of work ends, so
        that `record` can be called in it.

        Raises:
            ValidationFailed: the key is not valid.
            KeyReused: the key was used for another request.
            ResponseNotStored: the response contained a secret, or a post that was deleted since.
        """
        check_key(key)
        record = self.store.find_for_update(actor.user_id, _digest(key.encode()))
        if record is None or self.now() >= record.at + RETENTION:
            return None
        if record.fingerprint != _digest(request):
            raise KeyReused
        if record.response is None:
            raise ResponseNotStored
        return record.response

    def record(self, actor: Member, key: str, request: bytes, response: bytes | None) -> None:
        """Store the response to this request under this key; None if it contains a secret."""
        record = IdempotencyRecord(
            user_id=actor.user_id,
            key=_digest(key.encode()),
            fingerprint=_digest(request),
            response=response,
            at=self.now(),
        )
        shown = [post.id for post in self.held.values() if post.deleted_at is None]
        self.store.put(record, shown if response is not None else ())

    def purge(self, *, limit: int = 1000) -> int:
        """Delete up to `limit` expired records. Return how many."""
        return self.store.purge(until=self.now() - RETENTION, limit=limit)


def check_key(key: str) -> None:
    """Check that a key is short and visible ASCII.

    Raises:
        ValidationFailed: the key is not valid.
    """
    if not _key.fullmatch(key):
        raise ValidationFailed(
            [FieldError("Idempotency-Key", f"must be 1 to {MAX_KEY_LENGTH} visible characters of ASCII")]
        )


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
