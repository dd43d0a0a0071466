"""Rules of batches of posts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.domain.actors import as_member, entries

from blog.domain.accounts.actors import Member, OutOfScope, Scope
from blog.domain.accounts.user import User
from blog.domain.audit import Event
from blog.domain.blog import OpenBlog
from blog.domain.errors import BlogError, FieldError, ValidationFailed
from blog.domain.posts.batch import (
    MAX_BATCH_SIZE,
    MAX_CHARACTERS,
    BatchOperation,
    BatchOperationFailed,
    CreatePost,
    DeletePost,
    UpdatePost,
    apply_batch,
)
from blog.domain.posts.post import MAX_BODY_LENGTH, MAX_TITLE_LENGTH, NotTheAuthor, Post, PostNotFound, VersionConflict
from blog.domain.shared import PostId
from blog.testing.contracts import FrozenClock

NOTHING = PostId(404)
FINE = CreatePost(title="Fine", body="Fine")


@pytest.fixture
def posts(open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User) -> Sequence[Post]:
    """Three posts of ann's, and one of bob's."""
    with open_blog() as blog:
        posts = [blog.posts.create(as_member(user), title="Hello", body="World") for user in (ann, ann, ann, bob)]
    clock.move(timedelta(hours=1))
    return posts


def apply_all(open_blog: OpenBlog, actor: Member, *operations: BatchOperation) -> list[Post | None]:
    with open_blog() as blog:
        return apply_batch(blog.posts, actor, operations)


def refused(open_blog: OpenBlog, actor: Member, *operations: BatchOperation) -> BlogError:
    """Apply a batch that is refused and must change nothing. Return the error."""
    with open_blog() as blog:
        posts, found = blog.posts.page().posts, blog.search.find("fine hello").results
    before = entries(open_blog)
    with pytest.raises(BlogError) as refusal:
        apply_all(open_blog, actor, *operations)
    with open_blog() as blog:
        assert (blog.posts.page().posts, blog.search.find("fine hello").results) == (posts, found)
    assert entries(open_blog) == before
    return refusal.value


def reason(refusal: BlogError) -> tuple[int, type[BlogError]]:
    assert isinstance(refusal, BatchOperationFailed)
    assert str(refusal) == f"Operation {refusal.index}: {refusal.reason}"
    return refusal.index, type(refusal.reason)


def test_results_have_the_order_of_the_operations(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, posts: Sequence[Post]
) -> None:
    before = len(entries(open_blog))
    results = apply_all(
        open_blog,
        as_member(ann),
        UpdatePost(post_id=posts[2].id, changes={"title": "Good bye"}),
        CreatePost(title="New", body="Newer"),
        DeletePost(post_id=posts[0].id),
        UpdatePost(post_id=posts[1].id),
    )
    changed = replace(posts[2], title="Good bye", version=2, updated_at=clock())
    new = Post(
        id=PostId(posts[3].id + 1),
        title="New",
        body="Newer",
        slug="post-new",
        author_id=ann.id,
        author="ann",
        created_at=clock(),
        updated_at=clock(),
        published_at=clock(),
        first_paragraph="Newer",
    )
    assert results == [changed, new, None, posts[1]]
    with open_blog() as blog:
        assert blog.posts.page().posts == [new, posts[3], changed, posts[1]]
        assert [each.post for each in blog.search.find("newer").results] == [new]
    assert [(entry.event, entry.actor, entry.subject_id) for entry in entries(open_blog)[before:]] == [
        (Event.POST_CHANGED, "ann", posts[2].id),
        (Event.POST_CREATED, "ann", new.id),
        (Event.POST_DELETED, "ann", posts[0].id),
    ]


def test_second_operation_on_a_post_is_refused_by_its_index(
    open_blog: OpenBlog, ann: User, posts: Sequence[Post]
) -> None:
    one, two = (UpdatePost(post_id=post.id, changes={"title": "Two"}) for post in posts[:2])
    for again in (
        one,
        UpdatePost(post_id=posts[0].id, changes={"body": "Three"}, expected_versions=[2]),
        DeletePost(post_id=posts[0].id),
    ):
        refusal = refused(open_blog, as_member(ann), two, one, FINE, again)
        assert isinstance(refusal, ValidationFailed)
        message = "is changed by operation 1 already: make all changes of a post in one operation"
        assert refusal.errors == (FieldError("operations[3].id", message),)
    assert len(apply_all(open_blog, as_member(ann), two, one, FINE, FINE)) == 4


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("make", [DeletePost, UpdatePost])
def test_one_failed_operation_rolls_back_the_batch(
    open_blog: OpenBlog, ann: User, posts: Sequence[Post], place: int, make: type[UpdatePost | DeletePost]
) -> None:
    others: list[BatchOperation] = [
        FINE,
        UpdatePost(post_id=posts[0].id, changes={"title": "Fine"}),
        DeletePost(post_id=posts[2].id),
    ]

    def tried(operation: BatchOperation) -> tuple[int, type[BlogError]]:
        return reason(refused(open_blog, as_member(ann), *others[:place], operation, *others[place:]))

    assert tried(make(post_id=posts[3].id)) == (place, NotTheAuthor)
    assert tried(make(post_id=NOTHING)) == (place, PostNotFound)
    assert tried(make(post_id=posts[1].id, expected_versions=[2])) == (place, VersionConflict)


def test_admins_cannot_change_posts_of_others_in_a_batch(
    open_blog: OpenBlog, admin: User, posts: Sequence[Post]
) -> None:
    for operation in (UpdatePost(post_id=posts[0].id, changes={"title": "Mine"}), DeletePost(post_id=posts[0].id)):
        assert reason(refused(open_blog, as_member(admin), FINE, operation)) == (1, NotTheAuthor)


def test_version_conflict_lists_the_conflicting_fields(open_blog: OpenBlog, ann: User, posts: Sequence[Post]) -> None:
    stale = UpdatePost(post_id=posts[1].id, changes={"title": "Hello", "body": "You"}, expected_versions=[7])
    refusal = refused(open_blog, as_member(ann), FINE, stale)
    assert isinstance(refusal, BatchOperationFailed)
    assert isinstance(refusal.reason, VersionConflict)
    assert (refusal.reason.version, refusal.reason.conflicting_fields) == (1, ("body",))
    assert str(refusal) == f"Operation 1: Post {posts[1].id} has changed: its version is 1 now."


def test_ownership_is_checked_before_any_change(open_blog: OpenBlog, ann: User, posts: Sequence[Post]) -> None:
    with open_blog() as blog:
        before = blog.posts.page().posts
        for operation in (DeletePost(post_id=posts[3].id), UpdatePost(post_id=NOTHING)):
            with pytest.raises(BatchOperationFailed):
                apply_batch(blog.posts, as_member(ann), [FINE, DeletePost(post_id=posts[0].id), operation])
        assert blog.posts.page().posts == before


def test_posts_are_locked_in_a_fixed_order(open_blog: OpenBlog, ann: User, posts: Sequence[Post]) -> None:
    """Of several refused operations, the one on the lowest id is reported."""
    operations: list[BatchOperation] = [
        DeletePost(post_id=PostId(7_002)),
        FINE,
        UpdatePost(post_id=PostId(7_001)),
        DeletePost(post_id=PostId(7_003)),
    ]
    assert reason(refused(open_blog, as_member(ann), *operations)) == (2, PostNotFound)


def test_validation_errors_of_all_operations_are_reported_together(
    open_blog: OpenBlog, ann: User, posts: Sequence[Post]
) -> None:
    refusal = refused(
        open_blog,
        as_member(ann),
        FINE,
        CreatePost(title="", body="\0"),
        UpdatePost(post_id=posts[3].id, changes={"title": "x" * (MAX_TITLE_LENGTH + 1)}),
        UpdatePost(post_id=NOTHING, changes={"body": ""}),
        UpdatePost(post_id=posts[0].id, changes={}),
        DeletePost(post_id=NOTHING),
        CreatePost(title="T", body="B"),
    )
    assert isinstance(refusal, ValidationFailed)
    assert refusal.errors == (
        FieldError("operations[1].title", "must not be blank"),
        FieldError(
            "operations[1].body",
            "must not contain control characters or lone surrogates: U+0000 is at line 1, column 1",
        ),
        FieldError("operations[2].title", f"must have at most {MAX_TITLE_LENGTH} characters"),
        FieldError("operations[3].body", "must not be blank"),
        FieldError(
            "operations[5].id", "is changed by operation 3 already: make all changes of a post in one operation"
        ),
    )


@pytest.mark.parametrize("make", [DeletePost, UpdatePost])
def test_total_text_of_a_batch_is_limited(open_blog: OpenBlog, ann: User, make: type[UpdatePost | DeletePost]) -> None:
    with open_blog() as blog:
        large = [blog.posts.create(as_member(ann), title="Large", body="x" * MAX_BODY_LENGTH).id for _ in range(21)]
    operations = [make(post_id=post_id) for post_id in large]
    refusal = refused(open_blog, as_member(ann), FINE, *operations)
    assert isinstance(refusal, ValidationFailed)
    message = f"must change posts of at most {MAX_CHARACTERS} characters together: send fewer operations at once"
    assert refusal.errors == (FieldError("operations", message),)
    assert len(apply_all(open_blog, as_member(ann), FINE, *operations[:20])) == 21


@pytest.mark.parametrize("number", [0, MAX_BATCH_SIZE + 1])
def test_number_of_operations_is_limited(open_blog: OpenBlog, ann: User, number: int) -> None:
    refusal = refused(open_blog, as_member(ann), *[FINE] * number)
    assert isinstance(refusal, ValidationFailed)
    assert refusal.errors == (FieldError("operations", f"must be from 1 to {MAX_BATCH_SIZE}"),)


def test_batch_may_have_a_hundred_operations(open_blog: OpenBlog, ann: User) -> None:
    results = apply_all(open_blog, as_member(ann), *[FINE] * 100)
    assert len({post.id for post in results if post}) == 100
    with open_blog() as blog:
        assert blog.posts.count() == 100


def test_token_without_scope_is_refused_first(open_blog: OpenBlog, ann: User, posts: Sequence[Post]) -> None:
    reader = as_member(ann, Scope.POSTS_READ, Scope.ACCOUNT)
    for operations in (
        [],
        [FINE],
        [CreatePost(title="", body="")],
        [DeletePost(post_id=NOTHING)],
        [DeletePost(post_id=posts[0].id)],
    ):
        assert isinstance(refused(open_blog, reader, *operations), OutOfScope)
