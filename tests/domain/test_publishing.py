"""Drafts, schedules and publication."""

import inspect
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.actors import OPERATOR, as_member, entries

from blog.domain.accounts.actors import Member, NotAMember, OutOfScope, Scope
from blog.domain.accounts.user import PostsOnDeletion, User
from blog.domain.audit import Event
from blog.domain.blog import OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.maintenance import run_maintenance
from blog.domain.posts.batch import (
    BatchOperationFailed,
    CreatePost,
    DeletePost,
    PublishPost,
    UnpublishPost,
    UpdatePost,
    apply_batch,
)
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import NotTheAuthor, Post, PostNotFound, Status, VersionConflict
from blog.domain.posts.repository import PostRepository
from blog.domain.posts.use_cases import Posts
from blog.domain.posts.visibility import Everything, Own, Public, Reader, Reason, sees, sight_of
from blog.domain.search.index import PostIndex
from blog.domain.shared import PostId, UserId
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import NOON

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
CONTENT: Any = {"title": "Hello", "body": "World"}


def draft(open_blog: OpenBlog, user: User) -> Post:
    with open_blog() as blog:
        return blog.posts.create(as_member(user), status=Status.DRAFT, **CONTENT)


def scheduled(open_blog: OpenBlog, user: User, at: datetime = NOON + HOUR) -> Post:
    with open_blog() as blog:
        return blog.posts.create(as_member(user), published_at=at, **CONTENT)


def published(open_blog: OpenBlog, user: User) -> Post:
    with open_blog() as blog:
        return blog.posts.create(as_member(user), **CONTENT)


def listed(open_blog: OpenBlog) -> Sequence[Post]:
    """The posts that everybody sees: the same in every list, count and search."""
    with open_blog() as blog:
        posts = blog.posts.page().posts
        assert blog.posts.count() == len(posts)
        assert [result.post for result in blog.search.find("hello").results] == sorted(
            posts, key=lambda post: post.id, reverse=True
        )
        assert blog.search.count("hello") == len(posts)
        for order in SortOrder:
            assert {post.id for post in blog.posts.page(order).posts} == {post.id for post in posts}
        return posts


def own(open_blog: OpenBlog, user: User, status: Status) -> Sequence[Post]:
    with open_blog() as blog:
        posts = blog.posts.own_page(as_member(user), status).posts
        assert blog.posts.own_count(as_member(user), status) == len(posts)
        return posts


def test_a_post_is_published_at_once_by_default(open_blog: OpenBlog, ann: User) -> None:
    post = published(open_blog, ann)
    assert (post.published_at, post.status(NOON), post.status(NOON - TICK)) == (
        NOON,
        Status.PUBLISHED,
        Status.SCHEDULED,
    )
    assert listed(open_blog) == own(open_blog, ann, Status.PUBLISHED) == [post]


def test_a_draft_is_seen_by_its_author_alone(open_blog: OpenBlog, ann: User, bob: User, admin: User) -> None:
    post = draft(open_blog, ann)
    assert (post.published_at, post.status(NOON)) == (None, Status.DRAFT)
    assert listed(open_blog) == []
    assert own(open_blog, ann, Status.DRAFT) == [post]
    assert own(open_blog, bob, Status.DRAFT) == own(open_blog, ann, Status.SCHEDULED) == []
    with open_blog() as blog:
        assert blog.posts.get(post.id, as_member(ann)) == post
        for other in (None, as_member(bob), as_member(admin)):
            with pytest.raises(PostNotFound, match=f"^There is no post {post.id}.$"):
                blog.posts.get(post.id, other)


def test_a_scheduled_post_appears_at_its_time(open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User) -> None:
    post = scheduled(open_blog, ann)
    clock.move(HOUR - TICK)
    assert listed(open_blog) == own(open_blog, ann, Status.PUBLISHED) == []
    assert own(open_blog, ann, Status.SCHEDULED) == [post]
    with open_blog() as blog, pytest.raises(PostNotFound):
        blog.posts.get(post.id, as_member(bob))
    clock.move(TICK)
    assert listed(open_blog) == own(open_blog, ann, Status.PUBLISHED) == [post]
    assert own(open_blog, ann, Status.SCHEDULED) == []
    with open_blog() as blog:
        assert blog.posts.get(post.id) == post


