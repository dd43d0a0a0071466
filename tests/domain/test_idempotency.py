"""Repeated requests with an idempotency key."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import NoReturn

import pytest
from tests.domain.actors import as_member

from blog.adapters.memory import MemoryStore
from blog.domain.accounts.user import User
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import Conflict, FieldError, ValidationFailed
from blog.domain.idempotency import (
    MAX_KEY_LENGTH,
    RETENTION,
    IdempotencyRecord,
    IdempotentResult,
    KeyReused,
    ResponseNotStored,
)
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import Failed

MOMENT = timedelta(microseconds=1)


class Counter:
    """An action that counts its calls."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> bytes:
        self.runs += 1
        return b"run %d" % self.runs


@pytest.fixture
def counter() -> Counter:
    return Counter()


def once(
    open_blog: OpenBlog,
    user: User,
    act: Callable[[], bytes],
    *,
    key: str = "key",
    request: bytes = b"request",
    **how: bool,
) -> IdempotentResult:
    with open_blog() as blog:
        return blog.idempotency.run_once(as_member(user), key, request, act, **how)


def test_repeated_request_runs_once_and_gets_the_same_response(
    open_blog: OpenBlog, ann: User, counter: Counter
) -> None:
    assert once(open_blog, ann, counter) == IdempotentResult(b"run 1", is_replayed=False)
    for _ in range(3):
        assert once(open_blog, ann, counter) == IdempotentResult(b"run 1", is_replayed=True)
    assert counter.runs == 1


def test_change_and_response_are_stored_atomically(open_blog: OpenBlog, ann: User) -> None:
    def write(blog: Blog) -> bytes:
        return str(blog.posts.create(as_member(ann), title="Hello", body="World").id).encode()

    def fail() -> NoReturn:
        with open_blog() as blog:
            blog.idempotency.run_once(as_member(ann), "key", b"write", partial(write, blog))
            raise Failed

    with pytest.raises(Failed):
        fail()
    outcomes = []
    for _ in range(2):
        with open_blog() as blog:
            outcomes.append(blog.idempotency.run_once(as_member(ann), "key", b"write", partial(write, blog)))
    with open_blog() as blog:
        (post,) = blog.posts.page().posts
    assert outcomes == [(str(post.id).encode(), False), (str(post.id).encode(), True)]


def test_repetition_in_the_same_unit_runs_once(open_blog: OpenBlog, ann: User, counter: Counter) -> None:
    with open_blog() as blog:
        first = blog.idempotency.run_once(as_member(ann), "key", b"request", counter)
        assert blog.idempotency.run_once(as_member(ann), "key", b"request", counter) == (first.response, True)


@pytest.mark.parametrize("answer", [b"", b"\0\xff", b"x" * 1_000_000])
def test_response_is_replayed_byte_by_byte(open_blog: OpenBlog, ann: User, answer: bytes) -> None:
    once(open_blog, ann, lambda: answer)
    assert once(open_blog, ann, list[bytes]().pop) == IdempotentResult(answer, is_replayed=True)


@pytest.mark.parametrize("other", [b"", b"Ring", b"run ", b"ring\0"])
def test_another_request_with_the_same_key_is_refused(
    open_blog: OpenBlog, ann: User, counter: Counter, other: bytes
) -> None:
    once(open_blog, ann, counter)
    with pytest.raises(KeyReused) as refusal:
        once(open_blog, ann, counter, request=other)
    assert refusal.value.errors == (FieldError("Idempotency-Key", "was used for another request"),)
    assert isinstance(refusal.value, ValidationFailed)
    assert once(open_blog, ann, counter) == IdempotentResult(b"run 1", is_replayed=True)


def test_different_keys_are_independent(open_blog: OpenBlog, ann: User, counter: Counter) -> None:
    outcomes = [once(open_blog, ann, counter, key=key) for key in ("key", "Key", "key2", "ke")]
    assert outcomes == [(b"run %d" % number, False) for number in (1, 2, 3, 4)]


def test_keys_of_different_users_are_independent(open_blog: OpenBlog, ann: User, bob: User, counter: Counter) -> None:
    assert once(open_blog, ann, counter) == (b"run 1", False)
    assert once(open_blog, bob, counter, request=b"another") == (b"run 2", False)
    assert once(open_blog, ann, counter) == (b"run 1", True)
    assert once(open_blog, bob, counter, request=b"another") == (b"run 2", True)


