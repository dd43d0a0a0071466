"""Revisions: every version of a post is kept, complete, for its author alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.domain.actors import OPERATOR, as_member

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Member, NotAMember, OutOfScope, Scope
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.user import PostsOnDeletion, User
from blog.domain.audit import Event
from blog.domain.blog import Blog, BlogConfig, OpenBlog
from blog.domain.errors import ValidationFailed
from blog.domain.posts.batch import PublishPost, UnpublishPost, UpdatePost, apply_batch
from blog.domain.posts.post import (
    CONTENT_FIELDS,
    NotTheAuthor,
    Post,
    PostContent,
    PostNotFound,
    Status,
    VersionConflict,
)
from blog.domain.posts.revisions import Revision, RevisionNotFound
from blog.domain.shared import PostId
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import another_value

HOUR = timedelta(hours=1)
FIRST = PostContent(title="First", body="First body", slug="first", tags=("one",))
SECOND: dict[str, Any] = {"title": "Second", "body": "Second body", "tags": ["two"]}


def create(open_blog: OpenBlog, author: User, **said: Any) -> Post:
    with open_blog() as blog:
        content = {name: getattr(FIRST, name) for name in CONTENT_FIELDS}
        return blog.posts.create(as_member(author), **content | said)


def update(open_blog: OpenBlog, post: Post, **changes: Any) -> Post:
    with open_blog() as blog:
        author = blog.users.get(OPERATOR, post.author_id)
        return blog.posts.update(as_member(author), post.id, **changes)


def numbers(open_blog: OpenBlog, post: Post, **page: Any) -> list[int]:
    with open_blog() as blog:
        author = as_member(blog.users.get(OPERATOR, post.author_id))
        return [each.number for each in blog.revisions.page(author, post.id, **page).revisions]


def revision(open_blog: OpenBlog, post: Post, number: int) -> Revision:
    with open_blog() as blog:
        return blog.revisions.get(as_member(blog.users.get(OPERATOR, post.author_id)), post.id, number)


@pytest.mark.parametrize("field", CONTENT_FIELDS)
def test_every_field_of_each_version_is_kept(open_blog: OpenBlog, ann: User, clock: FrozenClock, field: str) -> None:
    post = create(open_blog, ann)
    clock.move(HOUR)
    changed = update(open_blog, post, **{field: another_value(field, getattr(FIRST, field))})
    assert revision(open_blog, post, 1) == Revision.of(post)
    assert revision(open_blog, post, 2) == Revision.of(changed)
    assert getattr(revision(open_blog, post, 1).content, field) == getattr(FIRST, field)
    assert revision(open_blog, post, 2).saved_at - revision(open_blog, post, 1).saved_at == HOUR


def test_every_change_that_makes_a_version_keeps_the_one_before(
    open_blog: OpenBlog, ann: User, clock: FrozenClock
) -> None:
    me, post = as_member(ann), create(open_blog, ann, status=Status.DRAFT)
    with open_blog() as blog:
        seen = [post, blog.posts.publish(me, post.id, at=clock() + HOUR)]
        seen.append(blog.posts.publish(me, seen[-1]))
        seen.append(blog.posts.unpublish(me, seen[-1]))
        for operation in (
            UpdatePost(post_id=post.id, changes={"body": "x"}),
            PublishPost(post_id=post.id),
            UnpublishPost(post_id=post.id),
        ):
            seen += filter(None, apply_batch(blog.posts, me, [operation]))
    assert [each.version for each in seen] == [1, 2, 3, 4, 5, 6, 7]
    assert [revision(open_blog, post, each.version) for each in seen] == [Revision.of(each) for each in seen]
    assert numbers(open_blog, post) == [7, 6, 5, 4, 3, 2, 1]


def test_a_version_that_another_post_causes_is_kept(
    open_blog: OpenBlog, ann: User, bob: User, clock: FrozenClock
) -> None:
    scheduled = create(open_blog, ann, published_at=clock() + HOUR)
    create(open_blog, bob)  # takes the slug
    assert numbers(open_blog, scheduled) == [2, 1]
    assert revision(open_blog, scheduled, 1) == Revision.of(scheduled)
    assert revision(open_blog, scheduled, 2).content.slug == "first-2"


def test_a_change_that_changes_nothing_keeps_nothing(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    update(open_blog, post, title=FIRST.title)
    with open_blog() as blog:
        blog.posts.publish(as_member(ann), post.id)
    assert numbers(open_blog, post) == [1]


@pytest.fixture
def limited_blog(store: MemoryStore, hasher: PasswordHasher, clock: FrozenClock) -> Callable[[int], OpenBlog]:
    """The same blog, with another number of revisions."""
    return lambda limit: create_blog(store, hasher=hasher, now=clock, config=BlogConfig(revisions=limit))


@pytest.mark.parametrize("limit", [0, 1, 2, 5])
def test_exactly_as_many_earlier_versions_are_kept_as_configured(
    limited_blog: Callable[[int], OpenBlog], ann: User, limit: int
) -> None:
    limited = limited_blog(limit)
    post = create(limited, ann)
    for number in range(2, 8):
        update(limited, post, title=f"Title {number}")
        kept = list(range(max(1, number - limit), number))
        assert numbers(limited, post, limit=100) == [number, *reversed(kept)]
        assert [revision(limited, post, each).content.title for each in kept] == [
            "First" if each == 1 else f"Title {each}" for each in kept
        ]


def test_a_lower_limit_applies_at_the_next_change(
    limited_blog: Callable[[int], OpenBlog], open_blog: OpenBlog, ann: User
) -> None:
    post = create(open_blog, ann)
    for number in range(2, 6):
        update(open_blog, post, title=f"Title {number}")
    for limit, expected in ((2, [6, 5, 4]), (0, [7])):
        update(limited_blog(limit), post, body=f"Limit {limit}")
        assert numbers(open_blog, post) == expected


def test_a_hundred_earlier_versions_are_kept_by_default(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    for number in range(105):
        update(open_blog, post, title=f"Title {number}")
    with open_blog() as blog:
        first = blog.revisions.page(as_member(ann), post.id, limit=100)
        rest = blog.revisions.page(as_member(ann), post.id, limit=100, before=first.next)
    assert [each.number for each in (*first.revisions, *rest.revisions)] == list(range(106, 5, -1))
    with pytest.raises(RevisionNotFound, match=f"Post {post.id} has no version 5, or it is no longer kept"):
        revision(open_blog, post, 5)


def test_pages_have_every_version_once(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    for number in range(6):
        update(open_blog, post, title=f"Title {number}")
    for limit in (1, 2, 3, 6, 7, 8):
        found, before = [], None
        with open_blog() as blog:
            while True:
                page = blog.revisions.page(as_member(ann), post.id, limit=limit, before=before)
                found += [each.number for each in page.revisions]
                before = page.next
                if before is None:
                    break
        assert found == [7, 6, 5, 4, 3, 2, 1]
    assert numbers(open_blog, post, before=1) == []
    assert numbers(open_blog, post, before=2**70) == [7, 6, 5, 4, 3, 2, 1]
    with pytest.raises(ValidationFailed, match="limit"):
        numbers(open_blog, post, limit=0)


def test_a_version_that_is_replaced_while_a_page_is_read_is_listed_once(
    open_blog: OpenBlog, ann: User, store: MemoryStore
) -> None:
    post = create(open_blog, ann)
    second = update(open_blog, post, **SECOND)
    with store() as stores:  # what a concurrent change stores after the post was read
        stores.revisions.add(Revision.of(second))
    assert numbers(open_blog, post) == [2, 1]
    assert revision(open_blog, post, 2) == Revision.of(second)


def test_restoring_makes_a_version_and_keeps_the_others(open_blog: OpenBlog, ann: User, clock: FrozenClock) -> None:
    post = create(open_blog, ann)
    second = update(open_blog, post, slug="second", **SECOND)
    clock.move(HOUR)
    with open_blog() as blog:
        restored = blog.revisions.restore(as_member(ann), post.id, 1)
        assert blog.posts.get(post.id) == restored
        assert [hit.post for hit in blog.search.find("first").results] == [restored]
        (entry, *_) = blog.audit.page(OPERATOR).entries
    assert restored == replace(post, slug="second", version=3, updated_at=clock())  # the address stays
    assert (entry.event, entry.subject_id, entry.detail) == (Event.POST_CHANGED, post.id, "from version 1")
    assert [revision(open_blog, post, number) for number in (1, 2, 3)] == [
        Revision.of(each) for each in (post, second, restored)
    ]


def test_restoring_the_present_content_changes_nothing(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    with open_blog() as blog:
        assert blog.revisions.restore(as_member(ann), post.id, 1) == post
    assert numbers(open_blog, post) == [1]


def test_restoring_keeps_the_publication_time(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann, status=Status.DRAFT)
    with open_blog() as blog:
        blog.posts.update(as_member(ann), post.id, body="Second body")
        published = blog.posts.publish(as_member(ann), post.id)
        restored = blog.revisions.restore(as_member(ann), published, 1, expected_versions=[3])
    assert restored.published_at == published.published_at
    assert restored.body == "First body"


def test_restoring_expects_a_version_and_a_known_one(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    second = update(open_blog, post, **SECOND)
    with open_blog() as blog:
        me = as_member(ann)
        with pytest.raises(VersionConflict) as conflict:
            blog.revisions.restore(me, post.id, 1, expected_versions=[1])
        assert conflict.value.conflicting_fields == ("title", "body", "tags")
        with pytest.raises(VersionConflict):
            blog.revisions.restore(me, post, 1)  # read before the change
        for unknown in (0, 3, -1, 2**70):
            with pytest.raises(RevisionNotFound):
                blog.revisions.restore(me, post.id, unknown)
        with pytest.raises(TypeError):
            blog.revisions.restore(me, post.id, "1")  # type: ignore[arg-type]
        assert blog.posts.get(post.id) == second


def test_a_content_that_is_not_valid_any_more_is_not_restored(
    open_blog: OpenBlog, ann: User, store: MemoryStore
) -> None:
    post = create(open_blog, ann)
    second = update(open_blog, post, **SECOND)
    with store() as stores:
        stores.revisions.trim(post.id, 1)
        stores.revisions.add(replace(Revision.of(post), content=replace(FIRST, title="\0")))
    with open_blog() as blog, pytest.raises(ValidationFailed, match="title"):
        blog.revisions.restore(as_member(ann), post.id, 1)
    with open_blog() as blog:
        assert blog.posts.get(post.id) == second


def test_two_versions_are_compared(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    update(open_blog, post, **SECOND)
    update(open_blog, post, title="Third")
    with open_blog() as blog:
        me = as_member(ann)
        with_present = blog.revisions.compare(me, post.id, 1)
        backwards = blog.revisions.compare(me, post.id, 2, 1)
        with pytest.raises(RevisionNotFound):
            blog.revisions.compare(me, post.id, 1, 4)
    assert (with_present.old, with_present.new, backwards.old, backwards.new) == (1, 3, 2, 1)
    assert with_present.comparison.texts["title"] == [("removed", "First"), ("added", "Third")]
    assert with_present.comparison.sets["tags"] == ((), ("one",), ("two",))
    assert backwards.comparison.texts["body"] == [("removed", "Second"), ("added", "First"), ("equal", " body")]


READ: dict[str, Callable[[Blog, Any, PostId], object]] = {
    "page": lambda blog, actor, post_id: blog.revisions.page(actor, post_id, limit=0),
    "get": lambda blog, actor, post_id: blog.revisions.get(actor, post_id, 77),
    "compare": lambda blog, actor, post_id: blog.revisions.compare(actor, post_id, 77),
}
USES: dict[str, Callable[[Blog, Any, PostId], object]] = {
    **READ,
    "restore": lambda blog, actor, post_id: blog.revisions.restore(actor, post_id, 77),
}


@pytest.mark.parametrize("use", USES)
def test_nobody_else_uses_revisions(open_blog: OpenBlog, ann: User, bob: User, admin: User, use: str) -> None:
    visible, hidden = create(open_blog, ann), create(open_blog, ann, status=Status.DRAFT, slug=None)
    for other in (bob, admin):
        with open_blog() as blog:
            with pytest.raises(NotTheAuthor):
                USES[use](blog, as_member(other), visible.id)
            for unseen in (hidden.id, PostId(1_000_007)):
                with pytest.raises(PostNotFound):
                    USES[use](blog, as_member(other), unseen)
    with open_blog() as blog, pytest.raises(NotAMember):
        USES[use](blog, OPERATOR, visible.id)


@pytest.mark.parametrize("use", READ)
def test_a_token_that_may_not_read_posts_reads_no_revisions(open_blog: OpenBlog, ann: User, use: str) -> None:
    visible, hidden = create(open_blog, ann), create(open_blog, ann, status=Status.DRAFT, slug=None)
    with open_blog() as blog:
        blind = as_member(ann, Scope.ACCOUNT)
        with pytest.raises(OutOfScope, match="posts:read"):
            READ[use](blog, blind, visible.id)
        with pytest.raises(PostNotFound):
            READ[use](blog, blind, hidden.id)
        for scope in (Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH):
            with pytest.raises((RevisionNotFound, ValidationFailed)):
                READ[use](blog, as_member(ann, scope), hidden.id)


def test_restoring_needs_the_scopes_of_a_change(open_blog: OpenBlog, ann: User) -> None:
    visible, hidden = create(open_blog, ann), create(open_blog, ann, status=Status.DRAFT, slug=None)
    for post in (visible, hidden):
        update(open_blog, post, **SECOND)

    def restore(post: Post, *scopes: Scope) -> Post:
        with open_blog() as blog:
            return blog.revisions.restore(as_member(ann, *scopes), post.id, 1)

    for scope in (Scope.POSTS_READ, Scope.POSTS_PUBLISH):
        with pytest.raises(OutOfScope, match="posts:write"):
            restore(hidden, scope)
    with pytest.raises(OutOfScope, match="posts:publish"):
        restore(visible, Scope.POSTS_WRITE)
    assert restore(hidden, Scope.POSTS_WRITE).version == 3
    assert restore(visible, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH).version == 3


def count(store: MemoryStore) -> int:
    return len(store._tables.revisions.rows)


def test_revisions_are_deleted_with_their_post(open_blog: OpenBlog, ann: User, store: MemoryStore) -> None:
    post, other = create(open_blog, ann), create(open_blog, ann, slug="other")
    for each in (post, other):
        update(open_blog, each, **SECOND)
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), post.id, permanently=True)
    assert count(store) == 1
    assert numbers(open_blog, other) == [2, 1]


@pytest.mark.parametrize("posts", PostsOnDeletion)
def test_revisions_are_deleted_with_the_account(
    open_blog: OpenBlog, ann: User, bob: User, store: MemoryStore, posts: PostsOnDeletion
) -> None:
    of_bob = create(open_blog, bob, slug="of-bob")
    draft = create(open_blog, ann, status=Status.DRAFT, slug=None)
    for post in (of_bob, draft, create(open_blog, ann)):
        update(open_blog, post, **SECOND)
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, posts)
    assert count(store) == 1
    assert numbers(open_blog, of_bob) == [2, 1]
    with open_blog() as blog:
        assert len(blog.posts.page(authors=["deleted-user"]).posts) == (posts is PostsOnDeletion.KEEP)


@pytest.mark.parametrize("posts", PostsOnDeletion)
def test_a_step_of_a_deletion_deletes_a_bounded_number_of_revisions(
    open_blog: OpenBlog, ann: User, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, posts: PostsOnDeletion
) -> None:
    monkeypatch.setattr("blog.domain.accounts.deletion.POSTS_PER_STEP", 3)
    for number in range(3):
        post = create(open_blog, ann, slug=f"post-number-{number}")
        for title in ("2", "3", "4"):
            update(open_blog, post, title=title)
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, posts)
    left = [count(store)]
    while True:
        with open_blog() as blog:
            if not blog.deletion.finish(limit=4):
                break
        left.append(count(store))
    assert left[:3] == [6, 2, 0]
    assert count(store) == 0
    assert not store._tables.deletions.rows


def personal_data(open_blog: OpenBlog, ann: User) -> list[Revision]:
    with open_blog() as blog:
        page = blog.personal_data.page(as_member(ann))
        found = [*page.revisions]
        while page.next is not None:
            page = blog.personal_data.page(as_member(ann), after=page.next)
            found += page.revisions
    return [placed.revision for placed in found]


def test_personal_data_has_every_own_revision_once(open_blog: OpenBlog, ann: User, bob: User) -> None:
    posts = [create(open_blog, ann, slug=f"post-number-{number}") for number in range(3)]
    for post in (*posts, create(open_blog, bob)):
        for number in range(15):
            update(open_blog, post, title=f"Title {number}")
    assert personal_data(open_blog, ann) == [
        revision(open_blog, post, number) for post in posts for number in range(1, 16)
    ]


def test_a_page_of_personal_data_is_truncated_anywhere(open_blog: OpenBlog, ann: User) -> None:
    for number in range(2):
        update(open_blog, create(open_blog, ann, slug=f"post-number-{number}"), **SECOND)
    with open_blog() as blog:
        me = as_member(ann)
        page = blog.personal_data.page(me)
        whole = [*page.posts, *page.revisions, *page.entries]
        assert (len(page.posts), len(page.revisions), page.next) == (2, 2, None)
        assert len(page.entries) > 2
        for size in range(1, len(whole) + 1):
            first = page.truncate(size)
            rest = blog.personal_data.page(me, after=first.next) if first.next else None
            rows = [*first.posts, *first.revisions, *first.entries]
            assert len(rows) == size
            rows += [*rest.posts, *rest.revisions, *rest.entries] if rest else []
            assert rows == whole


def test_the_versions_of_an_imported_post_begin_with_its_own(
    open_blog: OpenBlog, ann: User, store: MemoryStore
) -> None:
    with store() as stores:
        post = stores.posts.add(
            replace(Post.create(Member.of(ann), ann.created_at, None, title="T", body="B"), version=7)
        )
    assert numbers(open_blog, post) == [7]
    update(open_blog, post, title="Eighth")
    assert numbers(open_blog, post) == [8, 7]
