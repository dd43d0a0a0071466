"""Maintenance tasks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256

import pytest
from tests.domain.actors import HOME, OPERATOR, PASSWORD, as_member

from blog.domain import maintenance
from blog.domain.accounts.login import log_in
from blog.domain.accounts.own_account import WrongCredentials
from blog.domain.accounts.throttle import account_key
from blog.domain.accounts.user import User
from blog.domain.blog import Blog, OpenBlog
from blog.domain.maintenance import run_maintenance
from blog.testing.contracts import FrozenClock


@pytest.fixture
def blog_with_expired_rows(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> OpenBlog:
    """A blog with three of everything that no longer counts, and three entries more than that in its audit."""
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
    for number in range(3):
        log_in(open_blog, "ann", PASSWORD)
        with pytest.raises(WrongCredentials):
            log_in(open_blog, "nobody", PASSWORD, address=HOME)
        with open_blog() as blog:
            blog.invitations.create(OPERATOR, days=1)
            blog.previews.create(as_member(ann), post.id)
            blog.idempotency.run_once(as_member(ann), f"key{number}", b"request", bytes)
    clock.move(timedelta(days=30))
    return open_blog


def count_rows(open_blog: OpenBlog) -> tuple[int, int, int, int, int, int]:
    """Return the numbers of tokens, invitations, preview links, attempts, idempotency records and unsealed entries."""
    ever = timedelta(days=999)
    with open_blog() as blog:
        ann, answers = blog.users.get_by_username(OPERATOR, "ann"), blog.idempotency.store
        return (
            len(blog.tokens.store.of_user(ann.id)),
            len(blog.invitations.page(OPERATOR)),
            len(blog.previews.store.of_user(ann.id)),
            len(blog.throttle.store.of_account(account_key("nobody"), since=blog.throttle.now() - ever)),
            sum(answers.find_for_update(ann.id, sha256(b"key%d" % number).digest()) is not None for number in range(3)),
            blog.audit.verify(OPERATOR).unsealed,
        )


def test_expired_rows_are_purged_and_audit_entries_sealed(blog_with_expired_rows: OpenBlog) -> None:
    assert count_rows(blog_with_expired_rows)[:5] == (3, 3, 3, 3, 3)
    run_maintenance(blog_with_expired_rows)
    assert count_rows(blog_with_expired_rows) == (0, 0, 0, 0, 0, 0)
    run_maintenance(blog_with_expired_rows)
    with blog_with_expired_rows() as blog:
        assert blog.audit.verify(OPERATOR).errors == ()


def test_valid_rows_are_retained(open_blog: OpenBlog, ann: User) -> None:
    log_in(open_blog, "ann", PASSWORD)
    with pytest.raises(WrongCredentials):
        log_in(open_blog, "nobody", PASSWORD)
    with open_blog() as blog:
        blog.invitations.create(OPERATOR)
        blog.previews.create(as_member(ann), blog.posts.create(as_member(ann), title="Hello", body="World").id)
        blog.idempotency.run_once(as_member(ann), "key0", b"request", bytes)
    run_maintenance(open_blog)
    assert count_rows(open_blog) == (1, 1, 1, 1, 1, 0)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_tasks_run_until_nothing_is_left(
    blog_with_expired_rows: OpenBlog, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(maintenance, "BATCH_SIZE", size)
    monkeypatch.setattr(maintenance, "RECORDS_BATCH_SIZE", size)
    monkeypatch.setattr(maintenance, "SEAL_BATCH_SIZE", size)
    run_maintenance(blog_with_expired_rows)
    assert count_rows(blog_with_expired_rows) == (0, 0, 0, 0, 0, 0)
    with blog_with_expired_rows() as blog:
        assert blog.audit.verify(OPERATOR).errors == ()


def test_each_batch_is_bounded_and_has_its_own_unit_of_work(
    blog_with_expired_rows: OpenBlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "BATCH_SIZE", 2)
    monkeypatch.setattr(maintenance, "RECORDS_BATCH_SIZE", 2)
    monkeypatch.setattr(maintenance, "SEAL_BATCH_SIZE", 2)
    entries = count_rows(blog_with_expired_rows)[5]
    units, removed = 0, list[int]()

    @contextmanager
    def counted() -> Iterator[Blog]:
        nonlocal units
        units += 1
        before = count_rows(blog_with_expired_rows)
        with blog_with_expired_rows() as blog:
            yield blog
        removed.append(sum(before) - sum(count_rows(blog_with_expired_rows)))

    run_maintenance(counted)
    assert units == 5 * 2 + entries // 2 + 1 + len(["deletions", "trash", "tag counts"])
    assert max(removed) == 2