@pytest.mark.parametrize("kind", [draft, scheduled], ids=["draft", "scheduled"])
def test_nobody_else_can_tell_that_an_unpublished_post_exists(
    open_blog: OpenBlog, ann: User, bob: User, admin: User, kind: Callable[[OpenBlog, User], Post]
) -> None:
    post = kind(open_blog, ann)
    before = entries(open_blog)
    uses: list[Callable[[Posts, Member, PostId], object]] = [
        lambda posts, actor, post_id: posts.get(post_id, actor),
        lambda posts, actor, post_id: posts.get_for_update(actor, post_id),
        lambda posts, actor, post_id: posts.get_for_publication(actor, post_id),
        lambda posts, actor, post_id: posts.update(actor, post_id, expected_versions=[9], title=""),
        lambda posts, actor, post_id: posts.publish(actor, post_id),
        lambda posts, actor, post_id: posts.unpublish(actor, post_id, expected_versions=[9]),
        lambda posts, actor, post_id: posts.delete(actor, post_id),
    ]
    for other in (as_member(bob), as_member(admin)):
        for post_id in (post.id, PostId(post.id + 1)):  # the latter does not exist
            missing = f"There is no post {post_id}"
            for use in uses:
                with open_blog() as blog, pytest.raises(PostNotFound, match=f"^{missing}.$"):
                    use(blog.posts, other, post_id)
            for operation in (
                UpdatePost(post_id=post_id, changes={"title": "Mine"}),
                DeletePost(post_id=post_id),
                PublishPost(post_id=post_id),
                UnpublishPost(post_id=post_id),
            ):
                with open_blog() as blog, pytest.raises(BatchOperationFailed, match=missing) as refusal:
                    apply_batch(blog.posts, other, [operation])
                assert isinstance(refusal.value.reason, PostNotFound)
    assert entries(open_blog) == before


def test_only_the_author_publishes_and_unpublishes(open_blog: OpenBlog, ann: User, bob: User, admin: User) -> None:
    post = published(open_blog, ann)
    with open_blog() as blog:
        for other in (as_member(bob), as_member(admin)):
            for call in (blog.posts.publish, blog.posts.unpublish, blog.posts.get_for_publication):
                with pytest.raises(NotTheAuthor):
                    call(other, post.id)
        with pytest.raises(NotAMember):
            blog.posts.publish(OPERATOR, post.id)  # type: ignore[arg-type]  # at run time too
        with pytest.raises(NotAMember):
            blog.posts.own_page(OPERATOR, Status.DRAFT)  # type: ignore[arg-type]  # as above
    assert listed(open_blog) == [post]


def test_publishing_a_draft_changes_its_time_and_version_only(
    open_blog: OpenBlog, clock: FrozenClock, ann: User
) -> None:
    post = draft(open_blog, ann)
    clock.move(HOUR)
    with open_blog() as blog:
        shown = blog.posts.publish(as_member(ann), post.id, expected_versions=[1])
        assert (shown.published_at, shown.created_at, shown.updated_at, shown.version) == (NOON + HOUR, NOON, NOON, 2)
        assert shown.changed_at == NOON + HOUR
        assert blog.posts.publish(as_member(ann), shown) is shown
    assert listed(open_blog) == [shown]
    assert [(entry.event, entry.detail) for entry in entries(open_blog)[-2:]] == [
        (Event.POST_CREATED, "as a draft"),
        (Event.POST_PUBLISHED, "2024-02-29T13:00:00Z"),
    ]


