"""The blog promises, of posts, that…"""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.people import OPERATOR, acting

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
SAID = st.sampled_from(("one", "two", "three"))
CHANGES: st.SearchStrategy[PostChanges] = st.fixed_dictionaries(  # type: ignore[assignment]
    {}, optional={"title": SAID, "body": SAID}
)


def test_a_post_is_written_in_nobodys_name_but_its_writers(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(acting(bob), title="Hello", body="World")
    assert post == Post(
        id=post.id,
        title="Hello",
        body="World",
        author_id=bob.id,
        author="Bob",
        created_at=NOON,
        updated_at=NOON,
        version=1,
    )


def test_anybody_reads_a_post(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(acting(ann), title="Hello", body="World")
    with open_blog() as blog:
        assert blog.posts.get(post.id) == post
        assert list(blog.posts.page().posts) == [post]


def test_its_author_changes_a_post(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(acting(ann), title="Hello", body="World")
    clock.move(timedelta(hours=1))
    with open_blog() as blog:
        changed = blog.posts.update(acting(ann), post.id, title="Good bye")
    assert changed == replace(post, title="Good bye", updated_at=NOON + timedelta(hours=1), version=2)
    with open_blog() as blog:
        assert blog.posts.get(post.id) == changed


@given(st.lists(st.timedeltas(timedelta(days=-4000), timedelta(days=4000)), max_size=8))
def test_a_post_is_never_changed_before_it_was_written_however_the_clock_is_set(steps: list[timedelta]) -> None:
    author = Member.of(User(id=UserId(1), username="ann", created_at=NOON))
    post = Post.create(author, NOON, title="Hello", body="0")
    seen = [post.updated_at]
    for number, step in enumerate(steps, start=1):
        post = post.with_changes(NOON + step, body=str(number))
        assert (post.created_at, post.version) == (NOON, number + 1)
        seen.append(post.updated_at)
    assert seen == sorted(seen)


def test_only_its_author_changes_a_post(open_blog: OpenBlog, ann: User, bob: User, admin: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(acting(ann), title="Hello", body="World")
        for other in (bob, admin, replace(ann, id=UserId(99))):
            with pytest.raises(NotTheAuthor, match=f"Only its author may change or delete post {post.id}"):
                blog.posts.update(acting(other), post.id, title="Mine")
        assert blog.posts.get(post.id) == post


def test_only_its_author_deletes_a_post(open_blog: OpenBlog, ann: User, bob: User, admin: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(acting(ann), title="Hello", body="World")
        for other in (bob, admin):
            with pytest.raises(NotTheAuthor):
                blog.posts.delete(acting(other), post.id)
        assert blog.posts.get(post.id) == post


def test_only_its_author_gets_a_post_for_change(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(acting(ann), title="Hello", body="World")
        assert blog.posts.get_for_update(acting(ann), post.id) == post
        with pytest.raises(NotTheAuthor):
            blog.posts.get_for_update(acting(bob), post.id)


def test_whose_post_it_is_comes_before_what_is_wrong_with_a_change(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(acting(ann), title="Hello", body="World")
        with pytest.raises(NotTheAuthor):
            blog.posts.update(acting(bob), post.id, title="")


@given(st.builds(UserId, st.integers()), st.builds(UserId, st.integers()), st.booleans())
def test_the_author_is_told_by_their_number_and_by_nothing_else(author: UserId, other: UserId, admin: bool) -> None:  # noqa: FBT001 - drawn
    ann = User(id=author, username="ann", created_at=NOON)
    post = Post.create(acting(ann), NOON, title="Hello", body="World")
    assert post.may_be_changed_by(acting(replace(ann, username="anna", is_admin=admin)))
    assert post.may_be_changed_by(acting(replace(ann, id=other, is_admin=admin))) == (author == other)
    assert not post.may_be_changed_by(acting(ann, Scope.POSTS_READ, Scope.ACCOUNT, Scope.ADMIN))
    assert not post.may_be_changed_by(OPERATOR)


def test_a_deleted_post_is_gone_for_good(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(acting(ann), title="Hello", body="World")
        blog.posts.delete(acting(ann), post.id)
    with open_blog() as blog:
        for ask in (
            lambda: blog.posts.get(post.id),
            lambda: blog.posts.update(acting(ann), post.id, title="Back"),
            lambda: blog.posts.delete(acting(ann), post.id),
        ):
            with pytest.raises(PostNotFound, match=f"There is no post {post.id}"):
                ask()


@given(st.lists(CHANGES, max_size=8))
def test_the_version_counts_the_changes_that_said_something_new(several: list[PostChanges]) -> None:
    post = Post(title="one", body="one", author_id=UserId(1), author="ann", created_at=NOON, updated_at=NOON)
    for minutes, changes in enumerate(several, start=1):
        at = NOON + timedelta(minutes=minutes)
        revised = post.with_changes(at, **changes)
        same = replace(post, **changes) == post
        assert revised == (post if same else replace(post, **changes, updated_at=at, version=post.version + 1))
        post = revised


def test_a_change_that_is_refused_changes_nothing(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(acting(ann), title="Hello", body="World")
        with pytest.raises(ValidationFailed):
            blog.posts.update(acting(ann), post.id, title="Fine", body="")
        assert blog.posts.get(post.id) == post


def test_a_stored_post_stays_readable_when_a_rule_is_tightened(
    open_blog: OpenBlog, store: MemoryStore, ann: User
) -> None:
    with store() as stores:
        old = Post(title="", body="\0", author_id=ann.id, author="ann", created_at=NOON, updated_at=NOON)
        old = stores.posts.add(old)
    with open_blog() as blog:
        assert blog.posts.get(old.id) == old
        assert blog.posts.update(acting(ann), old.id, title="Mended").body == "\0"


def test_all_that_is_wrong_with_a_new_post_is_told_at_once(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog, pytest.raises(ValidationFailed) as refusal:
        blog.posts.create(acting(ann), title="x" * (MAX_TITLE_LENGTH + 1) + "\0", body=" ")
    assert refusal.value.errors == (
        FieldError("title", f"must have at most {MAX_TITLE_LENGTH} characters"),
        FieldError("title", "must not contain control characters or lone surrogates: U+0000 is at line 1, column 202"),
        FieldError("body", "must not be blank"),
    )


def test_a_post_may_be_as_long_as_it_may_and_no_longer(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(acting(ann), title="x" * MAX_TITLE_LENGTH, body="x" * MAX_BODY_LENGTH)
        with pytest.raises(ValidationFailed) as refusal:
            blog.posts.update(acting(ann), post.id, body="x" * (MAX_BODY_LENGTH + 1))
    assert refusal.value.errors == (FieldError("body", f"must have at most {MAX_BODY_LENGTH} characters"),)


def test_what_is_not_changed_is_not_judged() -> None:
    assert validate_post() == validate_post(title="fine") == validate_post(body="fine") == []
    assert [fault.field for fault in validate_post(title="")] == ["title"]
    assert [fault.field for fault in validate_post(body="")] == ["body"]
    assert [fault.field for fault in validate_post(title="", body="")] == ["title", "body"]


def test_a_post_that_was_got_for_update_is_changed_and_deleted_without_another_look(
    open_blog: OpenBlog, ann: User
) -> None:
    with open_blog() as blog:
        post_id = blog.posts.create(acting(ann), title="Hello", body="World").id
    with open_blog() as blog:
        locked = blog.posts.get_for_update(acting(ann), post_id)
        changed = blog.posts.update(acting(ann), locked, title="Good bye")
        assert (changed.title, changed.version) == ("Good bye", 2)
        changed = blog.posts.update(acting(ann), changed, expected_versions=[2], body="All")
        assert blog.posts.get(post_id) == changed
        blog.posts.delete(acting(ann), changed)
        for change in (
            lambda: blog.posts.update(acting(ann), changed),
            lambda: blog.posts.delete(acting(ann), changed),
        ):
            with pytest.raises(PostNotFound):
                change()


def test_a_post_that_was_read_otherwise_is_changed_unless_it_has_changed_since(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        first = blog.posts.create(acting(ann), title="Hello", body="World")
        second = blog.posts.update(acting(ann), first, title="Good bye")
    with open_blog() as blog:
        locked = blog.posts.get_for_update(acting(ann), first.id)
        for stale in (first, replace(locked, body="Forged")):
            with pytest.raises(VersionConflict):
                blog.posts.update(acting(ann), stale, body="Late")
            with pytest.raises(VersionConflict):
                blog.posts.delete(acting(ann), stale)
        assert blog.posts.get(first.id) == second
        assert blog.posts.update(acting(ann), second, body="In time").version == 3


@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_post_in_hand_gives_nobody_the_right_to_change_it(
    open_blog: OpenBlog, ann: User, bob: User, change: str
) -> None:
    with open_blog() as blog:
        post = blog.posts.create(acting(ann), title="Hello", body="World")
    with open_blog() as blog:
        locked = blog.posts.get_for_update(acting(ann), post.id)
        forged = replace(locked, author_id=bob.id, author=bob.username)
        for actor, in_hand, refusal in (
            (acting(bob), locked, NotTheAuthor),
            (acting(bob), forged, NotTheAuthor),
            (acting(ann, Scope.POSTS_READ), locked, OutOfScope),
            (acting(ann, Scope.POSTS_READ), post, OutOfScope),
        ):
            with pytest.raises(refusal):
                getattr(blog.posts, change)(actor, in_hand)
        assert blog.posts.get(post.id) == post
