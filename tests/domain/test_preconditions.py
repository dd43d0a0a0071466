"""Optimistic concurrency control of posts."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.actors import as_member, entries

from blog.domain.accounts.actors import Member, OutOfScope, Scope
from blog.domain.accounts.user import User
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import BlogError, PreconditionFailed, ValidationFailed
from blog.domain.posts.post import NotTheAuthor, Post, PostChanges, PostNotFound, VersionConflict
from blog.domain.shared import PostId, UserId
from blog.testing.contracts import FrozenClock

Change = Callable[[Blog, Member, PostId, Collection[int | str] | None], object]

CHANGES: dict[str, Change] = {
    "update": lambda blog, actor, post_id, expected_versions: blog.posts.update(
        actor, post_id, expected_versions=expected_versions, body="Mine"
    ),
    "delete": lambda blog, actor, post_id, expected_versions: blog.posts.delete(
        actor, post_id, expected_versions=expected_versions
    ),
}


@pytest.fixture
def post(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> Post:
    """A post in its third version."""
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
        blog.posts.update(as_member(ann), post.id, body="You")
        post = blog.posts.update(as_member(ann), post.id, body="Everybody")
    clock.move(timedelta(hours=1))
    return post


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("seen", [[1], [2], [4], [1, 2], [], [0], [-3], {2**70}])
def test_another_expected_version_is_refused(
    open_blog: OpenBlog, ann: User, post: Post, change: Change, seen: Collection[int]
) -> None:
    before = entries(open_blog)
    with open_blog() as blog:
        with pytest.raises(VersionConflict, match=rf"^Post {post.id} has changed: its version is 3 now\.$") as refusal:
            change(blog, as_member(ann), post.id, seen)
        assert blog.posts.get(post.id) == post
        assert [each.post for each in blog.search.find("everybody").results] == [post]
    assert entries(open_blog) == before
    assert (refusal.value.version, refusal.value.post) == (3, post)
    assert isinstance(refusal.value, PreconditionFailed)


@pytest.mark.parametrize("seen", [None, [3], {3}, [1, 2, 3], range(10)])
def test_matching_expected_version_is_accepted(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, post: Post, seen: Collection[int] | None
) -> None:
    with open_blog() as blog:
        changed = blog.posts.update(as_member(ann), post.id, expected_versions=seen, title="Good bye")
        assert changed == replace(post, title="Good bye", version=4, updated_at=clock())
        again = None if seen is None else [4]
        blog.posts.delete(as_member(ann), post.id, expected_versions=again)
        with pytest.raises(PostNotFound):
            blog.posts.get(post.id)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_matching_expected_version_tag_is_accepted(open_blog: OpenBlog, ann: User, post: Post, change: Change) -> None:
    with open_blog() as blog:
        change(blog, as_member(ann), post.id, [7, post.version_tag, "7-x"])


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_version_tag_distinguishes_states_with_the_same_version(
    open_blog: OpenBlog, ann: User, post: Post, change: Change
) -> None:
    other = replace(post, body="Written before the backup was restored").version_tag
    assert other.startswith("3-")
    with open_blog() as blog:
        with pytest.raises(VersionConflict, match=rf"^Post {post.id} has changed: version 3 has other content now\.$"):
            change(blog, as_member(ann), post.id, [other])
        assert blog.posts.get(post.id) == post


TIMES = st.datetimes(timezones=st.just(UTC))
STATES = st.builds(
    Post,
    title=st.text(),
    body=st.text(),
    version=st.integers(1, 3),
    id=st.integers(1, 3).map(PostId),
    author_id=st.just(UserId(1)),
    author=st.just("ann"),
    created_at=TIMES,
    updated_at=TIMES,
)


@settings(max_examples=40)
@given(STATES, STATES)
def test_version_tags_are_equal_only_for_equal_content(one: Post, other: Post) -> None:
    assert (one.version_tag == other.version_tag) == (one == other)
    for name in ("title", "body"):
        assert replace(one, **{name: getattr(one, name) + "x"}).version_tag != one.version_tag
    for change in (
        {"id": PostId(one.id + 1)},
        {"author_id": UserId(2)},
        {"updated_at": one.updated_at.replace(second=1)},
    ):
        changed = replace(one, **change)
        assert (changed.version_tag == one.version_tag) == (changed == one)
    moved = replace(one, title=one.title + one.body[:1], body=one.body[1:])
    assert (moved.version_tag == one.version_tag) == (moved == one)


@given(STATES)
def test_version_tag_ignores_author_name_and_time_zone(post: Post) -> None:
    assert replace(post, author="anna").version_tag == post.version_tag
    elsewhere = timezone(timedelta(hours=5, minutes=30))
    if 1 < post.created_at.year < 9999:
        assert replace(post, created_at=post.created_at.astimezone(elsewhere)).version_tag == post.version_tag


@pytest.mark.parametrize(
    ("changes", "conflicting_fields"),
    [
        ({}, ()),
        ({"title": "Hello"}, ()),
        ({"title": "Hello", "body": "Everybody"}, ()),
        ({"title": "Good bye"}, ("title",)),
        ({"body": "World"}, ("body",)),
        ({"title": "Hello", "body": "World"}, ("body",)),
        ({"title": "Good bye", "body": "World"}, ("title", "body")),
        ({"body": ""}, ("body",)),
    ],
)
def test_version_conflict_lists_conflicting_fields(
    open_blog: OpenBlog, ann: User, post: Post, changes: PostChanges, conflicting_fields: Sequence[str]
) -> None:
    with open_blog() as blog, pytest.raises(VersionConflict) as refusal:
        blog.posts.update(as_member(ann), post.id, expected_versions=[2], **changes)
    assert refusal.value.conflicting_fields == conflicting_fields


def test_version_conflict_of_a_deletion_lists_no_fields(open_blog: OpenBlog, ann: User, post: Post) -> None:
    with open_blog() as blog, pytest.raises(VersionConflict) as refusal:
        blog.posts.delete(as_member(ann), post.id, expected_versions=[2])
    assert refusal.value.conflicting_fields == ()


def test_second_update_of_the_same_version_is_refused(open_blog: OpenBlog, ann: User, post: Post) -> None:
    with open_blog() as blog:
        first = blog.posts.update(as_member(ann), post.id, expected_versions=[3], title="First")
    with open_blog() as blog, pytest.raises(VersionConflict) as refusal:
        blog.posts.update(as_member(ann), post.id, expected_versions=[3], title="Second")
    assert refusal.value.post == first
    assert refusal.value.version == 4


def test_update_without_effect_keeps_the_version(open_blog: OpenBlog, ann: User, post: Post) -> None:
    before = entries(open_blog)
    with open_blog() as blog:
        for _ in range(2):
            assert blog.posts.update(as_member(ann), post.id, expected_versions=[3], title="Hello") == post
    assert entries(open_blog) == before


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_ownership_is_checked_before_the_version(
    open_blog: OpenBlog, ann: User, bob: User, post: Post, change: Change
) -> None:
    absent = PostId(post.id + 1)
    refusals: list[tuple[Member, PostId, type[BlogError]]] = [
        (as_member(ann, Scope.POSTS_READ), post.id, OutOfScope),
        (as_member(ann, Scope.POSTS_READ), absent, OutOfScope),
        (as_member(ann), absent, PostNotFound),
        (as_member(bob), post.id, NotTheAuthor),
        (as_member(ann), post.id, VersionConflict),
    ]
    for actor, post_id, refusal in refusals:
        with open_blog() as blog, pytest.raises(BlogError) as told:
            change(blog, actor, post_id, [1])
        assert type(told.value) is refusal


def test_version_is_checked_before_validation(open_blog: OpenBlog, ann: User, post: Post) -> None:
    with open_blog() as blog:
        with pytest.raises(VersionConflict):
            blog.posts.update(as_member(ann), post.id, expected_versions=[1], title="")
        with pytest.raises(ValidationFailed):
            blog.posts.update(as_member(ann), post.id, expected_versions=[3], title="")
        assert blog.posts.get(post.id) == post