def test_a_post_is_scheduled_moved_and_published_at_last(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    post = draft(open_blog, ann)
    with open_blog() as blog:
        later = blog.posts.publish(as_member(ann), post.id, at=NOON + HOUR)
        assert later.status(clock()) is Status.SCHEDULED
        moved = blog.posts.publish(as_member(ann), later, at=(NOON + 2 * HOUR).astimezone(timezone(5 * HOUR)))
        assert (moved.published_at, moved.version) == (NOON + 2 * HOUR, 3)
        assert moved.published_at is not None
        assert moved.published_at.tzinfo is UTC
        assert blog.posts.publish(as_member(ann), moved, at=NOON + 2 * HOUR) is moved
    assert listed(open_blog) == []
    with open_blog() as blog:
        now = blog.posts.publish(as_member(ann), post.id)
        assert (now.published_at, now.version) == (NOON, 4)
    assert listed(open_blog) == [now]
    assert [entry.event for entry in entries(open_blog)[-3:]] == [
        Event.POST_SCHEDULED,
        Event.POST_SCHEDULED,
        Event.POST_PUBLISHED,
    ]


def test_an_unpublished_post_is_a_draft_again(open_blog: OpenBlog, ann: User, bob: User) -> None:
    post = published(open_blog, ann)
    with open_blog() as blog:
        hidden = blog.posts.unpublish(as_member(ann), post.id)
        assert (hidden.published_at, hidden.version, hidden.updated_at) == (None, 2, NOON)
        assert blog.posts.unpublish(as_member(ann), hidden) is hidden
    assert listed(open_blog) == []
    assert own(open_blog, ann, Status.DRAFT) == [hidden]
    with open_blog() as blog, pytest.raises(PostNotFound):
        blog.posts.get(post.id, as_member(bob))
    assert entries(open_blog)[-1].event is Event.POST_UNPUBLISHED
    with open_blog() as blog:
        again = blog.posts.publish(as_member(ann), post.id, at=NOON - HOUR)
        blog.posts.update(as_member(ann), again, title="Hello, hello")
    assert [post.title for post in listed(open_blog)] == ["Hello, hello"]


def test_a_draft_is_changed_and_deleted_like_any_post(open_blog: OpenBlog, ann: User) -> None:
    post = draft(open_blog, ann)
    with open_blog() as blog:
        changed = blog.posts.update(as_member(ann), post.id, body="hello")
        assert (changed.published_at, changed.version) == (None, 2)
    assert listed(open_blog) == []
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), post.id, expected_versions=[2])
    assert own(open_blog, ann, Status.DRAFT) == []


@pytest.mark.parametrize("use", ["publish", "unpublish"])
def test_a_version_conflict_is_reported_before_anything_changes(open_blog: OpenBlog, ann: User, use: str) -> None:
    post = published(open_blog, ann)
    with open_blog() as blog:
        for stale in ({"expected_versions": [7]}, {"expected_versions": ["1-other"]}):
            with pytest.raises(VersionConflict) as refusal:
                getattr(blog.posts, use)(as_member(ann), post.id, **stale)
            assert refusal.value.conflicting_fields == ()
    assert listed(open_blog) == [post]


# Scopes of tokens


def test_a_token_that_may_not_publish_makes_drafts(open_blog: OpenBlog, ann: User) -> None:
    writer = as_member(ann, Scope.POSTS_WRITE)
    with open_blog() as blog:
        post = blog.posts.create(writer, **CONTENT)
        assert post.published_at is None
        assert blog.posts.get(post.id, writer) == post
        assert blog.posts.own_page(writer, Status.DRAFT).posts == [post]
        asked: list[dict[str, Any]] = [
            {"status": Status.PUBLISHED},
            {"published_at": NOON + HOUR},
            {"published_at": NOON},
        ]
        for publication in asked:
            with pytest.raises(OutOfScope, match="posts:publish"):
                blog.posts.create(writer, **publication, **CONTENT)
        for call in (blog.posts.publish, blog.posts.unpublish, blog.posts.get_for_publication):
            with pytest.raises(OutOfScope, match="posts:publish"):
                call(writer, post.id)
        changed = blog.posts.update(writer, post, body="changed")
        blog.posts.delete(writer, changed)
    assert own(open_blog, ann, Status.DRAFT) == []


@pytest.mark.parametrize("kind", [published, scheduled], ids=["published", "scheduled"])
def test_a_token_that_may_not_publish_changes_drafts_only(
    open_blog: OpenBlog, ann: User, kind: Callable[[OpenBlog, User], Post]
) -> None:
    post, writer = kind(open_blog, ann), as_member(ann, Scope.POSTS_WRITE)
    assert not post.may_be_changed_by(writer)
    with open_blog() as blog:
        for call in (
            lambda: blog.posts.update(writer, post.id, title="Mine"),
            lambda: blog.posts.delete(writer, post.id),
            lambda: blog.posts.get_for_update(writer, post.id),
        ):
            with pytest.raises(OutOfScope, match="posts:publish"):
                call()
    with open_blog() as blog:
        assert blog.posts.get(post.id, as_member(ann)) == post