def test_failed_request_is_not_stored_and_can_be_retried(open_blog: OpenBlog, ann: User, counter: Counter) -> None:
    for failing in (open_blog, open_blog):
        with pytest.raises(ZeroDivisionError):
            once(failing, ann, lambda: b"%d" % (1 // 0))
    with open_blog() as blog:
        with pytest.raises(ZeroDivisionError):
            blog.idempotency.run_once(as_member(ann), "key", b"request", lambda: b"%d" % (1 // 0))
        assert blog.idempotency.run_once(as_member(ann), "key", b"another", counter) == (b"run 1", False)


def test_response_with_a_secret_is_not_stored(
    open_blog: OpenBlog, store: MemoryStore, clock: FrozenClock, ann: User, counter: Counter
) -> None:
    assert once(open_blog, ann, counter, is_secret=True) == IdempotentResult(b"run 1", is_replayed=False)
    for is_secret in (True, False):
        with pytest.raises(
            ResponseNotStored, match="Its response is not stored: it had a secret, which is shown once"
        ) as refusal:
            once(open_blog, ann, counter, is_secret=is_secret)
    assert isinstance(refusal.value, Conflict)
    with pytest.raises(KeyReused):
        once(open_blog, ann, counter, request=b"another", is_secret=True)
    with store() as stores:
        assert stores.idempotency.find_for_update(ann.id, sha256(b"key").digest()) == IdempotencyRecord(
            user_id=ann.id,
            key=sha256(b"key").digest(),
            fingerprint=sha256(b"request").digest(),
            response=None,
            at=clock(),
        )
    assert counter.runs == 1


def test_record_stores_digests_and_its_repr_hides_the_response(
    store: MemoryStore, open_blog: OpenBlog, ann: User
) -> None:
    once(open_blog, ann, lambda: b"an answer", key="a-key", request=b"a request")
    with store() as stores:
        kept = stores.idempotency.find_for_update(ann.id, sha256(b"a-key").digest())
    assert kept is not None
    assert (kept.response, kept.fingerprint) == (b"an answer", sha256(b"a request").digest())
    assert "answer" not in repr(kept)


def test_key_is_valid_for_a_day(open_blog: OpenBlog, clock: FrozenClock, ann: User, counter: Counter) -> None:
    assert timedelta(days=1) == RETENTION
    once(open_blog, ann, counter)
    clock.move(RETENTION - MOMENT)
    assert once(open_blog, ann, counter) == (b"run 1", True)
    with pytest.raises(KeyReused):
        once(open_blog, ann, counter, request=b"another")
    clock.move(MOMENT)
    assert once(open_blog, ann, counter, request=b"another") == (b"run 2", False)
    clock.move(RETENTION - MOMENT)
    assert once(open_blog, ann, counter, request=b"another") == (b"run 2", True)


def test_records_are_purged_in_batches_after_a_day(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User, counter: Counter
) -> None:
    for user in (ann, bob):
        for number in range(3):
            once(open_blog, user, counter, key=f"key{number}")
    clock.move(MOMENT)
    once(open_blog, ann, counter, key="later")
    clock.move(RETENTION - 2 * MOMENT)
    with open_blog() as blog:
        assert blog.idempotency.purge() == 0
    clock.move(MOMENT)
    purged = []
    for _ in range(3):
        with open_blog() as blog:
            purged.append(blog.idempotency.purge(limit=4))
    assert purged == [4, 2, 0]
    assert once(open_blog, ann, counter, key="later") == (b"run 7", True)


def test_purge_deletes_a_thousand_records_by_default(
    open_blog: OpenBlog, store: MemoryStore, clock: FrozenClock, ann: User
) -> None:
    with store() as stores:
        for number in range(1001):
            key = number.to_bytes(32)
            stores.idempotency.put(
                IdempotencyRecord(user_id=ann.id, key=key, fingerprint=key, response=None, at=clock())
            )
    clock.move(RETENTION)
    with open_blog() as blog:
        assert [blog.idempotency.purge() for _ in range(3)] == [1000, 1, 0]


@pytest.mark.parametrize("key", ["x", "!", "~", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "x" * MAX_KEY_LENGTH])
def test_key_is_visible_ascii(open_blog: OpenBlog, ann: User, counter: Counter, key: str) -> None:
    assert once(open_blog, ann, counter, key=key) == (b"run 1", False)


@pytest.mark.parametrize("key", ["", " ", "a b", "x\n", "\tx", "\x7f", "é", "\ud800", "\0", "x" * (MAX_KEY_LENGTH + 1)])
def test_other_keys_are_invalid(open_blog: OpenBlog, ann: User, counter: Counter, key: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        once(open_blog, ann, counter, key=key)
    assert refusal.value.errors == (FieldError("Idempotency-Key", "must be 1 to 255 visible characters of ASCII"),)
    assert counter.runs == 0
