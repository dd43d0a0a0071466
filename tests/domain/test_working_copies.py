"""Rules of working copies: saved without publishing, applied on request, seen by nobody but the author."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from tests.domain.actors import OPERATOR, as_member, entries

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Member, NotAMember, OutOfScope, Scope
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.user import PostsOnDeletion, User
from blog.domain.audit import Event
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.maintenance import run_maintenance
from blog.domain.posts.batch import MAX_CHARACTERS, BatchOperationFailed, PublishPost, apply_batch
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import (
    MAX_BODY_LENGTH,
    NotTheAuthor,
    Post,
    PostContent,
    PostNotFound,
    Status,
    VersionConflict,
    content_of,
)
from blog.domain.posts.working_copies import CopyOfPost, OutdatedWorkingCopy, WorkingCopy, WorkingCopyConflict
from blog.domain.shared import PostId
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import NOON, another_value

HOUR = timedelta(hours=1)
CONTENT: Any = {"title": "Hello", "body": "World"}
OTHER: Any = {"title": "Goodbye", "body": "Moon"}

UseCase = Callable[[Any, Any, PostId], object]
READ: UseCase = lambda blog, actor, post_id: blog.working_copies.get(actor, post_id)  # noqa: E731
LOCK: UseCase = lambda blog, actor, post_id: blog.working_copies.get_for_update(actor, post_id)  # noqa: E731
SAVE: UseCase = lambda blog, actor, post_id: blog.working_copies.save(actor, post_id, based_on=1, **OTHER)  # noqa: E731
DISCARD: UseCase = lambda blog, actor, post_id: blog.working_copies.discard(actor, post_id)  # noqa: E731
APPLY: UseCase = lambda blog, actor, post_id: blog.posts.apply_working_copy(actor, post_id)  # noqa: E731
use_cases = pytest.mark.parametrize(
    "use_case", [READ, LOCK, SAVE, DISCARD, APPLY], ids=["read", "lock", "save", "discard", "apply"]
)


def create(open_blog: OpenBlog, user: User, status: Status = Status.PUBLISHED, **content: Any) -> Post:
    at = NOON + HOUR if status is Status.SCHEDULED else None
    with open_blog() as blog:
        return blog.posts.create(as_member(user), status=status, published_at=at, **CONTENT | content)


def save(open_blog: OpenBlog, user: User, post: Post, **changes: Any) -> CopyOfPost:
    """Save a working copy, based on the version of this post."""
    with open_blog() as blog:
        return blog.working_copies.save(as_member(user), post.id, **{"based_on": post.version, **OTHER, **changes})


def shown(open_blog: OpenBlog, user: User, post: Post) -> CopyOfPost:
    with open_blog() as blog:
        return blog.working_copies.get(as_member(user), post.id)


def update(open_blog: OpenBlog, user: User, post: Post, **changes: Any) -> Post:
    with open_blog() as blog:
        return blog.posts.update(as_member(user), post.id, **changes)


def apply(open_blog: OpenBlog, user: User, post: Post, **options: Any) -> Post:
    with open_blog() as blog:
        return blog.posts.apply_working_copy(as_member(user), post.id, **options)


def publish(open_blog: OpenBlog, user: User, post: Post, **options: Any) -> Post:
    with open_blog() as blog:
        return blog.posts.publish(as_member(user), post.id, **options)


def text_of(copy: WorkingCopy) -> tuple[str, str]:
    return copy.content.title, copy.content.body


def faults(open_blog: OpenBlog, user: User, post: Post, **changes: Any) -> list[str]:
    with pytest.raises(ValidationFailed) as refused:
        save(open_blog, user, post, **changes)
    return [error.field for error in refused.value.errors]


def test_without_a_copy_the_author_begins_with_the_post(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann, tags=["sea"])
    begun = shown(open_blog, ann, post)
    assert begun == CopyOfPost(WorkingCopy.of(post), post)
    assert begun.copy.content == PostContent(**content_of(post))
    assert (begun.copy.based_on, begun.copy.saved_at, begun.is_outdated) == (1, None, False)


def test_a_saved_copy_is_kept_beside_the_post(open_blog: OpenBlog, ann: User, clock: FrozenClock) -> None:
    post = create(open_blog, ann, tags=["sea"])
    clock.move(HOUR)
    saved = save(open_blog, ann, post)
    expected = replace(WorkingCopy.of(post).content, **OTHER)
    assert saved.copy == WorkingCopy(post_id=post.id, based_on=1, saved_at=clock(), content=expected)
    assert shown(open_blog, ann, post) == saved == (saved.copy, post)
    assert not saved.is_outdated


def test_a_save_changes_nothing_that_others_see(open_blog: OpenBlog, ann: User, clock: FrozenClock) -> None:
    post = create(open_blog, ann)
    before = entries(open_blog)
    clock.move(HOUR)
    save(open_blog, ann, post)
    with open_blog() as blog:
        assert blog.posts.get(post.id) == blog.posts.get(post.id, as_member(ann)) == post
        assert list(blog.posts.page().posts) == [post]
        assert [found.post for found in blog.search.find("hello").results] == [post]
        assert not blog.search.find("goodbye").results
        assert [each.title for each in blog.exporter.page(OPERATOR).posts] == ["Hello"]
    assert entries(open_blog) == before


def test_each_save_replaces_the_one_before(open_blog: OpenBlog, ann: User, clock: FrozenClock) -> None:
    post = create(open_blog, ann)
    for number in range(3):
        clock.move(HOUR)
        saved = save(open_blog, ann, post, body=f"Draft {number}")
        assert shown(open_blog, ann, post) == saved
        assert saved.copy.saved_at == clock()


def test_the_same_save_again_writes_nothing(
    open_blog: OpenBlog, store: MemoryStore, ann: User, clock: FrozenClock
) -> None:
    post = create(open_blog, ann)
    saved = save(open_blog, ann, post)
    clock.move(HOUR)
    assert save(open_blog, ann, post) == save(open_blog, ann, post, expected_tags=["unknown"]) == saved
    assert save(open_blog, ann, create(open_blog, ann), **CONTENT).copy.saved_at is None  # it equals the post
    assert list(store._tables.working_copies.rows) == [post.id]


def test_a_field_that_is_left_out_stays(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann, tags=["sea"], slug="hello")
    with open_blog() as blog:
        first = blog.working_copies.save(as_member(ann), post.id, based_on=1, title="One", tags=["land"]).copy
        second = blog.working_copies.save(as_member(ann), post.id, based_on=1, body="Two").copy
    assert first.content == PostContent(title="One", body="World", slug="hello", tags=("land",))
    assert second.content == replace(first.content, body="Two")


def test_a_copy_need_not_be_finished(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    for title, body in (("", ""), (" ", "\n"), ("", "Moon")):
        assert text_of(save(open_blog, ann, post, title=title, body=body).copy) == (title, body)
    for options in ({}, {"expected_versions": [1]}):
        with pytest.raises(ValidationFailed) as refused:
            apply(open_blog, ann, post, **options)
        assert refused.value.errors == (FieldError("title", "must not be blank"),)
    with open_blog() as blog, pytest.raises(ValidationFailed):  # the unit is committed
        blog.posts.apply_working_copy(as_member(ann), post.id)
    assert text_of(shown(open_blog, ann, post).copy) == ("", "Moon")


def test_lengths_and_characters_of_a_copy_are_those_of_a_post(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    wrong = {"title": "x" * 201, "body": "\0", "slug": "Not A Slug", "tags": [" "], "based_on": 2}
    assert faults(open_blog, ann, post, **wrong) == ["title", "body", "slug", "tags[0]", "based_on"]
    assert faults(open_blog, ann, post, title="\x1b", body="x" * (MAX_BODY_LENGTH + 1)) == ["title", "body"]
    assert faults(open_blog, ann, post, based_on=0) == ["based_on"]
    assert shown(open_blog, ann, post).copy.saved_at is None


def test_a_copy_of_an_older_version_is_saved_and_outdated(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    changed = update(open_blog, ann, post, body="Sun")
    saved = save(open_blog, ann, post)
    assert saved.is_outdated
    assert saved.post == changed
    assert shown(open_blog, ann, post) == saved
    assert save(open_blog, ann, post, body="Mars").copy.based_on == 1  # the author may go on


def test_an_update_leaves_the_copy_which_is_outdated_then(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    saved = save(open_blog, ann, post)
    changed = update(open_blog, ann, post, body="Sun")
    assert shown(open_blog, ann, post) == CopyOfPost(saved.copy, changed)
    assert shown(open_blog, ann, post).is_outdated


def test_a_copy_on_another_base_replaces_none_that_its_author_has_not_seen(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    saved = save(open_blog, ann, post)
    changed = update(open_blog, ann, post, body="Sun")
    for expected in (None, [], ["0" * 32], [WorkingCopy.of(changed).tag]):
        with pytest.raises(WorkingCopyConflict) as refused:
            save(open_blog, ann, changed, body="Mars", expected_tags=expected)
        assert (refused.value.copy, refused.value.post) == (saved.copy, changed)
        assert str(refused.value) == f"The working copy of post {post.id} is another one, based on version 1."
    assert shown(open_blog, ann, post).copy == saved.copy
    replaced = save(open_blog, ann, changed, body="Mars", expected_tags=[saved.copy.tag])
    assert (text_of(replaced.copy), replaced.copy.based_on) == (("Goodbye", "Mars"), 2)
    assert not replaced.is_outdated


def test_two_tabs_with_one_base_notice_each_other_by_the_tag(
    open_blog: OpenBlog, ann: User, clock: FrozenClock
) -> None:
    post = create(open_blog, ann)
    begun = shown(open_blog, ann, post).copy.tag
    first = save(open_blog, ann, post, expected_tags=[begun])
    with pytest.raises(WorkingCopyConflict) as refused:
        save(open_blog, ann, post, body="Of the other tab", expected_tags=[begun])
    assert refused.value.copy == first.copy
    clock.move(HOUR)
    tags = {begun, first.copy.tag, save(open_blog, ann, post, body="Sun").copy.tag}
    clock.move(HOUR)
    assert len(tags | {save(open_blog, ann, post).copy.tag}) == 4  # also where the text is the same again


@pytest.mark.parametrize("field", [field.name for field in fields(PostContent)])
def test_copies_that_differ_in_one_field_have_different_tags(field: str) -> None:
    copy = WorkingCopy(
        post_id=PostId(1),
        based_on=1,
        saved_at=NOON,
        content=PostContent(title="None", body="ab", slug="c", tags=("d",), summary="None"),
    )
    values: dict[str, Any] = {**content_of(copy.content)}
    for other in (another_value(field, values[field]), *values.values(), None, "", "a", "abc", ("None",)):
        content: Any = {**values, field: other}
        changed = replace(copy, content=PostContent(**content))
        assert (changed.tag == copy.tag) is (other == values[field]), other
    for changed in (replace(copy, based_on=2), replace(copy, post_id=PostId(2)), replace(copy, saved_at=None)):
        assert changed.tag != copy.tag


def test_a_discarded_copy_is_gone(open_blog: OpenBlog, ann: User, clock: FrozenClock) -> None:
    post = create(open_blog, ann)
    saved = save(open_blog, ann, post)
    clock.move(HOUR)
    with open_blog() as blog:
        with pytest.raises(WorkingCopyConflict):
            blog.working_copies.discard(as_member(ann), post.id, expected_tags=["0" * 32])
        assert blog.working_copies.get(as_member(ann), post.id) == saved
        blog.working_copies.discard(as_member(ann), post.id, expected_tags=[saved.copy.tag])
    assert shown(open_blog, ann, post) == CopyOfPost(WorkingCopy.of(post), post)
    with open_blog() as blog:
        blog.working_copies.discard(as_member(ann), post.id)  # there is none
        locked = blog.working_copies.save(as_member(ann), post.id, based_on=1, **OTHER)
        blog.working_copies.discard(as_member(ann), locked)
        assert blog.working_copies.get_for_update(as_member(ann), post.id).copy.saved_at is None


def test_an_applied_copy_is_the_next_version(open_blog: OpenBlog, ann: User, clock: FrozenClock) -> None:
    post = create(open_blog, ann)
    save(open_blog, ann, post, tags=["land"])
    clock.move(HOUR)
    applied = apply(open_blog, ann, post)
    assert applied == replace(post, **OTHER, tags=("land",), first_paragraph="Moon", version=2, updated_at=clock())
    with open_blog() as blog:
        assert blog.posts.get(post.id) == applied
        assert [found.post for found in blog.search.find("goodbye").results] == [applied]
        assert not blog.search.find("hello").results
    assert [entry.event for entry in entries(open_blog)][-1] is Event.POST_CHANGED
    assert shown(open_blog, ann, post) == CopyOfPost(WorkingCopy.of(applied), applied)
    recorded = entries(open_blog)
    assert apply(open_blog, ann, post) == applied  # there is nothing to apply any more
    assert entries(open_blog) == recorded


def test_a_copy_that_equals_its_post_is_applied_without_a_new_version(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    save(open_blog, ann, post)
    save(open_blog, ann, post, **CONTENT)
    assert apply(open_blog, ann, post) == post
    assert shown(open_blog, ann, post).copy.saved_at is None


def test_an_outdated_copy_is_applied_only_over_a_version_that_its_author_has_seen(
    open_blog: OpenBlog, ann: User
) -> None:
    post = create(open_blog, ann)
    saved = save(open_blog, ann, post)
    changed = update(open_blog, ann, post, body="Sun")
    for expected in (None, [1], [post.version_tag], []):
        with pytest.raises(OutdatedWorkingCopy) as refused:
            apply(open_blog, ann, post, expected_versions=expected)
        assert (refused.value.copy, refused.value.post) == (saved.copy, changed)
        assert "is 2 now. The working copy is based on version 1." in str(refused.value)
    assert shown(open_blog, ann, post) == CopyOfPost(saved.copy, changed)
    applied = apply(open_blog, ann, post, expected_versions=[changed.version_tag])
    assert (applied.title, applied.body, applied.version) == ("Goodbye", "Moon", 3)


def test_without_a_copy_an_unexpected_version_is_reported_too(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    with pytest.raises(VersionConflict) as refused:
        apply(open_blog, ann, post, expected_versions=[7])
    assert (refused.value.post, refused.value.conflicting_fields) == (post, ())


def test_a_copy_whose_slug_is_taken_is_not_applied(open_blog: OpenBlog, ann: User) -> None:
    post, other = create(open_blog, ann), create(open_blog, ann, slug="taken")
    saved = save(open_blog, ann, post, slug=other.slug)
    with pytest.raises(ValidationFailed, match="slug: is taken"):
        apply(open_blog, ann, post)
    assert shown(open_blog, ann, post) == saved


@pytest.mark.parametrize("at", [None, NOON + HOUR])
def test_a_draft_is_published_with_its_copy_in_one_change(open_blog: OpenBlog, ann: User, at: Any) -> None:
    post = create(open_blog, ann, Status.DRAFT)
    save(open_blog, ann, post)
    with open_blog() as blog:
        assert blog.posts.get(post.id, as_member(ann)) == post  # the saved version, until then
    before = entries(open_blog)
    published = publish(open_blog, ann, post, at=at)
    assert published == replace(
        post, **OTHER, slug="goodbye", first_paragraph="Moon", version=2, published_at=at or NOON
    )
    event = Event.POST_PUBLISHED if at is None else Event.POST_SCHEDULED
    assert [entry.event for entry in entries(open_blog)[len(before) :]] == [event]
    assert shown(open_blog, ann, post) == CopyOfPost(WorkingCopy.of(published), published)
    with open_blog() as blog:
        assert blog.posts.get(post.id, as_member(ann)) == published
        assert [found.post for found in blog.search.find("goodbye").results] == ([published] if at is None else [])


def test_a_draft_is_published_with_its_copy_at_one_moment(
    store: MemoryStore, hasher: PasswordHasher, open_blog: OpenBlog, ann: User
) -> None:
    post = create(open_blog, ann, Status.DRAFT)
    save(open_blog, ann, post)
    moments = (NOON + number * HOUR for number in count())
    with create_blog(store, hasher=hasher, now=lambda: next(moments))() as blog:
        published = blog.posts.publish(as_member(ann), post.id)
    assert published.published_at == published.updated_at > post.updated_at


def test_a_draft_with_an_outdated_copy_is_not_published(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann, Status.DRAFT)
    saved = save(open_blog, ann, post)
    changed = update(open_blog, ann, post, body="Sun")
    for expected in (None, [2]):
        with pytest.raises(OutdatedWorkingCopy):
            publish(open_blog, ann, post, expected_versions=expected)
    with open_blog() as blog, pytest.raises(BatchOperationFailed) as refused:
        apply_batch(blog.posts, as_member(ann), [PublishPost(post_id=post.id)])
    assert isinstance(refused.value.reason, OutdatedWorkingCopy)
    assert shown(open_blog, ann, post) == CopyOfPost(saved.copy, changed)
    assert changed.published_at is None


def test_a_draft_with_an_unfinished_copy_is_not_published(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann, Status.DRAFT)
    saved = save(open_blog, ann, post, title="")
    with pytest.raises(ValidationFailed, match="title: must not be blank"):
        publish(open_blog, ann, post)
    with open_blog() as blog, pytest.raises(ValidationFailed, match=r"operations\[0\].title"):
        apply_batch(blog.posts, as_member(ann), [PublishPost(post_id=post.id)])
    assert shown(open_blog, ann, post) == saved


def test_a_batch_publishes_drafts_with_their_copies(open_blog: OpenBlog, ann: User) -> None:
    drafts = [create(open_blog, ann, Status.DRAFT) for _ in range(2)]
    save(open_blog, ann, drafts[1])
    with open_blog() as blog:
        published = apply_batch(blog.posts, as_member(ann), [PublishPost(post_id=post.id) for post in drafts])
    assert [post and post.title for post in published] == ["Hello", "Goodbye"]
    assert shown(open_blog, ann, drafts[1]).copy.saved_at is None


def test_a_batch_counts_the_copies_that_it_publishes(open_blog: OpenBlog, ann: User) -> None:
    number = MAX_CHARACTERS // MAX_BODY_LENGTH
    drafts = [create(open_blog, ann, Status.DRAFT) for _ in range(number)]
    for post in drafts:
        save(open_blog, ann, post, body="x" * MAX_BODY_LENGTH)
    with open_blog() as blog, pytest.raises(ValidationFailed, match="of at most 2000000 characters together"):
        apply_batch(blog.posts, as_member(ann), [PublishPost(post_id=post.id) for post in drafts])


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.PUBLISHED])
def test_publication_leaves_the_copy_of_a_post_that_is_no_draft(open_blog: OpenBlog, ann: User, status: Status) -> None:
    post = create(open_blog, ann, status)
    saved = save(open_blog, ann, post)
    published = publish(open_blog, ann, post, at=NOON + 2 * HOUR)
    assert (published.title, published.version) == ("Hello", 2)
    with open_blog() as blog:
        unpublished = blog.posts.unpublish(as_member(ann), post.id)
    assert shown(open_blog, ann, post) == CopyOfPost(saved.copy, unpublished)


@use_cases
def test_nobody_but_the_author_has_a_copy(
    open_blog: OpenBlog, ann: User, bob: User, admin: User, use_case: UseCase
) -> None:
    for status, error in (
        (Status.PUBLISHED, NotTheAuthor),
        (Status.DRAFT, PostNotFound),
        (Status.SCHEDULED, PostNotFound),
    ):
        post = create(open_blog, ann, status)
        saved = save(open_blog, ann, post)
        for actor in (as_member(bob), as_member(admin)):
            with open_blog() as blog, pytest.raises(error):
                use_case(blog, actor, post.id)
        with open_blog() as blog, pytest.raises(NotAMember):
            use_case(blog, OPERATOR, post.id)
        with open_blog() as blog, pytest.raises(PostNotFound):
            use_case(blog, as_member(ann), PostId(1_000_007))
        assert shown(open_blog, ann, post) == saved


@use_cases
def test_a_copy_needs_a_scope(open_blog: OpenBlog, ann: User, use_case: UseCase) -> None:
    post = create(open_blog, ann)
    reading, writing = {Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH}, {Scope.POSTS_WRITE}
    allowed = {READ: reading, APPLY: set()}.get(use_case, writing)  # the post is published, so to apply needs both
    for scope in Scope:
        actor = as_member(ann, scope)
        with open_blog() as blog:
            if scope in allowed:
                use_case(blog, actor, post.id)
            else:
                with pytest.raises(OutOfScope):
                    use_case(blog, actor, post.id)
    with open_blog() as blog:
        use_case(blog, as_member(ann, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH), post.id)


def test_a_token_that_may_not_publish_saves_a_copy_of_a_published_post_and_applies_that_of_a_draft(
    open_blog: OpenBlog, ann: User
) -> None:
    writer = as_member(ann, Scope.POSTS_WRITE)
    post, draft = create(open_blog, ann), create(open_blog, ann, Status.DRAFT)
    with open_blog() as blog:
        blog.working_copies.save(writer, post.id, based_on=1, **OTHER)
        blog.working_copies.save(writer, draft.id, based_on=1, **OTHER)
        assert blog.posts.apply_working_copy(writer, draft.id).title == "Goodbye"
        with pytest.raises(OutOfScope):
            blog.posts.apply_working_copy(writer, post.id)


def test_a_locked_copy_is_trusted_only_in_its_own_unit_and_by_its_author(
    open_blog: OpenBlog, ann: User, bob: User
) -> None:
    post = create(open_blog, ann)
    old = save(open_blog, ann, post)
    save(open_blog, ann, post, body="Sun")
    with open_blog() as blog:
        for stale in (old, replace_post(old, replace(post, author_id=bob.id))):
            found = blog.working_copies.save(as_member(ann), stale, based_on=1)  # nothing changes
            assert found.copy.content.body == "Sun"
        with pytest.raises(NotTheAuthor):
            blog.working_copies.discard(as_member(bob), found)
        again = blog.working_copies.save(as_member(ann), found, based_on=1, body="Mars")
        assert blog.working_copies.save(as_member(ann), again, based_on=1).copy.content.body == "Mars"


def _trash_and_restore(blog: Blog, me: Member, post_id: PostId) -> None:
    blog.posts.delete(me, post_id)
    blog.trash.restore(me, post_id)


CHANGES: dict[str, Callable[[Blog, Member, PostId], object]] = {
    "update": lambda blog, me, post: blog.posts.update(me, post, body="Sea"),
    "apply": lambda blog, me, post: blog.posts.apply_working_copy(me, post),
    "apply what the post has": lambda blog, me, post: blog.posts.apply_working_copy(me, post),
    "publish": lambda blog, me, post: blog.posts.publish(me, post),
    "unpublish": lambda blog, me, post: blog.posts.unpublish(me, post),
    "trash and restore": _trash_and_restore,
    "restore a revision": lambda blog, me, post: blog.revisions.restore(me, post, 1),
}


@pytest.mark.parametrize("status", [Status.DRAFT, Status.PUBLISHED])
@pytest.mark.parametrize("name", CHANGES)
def test_a_copy_that_was_locked_before_a_change_of_the_post_is_read_again(
    open_blog: OpenBlog, ann: User, name: str, status: Status
) -> None:
    me, post = as_member(ann), create(open_blog, ann, status, body="Sky")
    with open_blog() as blog:
        blog.posts.update(me, post.id, body="Sun")
        own = {"body": "Sun"} if name == "apply what the post has" else OTHER
        blog.working_copies.save(me, post.id, based_on=2, **own)
    with open_blog() as blog:
        found = blog.working_copies.get_for_update(me, post.id)
        CHANGES[name](blog, me, post.id)
        stored = blog.working_copies.get(me, post.id)
        wanted = replace(stored.copy.content, **content_of(found.copy.content))
        saved = blog.working_copies.save(me, found, based_on=stored.copy.based_on, **content_of(wanted))
        assert saved.post == stored.post
    assert shown(open_blog, ann, post) == saved


@pytest.mark.parametrize("permanently", [False, True])
def test_a_copy_that_was_locked_before_a_deletion_is_not_saved(
    open_blog: OpenBlog, ann: User, *, permanently: bool
) -> None:
    me, post = as_member(ann), create(open_blog, ann)
    with open_blog() as blog:
        found = blog.working_copies.get_for_update(me, post.id)
        blog.posts.delete(me, post.id, permanently=permanently)
        with pytest.raises(PostNotFound):
            blog.working_copies.save(me, found, based_on=1, body="Sun")
        with pytest.raises(PostNotFound):
            blog.working_copies.discard(me, found)


def replace_post(found: CopyOfPost, post: Post) -> CopyOfPost:
    return CopyOfPost(found.copy, post)


def test_a_post_id_is_a_number(open_blog: OpenBlog, ann: User) -> None:
    post_id: Any = "1"
    with open_blog() as blog:
        for use_case in (READ, SAVE):
            with pytest.raises(TypeError):
                use_case(blog, as_member(ann), post_id)


def test_a_deleted_post_has_no_copy(open_blog: OpenBlog, store: MemoryStore, ann: User) -> None:
    post = create(open_blog, ann)
    save(open_blog, ann, post)
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), post.id, permanently=True)
    assert not store._tables.working_copies.rows


def test_a_copy_is_in_the_trash_with_its_post(open_blog: OpenBlog, store: MemoryStore, ann: User) -> None:
    post = create(open_blog, ann)
    copy = save(open_blog, ann, post).copy
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), post.id)
    for use_case in (READ, LOCK, SAVE, DISCARD, APPLY):
        with open_blog() as blog, pytest.raises(PostNotFound):
            use_case(blog, as_member(ann), post.id)
    with open_blog() as blog:
        blog.trash.restore(as_member(ann), post.id)
    with open_blog() as blog:
        assert blog.working_copies.get(as_member(ann), post.id).copy == replace(copy, based_on=3)
        blog.posts.delete(as_member(ann), post.id)
        blog.trash.delete(as_member(ann), post.id)
    assert not store._tables.working_copies.rows


@pytest.mark.parametrize("status", [Status.DRAFT, Status.SCHEDULED, Status.PUBLISHED])
@pytest.mark.parametrize("is_outdated", [False, True])
def test_the_trash_changes_nothing_about_whether_a_copy_is_outdated(
    open_blog: OpenBlog, ann: User, status: Status, *, is_outdated: bool
) -> None:
    post = create(open_blog, ann, status)
    saved = save(open_blog, ann, post)
    if is_outdated:
        post = update(open_blog, ann, post, body="Sun")
    for times in (1, 2):
        with open_blog() as blog:
            blog.posts.delete(as_member(ann), post.id)
        with open_blog() as blog:
            restored = blog.trash.restore(as_member(ann), post.id)
        found = shown(open_blog, ann, post)
        assert found.is_outdated is is_outdated
        assert found.copy == replace(saved.copy, based_on=1 if is_outdated else 1 + 2 * times)
        assert found.post == restored
    if not is_outdated:
        assert apply(open_blog, ann, post).title == "Goodbye"


def test_a_copy_is_outdated_if_its_post_lost_its_slug_in_the_trash(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann, Status.SCHEDULED)
    save(open_blog, ann, post)
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), post.id)
    assert create(open_blog, ann).slug == "hello"
    with open_blog() as blog:
        assert blog.trash.restore(as_member(ann), post.id).slug == "hello-2"
    assert shown(open_blog, ann, post).is_outdated


@pytest.mark.parametrize("posts", PostsOnDeletion)
def test_no_copy_is_left_of_a_deleted_account(
    open_blog: OpenBlog, store: MemoryStore, ann: User, bob: User, posts: PostsOnDeletion
) -> None:
    for status in (Status.DRAFT, Status.SCHEDULED, Status.PUBLISHED):
        save(open_blog, ann, create(open_blog, ann, status))
    trashed = create(open_blog, ann)
    save(open_blog, ann, trashed)
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), trashed.id)
    other = create(open_blog, bob)
    save(open_blog, bob, other)
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, posts)
    run_maintenance(open_blog)
    assert list(store._tables.working_copies.rows) == [other.id]


def test_an_export_has_copies_on_request_for_the_operator_and_of_own_posts(
    open_blog: OpenBlog, ann: User, bob: User, admin: User
) -> None:
    post, other = create(open_blog, ann), create(open_blog, bob)
    copies = {each.id: save(open_blog, user, each).copy for user, each in ((ann, post), (bob, other))}
    create(open_blog, ann)

    def exported(actor: Any, **options: Any) -> dict[PostId, WorkingCopy]:
        with open_blog() as blog:
            first = blog.exporter.page(actor, **options)
            second = blog.exporter.page(actor, after=first.next, **options)
        return {**first.working_copies, **second.working_copies}

    assert exported(OPERATOR, working_copies=True) == copies
    assert exported(as_member(ann, Scope.POSTS_READ), working_copies=True) == {post.id: copies[post.id]}
    assert exported(as_member(admin), working_copies=True) == exported(OPERATOR) == exported(as_member(ann)) == {}


def test_an_import_adds_the_copy_of_a_post_that_it_adds(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    copy = replace(save(open_blog, ann, post, title="").copy, post_id=PostId(0))
    portable = replace(PortablePost.of(post), created_at=NOON - HOUR, slug=None, version=2)

    def imported(working_copy: WorkingCopy) -> Post:
        with open_blog() as blog:
            return blog.importer.import_post(OPERATOR, portable, working_copy=working_copy).post

    wrong = replace(copy, based_on=3, saved_at=None, content=replace(copy.content, body="\0"))
    with pytest.raises(ValidationFailed) as refused:
        imported(wrong)
    assert [error.field for error in refused.value.errors] == [
        f"working copy, {name}" for name in ("body", "based_on", "saved_at")
    ]
    with pytest.raises(ValidationFailed, match="saved_at: must have a time zone"):
        imported(replace(copy, saved_at=NOON.replace(tzinfo=None)))
    added = imported(copy)
    assert shown(open_blog, ann, added).copy == replace(copy, post_id=added.id)
    assert imported(replace(copy, based_on=2)) == added  # which is stored already
    assert shown(open_blog, ann, added).copy == replace(copy, post_id=added.id)


def test_a_download_has_the_copies_of_its_posts(open_blog: OpenBlog, ann: User, bob: User) -> None:
    posts = [create(open_blog, ann) for _ in range(3)]
    copies = [save(open_blog, ann, post).copy for post in posts[1:]]
    save(open_blog, bob, create(open_blog, bob))
    with open_blog() as blog:
        page = blog.personal_data.page(as_member(ann))
    assert list(page.working_copies) == copies
    assert list(page.truncate(2).working_copies) == copies[:1]
    assert list(page.truncate(1).working_copies) == []