def test_a_token_that_may_only_publish_sees_posts_and_changes_none(open_blog: OpenBlog, ann: User) -> None:
    post, publisher = draft(open_blog, ann), as_member(ann, Scope.POSTS_PUBLISH)
    with open_blog() as blog:
        assert blog.posts.get(post.id, publisher) == post
        assert blog.posts.own_page(publisher, Status.DRAFT).posts == [post]
        for call in (blog.posts.update, blog.posts.delete, blog.posts.get_for_update):
            with pytest.raises(OutOfScope, match="posts:write"):
                call(publisher, post.id)
        assert blog.posts.publish(publisher, post.id).published_at == NOON
        assert blog.posts.unpublish(publisher, post.id).published_at is None


def test_a_token_that_may_neither_read_nor_change_posts_sees_no_draft(open_blog: OpenBlog, ann: User) -> None:
    post, account = draft(open_blog, ann), as_member(ann, Scope.ACCOUNT)
    with open_blog() as blog:
        with pytest.raises(PostNotFound):
            blog.posts.get(post.id, account)
        for call in (blog.posts.own_page, blog.posts.own_count):
            with pytest.raises(OutOfScope, match="posts:read"):
                call(account, Status.DRAFT)


def test_a_post_that_was_published_meanwhile_stays_as_it_is(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    post = draft(open_blog, ann)
    with open_blog() as blog:
        assert blog.posts.page().posts == []
        clock.move(HOUR)
        with open_blog() as other:
            shown = other.posts.publish(as_member(ann), post.id)
        assert blog.posts.publish(as_member(ann), post.id) == shown


def test_equal_version_tags_mean_equal_posts() -> None:
    author = as_member(User(id=UserId(1), username="ann", created_at=NOON))
    hidden = Post.create(author, NOON, None, title="abcd", body="X")
    shown = Post.create(author, NOON, NOON, title="None", body="abcdX")
    assert hidden.version_tag != shown.version_tag


# Validation


@pytest.mark.parametrize(
    ("publication", "expected"),
    [
        ({}, NOON),
        ({"status": Status.PUBLISHED}, NOON),
        ({"status": Status.DRAFT}, None),
        ({"published_at": NOON}, NOON),
        ({"published_at": NOON + TICK}, NOON + TICK),
        ({"published_at": NOON - 9999 * HOUR, "status": Status.PUBLISHED}, NOON - 9999 * HOUR),
        ({"published_at": NOON + HOUR, "status": Status.SCHEDULED}, NOON + HOUR),
        ({"published_at": datetime(1000, 1, 1, tzinfo=UTC)}, datetime(1000, 1, 1, tzinfo=UTC)),
        ({"published_at": datetime(9998, 12, 31, tzinfo=UTC)}, datetime(9998, 12, 31, tzinfo=UTC)),
    ],
)
def test_status_and_time_say_when_a_new_post_is_published(
    open_blog: OpenBlog, ann: User, publication: dict[str, Any], expected: datetime | None
) -> None:
    with open_blog() as blog:
        assert blog.posts.create(as_member(ann), **publication, **CONTENT).published_at == expected
        (post,) = apply_batch(blog.posts, as_member(ann), [CreatePost(**publication, **CONTENT)])
        assert post is not None
        assert post.published_at == expected


@pytest.mark.parametrize(
    ("publication", "field", "message"),
    [
        ({"status": Status.SCHEDULED}, "published_at", "is required for a scheduled post"),
        (
            {"status": Status.DRAFT, "published_at": NOON},
            "status",
            "does not fit published_at: must be published, or be left out",
        ),
        (
            {"status": Status.PUBLISHED, "published_at": NOON + TICK},
            "status",
            "does not fit published_at: must be scheduled, or be left out",
        ),
        (
            {"status": Status.SCHEDULED, "published_at": NOON},
            "status",
            "does not fit published_at: must be published, or be left out",
        ),
        ({"published_at": datetime(2026, 1, 1)}, "published_at", "must have a time zone"),  # noqa: DTZ001 - that is tested
        (
            {"published_at": datetime(999, 12, 31, tzinfo=UTC)},
            "published_at",
            "must be in a year from 1000 to 9998",
        ),
        ({"published_at": datetime(9999, 1, 1, tzinfo=UTC)}, "published_at", "must be in a year from 1000 to 9998"),
    ],
)
def test_status_and_time_that_do_not_fit_are_refused(
    open_blog: OpenBlog, ann: User, publication: dict[str, Any], field: str, message: str
) -> None:
    before = entries(open_blog)
    with open_blog() as blog:
        with pytest.raises(ValidationFailed) as refusal:
            blog.posts.create(as_member(ann), **publication, **CONTENT)
        assert refusal.value.errors == (FieldError(field, message),)
        with pytest.raises(ValidationFailed) as refusal:
            apply_batch(blog.posts, as_member(ann), [CreatePost(**CONTENT), CreatePost(**publication, **CONTENT)])
        assert refusal.value.errors == (FieldError(f"operations[1].{field}", message),)
    assert entries(open_blog) == before


def test_a_time_to_publish_at_is_validated(open_blog: OpenBlog, ann: User) -> None:
    post, wrong = draft(open_blog, ann), datetime(9999, 1, 1, tzinfo=UTC)
    with open_blog() as blog:
        with pytest.raises(ValidationFailed) as refusal:
            blog.posts.publish(as_member(ann), post.id, at=wrong)
        assert [error.field for error in refusal.value.errors] == ["at"]
        with pytest.raises(ValidationFailed) as refusal:
            apply_batch(blog.posts, as_member(ann), [PublishPost(post_id=post.id, at=wrong)])
        assert [error.field for error in refusal.value.errors] == ["operations[0].at"]


def test_a_batch_publishes_and_unpublishes(open_blog: OpenBlog, ann: User) -> None:
    first, second, third = draft(open_blog, ann), published(open_blog, ann), draft(open_blog, ann)
    with open_blog() as blog:
        results = apply_batch(
            blog.posts,
            as_member(ann),
            [
                PublishPost(post_id=first.id, expected_versions=[1]),
                UnpublishPost(post_id=second.id),
                PublishPost(post_id=third.id, at=NOON + HOUR),
            ],
        )
    assert [post and post.published_at for post in results] == [NOON, None, NOON + HOUR]
    assert listed(open_blog) == [results[0]]


def test_a_batch_of_a_token_that_may_not_publish_is_refused_whole(open_blog: OpenBlog, ann: User) -> None:
    post, writer = draft(open_blog, ann), as_member(ann, Scope.POSTS_WRITE)
    with open_blog() as blog, pytest.raises(BatchOperationFailed) as refusal:
        apply_batch(blog.posts, writer, [CreatePost(**CONTENT), PublishPost(post_id=post.id)])
    assert isinstance(refusal.value.reason, OutOfScope)
    with open_blog() as blog, pytest.raises(BatchOperationFailed):
        apply_batch(blog.posts, writer, [CreatePost(**CONTENT, status=Status.PUBLISHED)])
    assert own(open_blog, ann, Status.DRAFT) == [post]


# Lists


def test_lists_go_by_publication_and_change(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    old_draft = draft(open_blog, ann)
    clock.move(HOUR)
    middle = published(open_blog, ann)
    clock.move(HOUR)
    with open_blog() as blog:
        late = blog.posts.publish(as_member(ann), old_draft.id)
    early = scheduled(open_blog, ann, NOON - HOUR)
    with open_blog() as blog:
        assert blog.posts.page(SortOrder.NEWEST).posts == [late, middle, early]
        assert blog.posts.page(SortOrder.OLDEST).posts == [early, middle, late]
        assert blog.posts.page(SortOrder.UPDATED).posts == [early, late, middle]
        assert blog.posts.page(published_after=NOON).posts == [late, middle]
        assert blog.posts.page(published_before=NOON).posts == [early]
        assert blog.posts.own_page(as_member(ann), Status.DRAFT, published_before=NOON).posts == []


def test_drafts_are_listed_by_their_last_change(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    first, second = draft(open_blog, ann), draft(open_blog, ann)
    clock.move(HOUR)
    with open_blog() as blog:
        first = blog.posts.update(as_member(ann), first.id, body="changed")
        for order in (SortOrder.NEWEST, SortOrder.UPDATED):
            page = blog.posts.own_page(as_member(ann), Status.DRAFT, order, limit=1)
            assert page.posts == [first]
            following = blog.posts.own_page(as_member(ann), Status.DRAFT, order, limit=1, after=page.next)
            assert (following.posts, following.next) == ([second], None)
        assert blog.posts.own_page(as_member(ann), Status.DRAFT, SortOrder.OLDEST).posts == [second, first]


# Accounts


@pytest.mark.parametrize("fate", PostsOnDeletion)
def test_unpublished_posts_of_a_deleted_account_are_deleted(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, fate: PostsOnDeletion
) -> None:
    for kind in (draft, scheduled, published):
        for _ in range(2):
            kind(open_blog, ann)
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, fate)
    run_maintenance(open_blog)
    clock.move(2 * HOUR)
    assert [post.author for post in listed(open_blog)] == (["deleted-user"] * 2 if fate is PostsOnDeletion.KEEP else [])


def test_personal_data_has_drafts(open_blog: OpenBlog, ann: User, bob: User) -> None:
    posts = [kind(open_blog, ann) for kind in (draft, scheduled, published)]
    draft(open_blog, bob)
    with open_blog() as blog:
        shown = blog.personal_data.page(as_member(ann)).posts
    assert [post.id for post in shown] == [post.id for post in posts]


# The rule

POSTS = [
    Post.create(as_member(User(id=UserId(author), username="x", created_at=NOON)), NOON, at, **CONTENT)
    for author in (1, 2)
    for at in (None, NOON - TICK, NOON, NOON + TICK)
]
POSTS.append(POSTS[1].trashed(NOON))


def test_the_rule_of_visibility() -> None:
    def seen(sight: Any) -> list[int]:
        return [number for number, post in enumerate(POSTS) if sees(sight, post)]

    assert seen(Public(NOON)) == [1, 2, 5, 6]
    assert seen(Public(NOON + TICK)) == [1, 2, 3, 5, 6, 7]
    assert seen(Reader(NOON, UserId(1))) == [0, 1, 2, 3, 5, 6]
    assert seen(Own(NOON, UserId(1), Status.DRAFT)) == [0]
    assert seen(Own(NOON, UserId(1), Status.PUBLISHED)) == [1, 2]
    assert seen(Own(NOON, UserId(1), Status.SCHEDULED)) == [3]
    assert seen(Own(NOON, UserId(1), Status.TRASHED)) == [8]
    for reason in Reason:
        assert seen(Everything(reason)) == list(range(9))
    with pytest.raises(AssertionError):
        sees("everything", POSTS[0])  # type: ignore[arg-type]  # that is tested


@given(st.sampled_from(POSTS), st.timedeltas(-HOUR, HOUR), st.timedeltas(timedelta(0), HOUR))
def test_time_alone_never_hides_a_post(post: Post, start: timedelta, later: timedelta) -> None:
    assert not sees(Public(NOON + start), post) or sees(Public(NOON + start + later), post)


def test_a_client_sees_with_the_eyes_of_its_token(ann: User) -> None:
    assert sight_of(None, NOON) == Public(NOON)
    for scope in Scope:
        reads = scope in {Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH}
        assert sight_of(as_member(ann, scope), NOON) == (Reader(NOON, ann.id) if reads else Public(NOON))


def test_every_method_that_returns_posts_takes_a_sight() -> None:
    kinds = {"Public", "Reader", "Own", "Everything"}
    exempt = {"add", "save", "remove", "put", "next_publication", "settle_tag_counts"}
    checked = set()
    for port in (PostRepository, PostIndex):
        for name, method in vars(port).items():
            if name.startswith("_") or not inspect.isfunction(method) or name in exempt:
                continue
            _, first, *others = inspect.signature(method).parameters.values()
            assert first.name == "sight", f"{port.__name__}.{name}: its first argument is the sight"
            assert first.default is inspect.Parameter.empty, f"{port.__name__}.{name}: a sight has no default"
            assert "sight" not in {other.name for other in others}
            hint = str(get_type_hints(method)["sight"])
            assert any(kind in hint for kind in kinds), hint
            checked.add(name)
    assert checked == {
        "get", "get_for_update", "page", "count", "written_by", "next_author", "tags", "find",
        "remove_batch", "reassign_batch", "purge_trash",
    }  # fmt: skip
