"""Idempotency: whoever sends a request once more, because no answer came, is answered as if it had come once.

As in the IETF's draft of the header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from blog.domain.accounts.actors import Member

from .errors import Conflict, FieldError, ValidationFailed
from .shared import Clock, UserId

RETENTION: Final = timedelta(days=1)
MAX_KEY_LENGTH: Final = 255

_key = re.compile(rf"[!-~]{{1,{MAX_KEY_LENGTH}}}")


class KeyReused(ValidationFailed):
    """Somebody sends another request under a key that they have used."""

    def __init__(self) -> None:
        super().__init__([FieldError("Idempotency-Key", "was used for another request")])


class SecretNotReplayable(Conflict):
    """What was asked was done when it was first asked. The answer held a secret, which is not kept."""

    def __init__(self) -> None:
        super().__init__("This was done when it was first asked, and the secret in the answer was told once.")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """What somebody was answered. Key and request are known by their SHA-256 digests; an answer of None was secret."""

    user_id: UserId
    key: bytes
    fingerprint: bytes
    response: bytes | None = field(repr=False)
    at: datetime


class IdempotencyStore(Protocol):
    """Where answers are kept, by whom they were for and under which key."""

    def find_for_update(self, user_id: UserId, key: bytes) -> IdempotencyRecord | None:
        """The answer that is kept, or None. No other unit of work gets that of the same user and key before this one
        ends.
        """

    def put(self, kept: IdempotencyRecord) -> None:
        """Keep the answer, in the place of one of the same user and key."""

    def remove_all_of(self, user_id: UserId) -> None:
        """Forget every answer that was for this user; none is no error."""

    def purge(self, *, until: datetime, limit: int) -> int:
        """Forget up to `limit` answers that were kept at `until` or before; how many."""


class Outcome(NamedTuple):
    """An answer, and whether it was given before."""

    answer: bytes
    is_repeated: bool


@dataclass(slots=True)
class Idempotency:
    """What is done with kept answers."""

    store: IdempotencyStore
    now: Clock

    def once(
        self, actor: Member, key: str, request: bytes, act: Callable[[], bytes], *, is_secret: bool = False
    ) -> Outcome:
        """Do what is asked, or, if that was done before under this key, give the answer that was given then.

        Only what succeeds is kept, in the unit of work in which it is done, for a day.

        Args:
            actor: who asks; nobody meets another's keys.
            key: chosen by who asks.
            request: all that is asked.
            act: does it, and gives the answer.
            is_secret: whether the answer holds a secret, and so cannot be given again.

        Raises:
            ValidationFailed: of the key.
            KeyReused: it stands for another request.
            SecretNotReplayable: the answer was secret.
        """
        check_key(key)
        asked, at = hashlib.sha256(request).digest(), self.now()
        digest = hashlib.sha256(key.encode()).digest()
        kept = self.store.find_for_update(actor.user_id, digest)
        if kept is not None and at < kept.at + RETENTION:
            return self._repeated(kept, asked)
        answer = act()
        self.store.put(
            IdempotencyRecord(
                user_id=actor.user_id, key=digest, fingerprint=asked, response=None if is_secret else answer, at=at
            )
        )
        return Outcome(answer, is_repeated=False)

    def purge(self, *, limit: int = 1000) -> int:
        """Forget up to `limit` answers that are too old; how many."""
        return self.store.purge(until=self.now() - RETENTION, limit=limit)

    def _repeated(self, kept: IdempotencyRecord, asked: bytes) -> Outcome:
        if kept.fingerprint != asked:
            raise KeyReused
        if kept.response is None:
            raise SecretNotReplayable
        return Outcome(kept.response, is_repeated=True)


def check_key(key: str) -> None:
    """A key is something short that can stand in a header.

    Raises:
        ValidationFailed: it is not.
    """
    if not _key.fullmatch(key):
        raise ValidationFailed(
            [FieldError("Idempotency-Key", f"must be 1 to {MAX_KEY_LENGTH} visible characters of ASCII")]
        )
