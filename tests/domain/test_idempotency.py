"""The blog promises, to whoever sends a request once more because no answer came, that…"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import NoReturn

import pytest
from tests.domain.people import acting

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
    SecretNotReplayable,
)
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import Failed

MOMENT = timedelta(microseconds=1)


class Bell:
    """Something that is done, and told apart each time."""

    def __init__(self) -> None:
        self.rung = 0

    def __call__(self) -> bytes:
        self.rung += 1
        return b"ring %d" % self.rung


@pytest.fixture
def bell() -> Bell:
    return Bell()


def once(
    open_blog: OpenBlog,
    user: User,
    act: Callable[[], bytes],
    *,
    key: str = "key",
    request: bytes = b"ring",
    **how: bool,
) -> IdempotentResult:
    with open_blog() as blog:
        return blog.idempotency.run_once(acting(user), key, request, act, **how)


def test_the_same_request_is_done_once_and_answered_the_same(open_blog: OpenBlog, ann: User, bell: Bell) -> None:
    assert once(open_blog, ann, bell) == IdempotentResult(b"ring 1", is_replayed=False)
    for _ in range(3):
        assert once(open_blog, ann, bell) == IdempotentResult(b"ring 1", is_replayed=True)
    assert bell.rung == 1


def test_what_is_done_is_kept_with_its_answer_or_not_at_all(open_blog: OpenBlog, ann: User) -> None:
    def write(blog: Blog) -> bytes:
        return str(blog.posts.create(acting(ann), title="Hello", body="World").id).encode()

    def fail() -> NoReturn:
        with open_blog() as blog:
            blog.idempotency.run_once(acting(ann), "key", b"write", partial(write, blog))
            raise Failed

    with pytest.raises(Failed):
        fail()
    outcomes = []
    for _ in range(2):
        with open_blog() as blog:
            outcomes.append(blog.idempotency.run_once(acting(ann), "key", b"write", partial(write, blog)))
    with open_blog() as blog:
        (post,) = blog.posts.page().posts
    assert outcomes == [(str(post.id).encode(), False), (str(post.id).encode(), True)]


def test_within_one_unit_too_it_is_done_once(open_blog: OpenBlog, ann: User, bell: Bell) -> None:
    with open_blog() as blog:
        first = blog.idempotency.run_once(acting(ann), "key", b"ring", bell)
        assert blog.idempotency.run_once(acting(ann), "key", b"ring", bell) == (first.response, True)


@pytest.mark.parametrize("answer", [b"", b"\0\xff", b"x" * 1_000_000])
def test_an_answer_is_repeated_byte_by_byte(open_blog: OpenBlog, ann: User, answer: bytes) -> None:
    once(open_blog, ann, lambda: answer)
    assert once(open_blog, ann, list[bytes]().pop) == IdempotentResult(answer, is_replayed=True)


@pytest.mark.parametrize("other", [b"", b"Ring", b"ring ", b"ring\0"])
def test_another_request_under_the_same_key_is_refused(
    open_blog: OpenBlog, ann: User, bell: Bell, other: bytes
) -> None:
    once(open_blog, ann, bell)
    with pytest.raises(KeyReused) as refusal:
        once(open_blog, ann, bell, request=other)
    assert refusal.value.errors == (FieldError("Idempotency-Key", "was used for another request"),)
    assert isinstance(refusal.value, ValidationFailed)
    assert once(open_blog, ann, bell) == IdempotentResult(b"ring 1", is_replayed=True)


def test_other_keys_stand_for_other_requests(open_blog: OpenBlog, ann: User, bell: Bell) -> None:
    outcomes = [once(open_blog, ann, bell, key=key) for key in ("key", "Key", "key2", "ke")]
    assert outcomes == [(b"ring %d" % number, False) for number in (1, 2, 3, 4)]


def test_nobody_meets_anothers_keys(open_blog: OpenBlog, ann: User, bob: User, bell: Bell) -> None:
    assert once(open_blog, ann, bell) == (b"ring 1", False)
    assert once(open_blog, bob, bell, request=b"another") == (b"ring 2", False)
    assert once(open_blog, ann, bell) == (b"ring 1", True)
    assert once(open_blog, bob, bell, request=b"another") == (b"ring 2", True)


def test_what_failed_was_not_done_and_may_be_tried_again(open_blog: OpenBlog, ann: User, bell: Bell) -> None:
    for failing in (open_blog, open_blog):
        with pytest.raises(ZeroDivisionError):
            once(failing, ann, lambda: b"%d" % (1 // 0))
    with open_blog() as blog:
        with pytest.raises(ZeroDivisionError):
            blog.idempotency.run_once(acting(ann), "key", b"ring", lambda: b"%d" % (1 // 0))
        assert blog.idempotency.run_once(acting(ann), "key", b"another", bell) == (b"ring 1", False)


def test_a_secret_is_told_once_and_kept_nowhere(
    open_blog: OpenBlog, store: MemoryStore, clock: FrozenClock, ann: User, bell: Bell
) -> None:
    assert once(open_blog, ann, bell, is_secret=True) == IdempotentResult(b"ring 1", is_replayed=False)
    for is_secret in (True, False):
        with pytest.raises(SecretNotReplayable, match="secret in its response was shown once") as refusal:
            once(open_blog, ann, bell, is_secret=is_secret)
    assert isinstance(refusal.value, Conflict)
    with pytest.raises(KeyReused):
        once(open_blog, ann, bell, request=b"another", is_secret=True)
    with store() as stores:
        assert stores.idempotency.find_for_update(ann.id, sha256(b"key").digest()) == IdempotencyRecord(
            user_id=ann.id,
            key=sha256(b"key").digest(),
            fingerprint=sha256(b"ring").digest(),
            response=None,
            at=clock(),
        )
    assert bell.rung == 1


def test_neither_key_nor_request_is_kept_and_no_answer_is_shown(
    store: MemoryStore, open_blog: OpenBlog, ann: User
) -> None:
    once(open_blog, ann, lambda: b"an answer", key="a-key", request=b"a request")
    with store() as stores:
        kept = stores.idempotency.find_for_update(ann.id, sha256(b"a-key").digest())
    assert kept is not None
    assert (kept.response, kept.fingerprint) == (b"an answer", sha256(b"a request").digest())
    assert "answer" not in repr(kept)


def test_a_key_stands_for_its_request_a_day_long(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bell: Bell
) -> None:
    assert timedelta(days=1) == RETENTION
    once(open_blog, ann, bell)
    clock.move(RETENTION - MOMENT)
    assert once(open_blog, ann, bell) == (b"ring 1", True)
    with pytest.raises(KeyReused):
        once(open_blog, ann, bell, request=b"another")
    clock.move(MOMENT)
    assert once(open_blog, ann, bell, request=b"another") == (b"ring 2", False)
    clock.move(RETENTION - MOMENT)
    assert once(open_blog, ann, bell, request=b"another") == (b"ring 2", True)


def test_answers_are_forgotten_after_a_day_some_at_a_time(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User, bell: Bell
) -> None:
    for user in (ann, bob):
        for number in range(3):
            once(open_blog, user, bell, key=f"key{number}")
    clock.move(MOMENT)
    once(open_blog, ann, bell, key="later")
    clock.move(RETENTION - 2 * MOMENT)
    with open_blog() as blog:
        assert blog.idempotency.purge() == 0
    clock.move(MOMENT)
    purged = []
    for _ in range(3):
        with open_blog() as blog:
            purged.append(blog.idempotency.purge(limit=4))
    assert purged == [4, 2, 0]
    assert once(open_blog, ann, bell, key="later") == (b"ring 7", True)


def test_without_a_word_a_thousand_answers_are_forgotten_at_a_time(
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
def test_a_key_is_visible_ascii(open_blog: OpenBlog, ann: User, bell: Bell, key: str) -> None:
    assert once(open_blog, ann, bell, key=key) == (b"ring 1", False)


@pytest.mark.parametrize("key", ["", " ", "a b", "x\n", "\tx", "\x7f", "é", "\ud800", "\0", "x" * (MAX_KEY_LENGTH + 1)])
def test_anything_else_is_no_key(open_blog: OpenBlog, ann: User, bell: Bell, key: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        once(open_blog, ann, bell, key=key)
    assert refusal.value.errors == (FieldError("Idempotency-Key", "must be 1 to 255 visible characters of ASCII"),)
    assert bell.rung == 0
