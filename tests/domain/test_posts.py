"""Rules of posts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.actors import OPERATOR, as_member

from blog.adapters.memory import MemoryStore
from blog.domain.accounts.actors import Member, OutOfScope, Scope
from blog.domain.accounts.user import User
from blog.domain.blog import OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.post import (
    MAX_BODY_LENGTH,
    MAX_TITLE_LENGTH,
    NotTheAuthor,
    Post,
    PostChanges,
    PostNotFound,
    VersionConflict,
    validate_post,
)
from blog.domain.shared import UserId
from blog.testing.contracts import FrozenClock

NOON = FrozenClock()()
VALUES = st.sampled_from(("one", "two", "three"))
CHANGES: st.SearchStrategy[PostChanges] = st.fixed_dictionaries(  # type: ignore[assignment]
    {}, optional={"title": VALUES, "body": VALUES}
)


def test_the_actor_becomes_the_author(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(bob), title="Hello", body="World")
    assert post == Post(
        id=post.id,
        title="Hello",
        body="World",
        slug="hello",
        author_id=bob.id,
        author="Bob",
        created_at=NOON,
        updated_at=NOON,
        published_at=NOON,
        version=1,
        first_paragraph="World",
    )


def test_everyone_reads_posts(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
    with open_blog() as blog:
        assert blog.posts.get(post.id) == post
        assert list(blog.posts.page().posts) == [post]


def test_the_author_updates_a_post(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
    clock.move(timedelta(hours=1))
    with open_blog() as blog:
        changed = blog.posts.update(as_member(ann), post.id, title="Good bye")
    assert changed == replace(post, title="Good bye", updated_at=NOON + timedelta(hours=1), version=2)
    with open_blog() as blog:
        assert blog.posts.get(post.id) == changed


@given(st.lists(st.timedeltas(timedelta(days=-4000), timedelta(days=4000)), max_size=8))
def test_updated_at_never_decreases(steps: list[timedelta]) -> None:
    author = Member.of(User(id=UserId(1), username="ann", created_at=NOON))
    post = Post.create(author, NOON, NOON, title="Hello", body="0")
    seen = [post.updated_at]
    for number, step in enumerate(steps, start=1):
        post = post.with_changes(NOON + step, body=str(number))
        assert (post.created_at, post.version) == (NOON, number + 1)
        seen.append(post.updated_at)
    assert seen == sorted(seen)


def test_only_the_author_updates_a_post(open_blog: OpenBlog, ann: User, bob: User, admin: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
        for other in (bob, admin, replace(ann, id=UserId(99))):
            with pytest.raises(NotTheAuthor, match=f"Only its author may change, publish or delete post {post.id}"):
                blog.posts.update(as_member(other), post.id, title="Mine")
        assert blog.posts.get(post.id) == post


def test_only_the_author_deletes_a_post(open_blog: OpenBlog, ann: User, bob: User, admin: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
        for other in (bob, admin):
            with pytest.raises(NotTheAuthor):
                blog.posts.delete(as_member(other), post.id)
        assert blog.posts.get(post.id) == post


def test_only_the_author_gets_a_post_for_update(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
        assert blog.posts.get_for_update(as_member(ann), post.id) == post
        with pytest.raises(NotTheAuthor):
            blog.posts.get_for_update(as_member(bob), post.id)


def test_ownership_is_checked_before_validation(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
        with pytest.raises(NotTheAuthor):
            blog.posts.update(as_member(bob), post.id, title="")


@given(st.builds(UserId, st.integers()), st.builds(UserId, st.integers()), st.booleans())
def test_ownership_depends_only_on_the_user_id(author: UserId, other: UserId, admin: bool) -> None:  # noqa: FBT001 - drawn
    ann = User(id=author, username="ann", created_at=NOON)
    post = Post.create(as_member(ann), NOON, NOON, title="Hello", body="World")
    assert post.may_be_changed_by(as_member(replace(ann, username="anna", is_admin=admin)))
    assert post.may_be_changed_by(as_member(replace(ann, id=other, is_admin=admin))) == (author == other)
    assert not post.may_be_changed_by(as_member(ann, Scope.POSTS_READ, Scope.ACCOUNT, Scope.ADMIN))
    assert not post.may_be_changed_by(OPERATOR)


def test_deleted_post_is_not_found(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
        blog.posts.delete(as_member(ann), post.id)
    with open_blog() as blog:
        for call in (
            lambda: blog.posts.get(post.id),
            lambda: blog.posts.update(as_member(ann), post.id, title="Back"),
            lambda: blog.posts.delete(as_member(ann), post.id),
        ):
            with pytest.raises(PostNotFound, match=f"There is no post {post.id}"):
                call()


@given(st.lists(CHANGES, max_size=8))
def test_version_counts_effective_changes(several: list[PostChanges]) -> None:
    author = Member.of(User(id=UserId(1), username="ann", created_at=NOON))
    post = Post.create(author, NOON, NOON, title="one", body="one")
    for minutes, changes in enumerate(several, start=1):
        at = NOON + timedelta(minutes=minutes)
        revised = post.with_changes(at, **changes)
        changed: Any = {**changes}
        same = replace(post, **changed) == post
        assert revised == (post if same else replace(post, **changed, updated_at=at, version=post.version + 1))
        post = revised


def test_refused_update_changes_nothing(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
        with pytest.raises(ValidationFailed):
            blog.posts.update(as_member(ann), post.id, title="Fine", body="")
        assert blog.posts.get(post.id) == post


def test_stored_post_stays_readable_when_a_rule_is_tightened(
    open_blog: OpenBlog, store: MemoryStore, ann: User
) -> None:
    with store() as stores:
        valid = Post.create(as_member(ann), NOON, NOON, title="Hello", body="World")
        old = stores.posts.add(replace(valid, title="", body="\0"))
    with open_blog() as blog:
        assert blog.posts.get(old.id) == old
        assert blog.posts.update(as_member(ann), old.id, title="Fixed").body == "\0"


def test_all_validation_errors_are_reported_together(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog, pytest.raises(ValidationFailed) as refusal:
        blog.posts.create(as_member(ann), title="x" * (MAX_TITLE_LENGTH + 1) + "\0", body=" ")
    assert refusal.value.errors == (
        FieldError("title", f"must have at most {MAX_TITLE_LENGTH} characters"),
        FieldError("title", "must not contain control characters or lone surrogates: U+0000 is at line 1, column 202"),
        FieldError("body", "must not be blank"),
    )


def test_length_limits(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="x" * MAX_TITLE_LENGTH, body="x" * MAX_BODY_LENGTH)
        with pytest.raises(ValidationFailed) as refusal:
            blog.posts.update(as_member(ann), post.id, body="x" * (MAX_BODY_LENGTH + 1))
    assert refusal.value.errors == (FieldError("body", f"must have at most {MAX_BODY_LENGTH} characters"),)


def test_only_changed_fields_are_validated() -> None:
    assert validate_post() == validate_post(title="fine") == validate_post(body="fine") == []
    assert [error.field for error in validate_post(title="")] == ["title"]
    assert [error.field for error in validate_post(body="")] == ["body"]
    assert [error.field for error in validate_post(title="", body="")] == ["title", "body"]


def test_a_locked_post_is_not_read_again(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post_id = blog.posts.create(as_member(ann), title="Hello", body="World").id
    with open_blog() as blog:
        locked = blog.posts.get_for_update(as_member(ann), post_id)
        changed = blog.posts.update(as_member(ann), locked, title="Good bye")
        assert (changed.title, changed.version) == ("Good bye", 2)
        changed = blog.posts.update(as_member(ann), changed, expected_versions=[2], body="All")
        assert blog.posts.get(post_id) == changed
        blog.posts.delete(as_member(ann), changed)
        for change in (
            lambda: blog.posts.update(as_member(ann), changed),
            lambda: blog.posts.delete(as_member(ann), changed),
        ):
            with pytest.raises(PostNotFound):
                change()


def test_a_stale_post_is_refused(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        first = blog.posts.create(as_member(ann), title="Hello", body="World")
        second = blog.posts.update(as_member(ann), first, title="Good bye")
    with open_blog() as blog:
        locked = blog.posts.get_for_update(as_member(ann), first.id)
        for stale in (first, replace(locked, body="Forged")):
            with pytest.raises(VersionConflict):
                blog.posts.update(as_member(ann), stale, body="Late")
            with pytest.raises(VersionConflict):
                blog.posts.delete(as_member(ann), stale)
        assert blog.posts.get(first.id) == second
        assert blog.posts.update(as_member(ann), second, body="In time").version == 3


@pytest.mark.parametrize("change", ["update", "delete"])
def test_passing_a_post_does_not_bypass_authorization(open_blog: OpenBlog, ann: User, bob: User, change: str) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
    with open_blog() as blog:
        locked = blog.posts.get_for_update(as_member(ann), post.id)
        forged = replace(locked, author_id=bob.id, author=bob.username)
        for actor, in_hand, refusal in (
            (as_member(bob), locked, NotTheAuthor),
            (as_member(bob), forged, NotTheAuthor),
            (as_member(ann, Scope.POSTS_READ), locked, OutOfScope),
            (as_member(ann, Scope.POSTS_READ), post, OutOfScope),
        ):
            with pytest.raises(refusal):
                getattr(blog.posts, change)(actor, in_hand)
        assert blog.posts.get(post.id) == post
