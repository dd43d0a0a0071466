"""Rules of exporting posts."""

from datetime import timedelta

import pytest
from tests.domain.actors import OPERATOR, as_member
from tests.domain.portable_posts import LONG_AGO, OLD

from blog.domain.accounts.actors import Actor, Anonymous, NotAMember, OutOfScope, Scope
from blog.domain.accounts.deletion import POSTS_PER_STEP
from blog.domain.accounts.user import PostsOnDeletion, User
from blog.domain.blog import OpenBlog
from blog.domain.errors import ValidationFailed
from blog.domain.posts.exporting import ExportPage, ExportPosition
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import Status
from blog.testing.contracts import FrozenClock

HOUR = timedelta(hours=1)


def exported(open_blog: OpenBlog, actor: Actor = OPERATOR, *, limit: int = 2) -> list[PortablePost]:
    """Read all pages, each in a unit of work of its own."""
    found: list[PortablePost] = []
    after: ExportPosition | None = None
    while True:
        with open_blog() as blog:
            page = blog.exporter.page(actor, limit=limit, after=after)
        assert len(page.posts) <= limit
        assert len({post.author for post in page.posts}) <= 1
        found += page.posts
        after = page.next
        if after is None:
            return found


def titles(posts: list[PortablePost]) -> list[str]:
    return [post.title for post in posts]


@pytest.fixture
def filled(open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User, admin: User) -> OpenBlog:
    """A blog in which each of two authors has a published post, a draft and a scheduled post; an account has none."""
    with open_blog() as blog:
        for user in (bob, ann):
            author, name = as_member(user), user.username
            blog.posts.create(author, title=f"{name} scheduled", body="x", published_at=clock() + HOUR)
            blog.posts.create(author, title=f"{name} draft", body="x", status=Status.DRAFT)
            clock.move(HOUR / 100)
            blog.posts.create(author, title=f"{name} published", body="x")
    return open_blog


def test_empty_blog_has_an_empty_export(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        assert blog.exporter.page(OPERATOR) == ExportPage((), None)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_operator_exports_every_post_author_by_author(filled: OpenBlog, limit: int) -> None:
    assert titles(exported(filled, limit=limit)) == [
        f"{name} {status}" for name in ("ann", "Bob") for status in ("scheduled", "draft", "published")
    ]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_member_exports_published_posts_and_own_ones(filled: OpenBlog, bob: User, admin: User, limit: int) -> None:
    own = ["Bob scheduled", "Bob draft", "Bob published"]
    assert titles(exported(filled, as_member(bob), limit=limit)) == ["ann published", *own]
    assert titles(exported(filled, as_member(bob, Scope.POSTS_READ), limit=limit)) == ["ann published", *own]
    assert titles(exported(filled, as_member(admin), limit=limit)) == ["ann published", "Bob published"]


def test_scheduled_post_is_exported_by_others_from_its_time_on(
    filled: OpenBlog, clock: FrozenClock, admin: User
) -> None:
    clock.move(HOUR)
    assert titles(exported(filled, as_member(admin))) == [
        "ann scheduled", "ann published", "Bob scheduled", "Bob published",
    ]  # fmt: skip


def test_export_needs_a_token_that_may_read_own_posts(filled: OpenBlog, bob: User) -> None:
    with filled() as blog, pytest.raises(OutOfScope, match="posts:read"):
        blog.exporter.page(as_member(bob, Scope.ACCOUNT))
    with filled() as blog, pytest.raises(NotAMember):
        blog.exporter.page(Anonymous())  # type: ignore[arg-type]
    with filled() as blog, pytest.raises(TypeError):
        blog.exporter.page(bob)  # type: ignore[arg-type]
    for limit in (0, 101):
        with filled() as blog, pytest.raises(ValidationFailed, match="limit"):
            blog.exporter.page(OPERATOR, limit=limit)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_ordinals_count_the_posts_of_one_author_and_time(open_blog: OpenBlog, ann: User, bob: User, limit: int) -> None:
    written = [
        PortablePost(
            title=f"{author} {day} {ordinal}",
            body="x",
            slug=None if ordinal == 2 else f"{author.lower()}-{day}-{ordinal}",
            author=author,
            created_at=LONG_AGO + timedelta(days=day),
            updated_at=LONG_AGO + timedelta(days=day),
            published_at=None if ordinal == 2 else LONG_AGO,
            ordinal=ordinal,
        )
        for author in ("ann", "Bob")
        for day in (0, 1, 2)
        for ordinal in range(1, 1 + (3, 1, 2)[day])
    ]
    with open_blog() as blog:
        for post in written:
            blog.importer.import_post(OPERATOR, post)
    assert exported(open_blog, limit=limit) == written


def test_posts_of_an_account_that_is_being_deleted_are_exported(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        for title in ("One", "Two"):
            blog.posts.create(as_member(ann), title=title, body="x")
        blog.posts.create(as_member(bob), title="Three", body="x")
    with open_blog() as blog:
        blog.deletion.users.begin_deletion(ann.id, PostsOnDeletion.KEEP)
    assert [(post.author, post.title) for post in exported(open_blog)] == [
        (f"deleted-user-{ann.id}", "One"), (f"deleted-user-{ann.id}", "Two"), ("Bob", "Three"),
    ]  # fmt: skip
    with open_blog() as blog:
        blog.deletion.finish(limit=POSTS_PER_STEP)
    assert sorted({post.author for post in exported(open_blog)}) == ["Bob", "deleted-user"]


def test_exported_post_is_the_imported_one(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        blog.importer.import_post(OPERATOR, OLD)
    assert exported(open_blog) == [OLD]


def test_a_post_that_is_deleted_during_the_export_has_no_more_earlier_versions(open_blog: OpenBlog, ann: User) -> None:
    author = as_member(ann)
    with open_blog() as blog:
        post = blog.posts.create(author, title="One", body="Body")
        for title in ("Two", "Three"):
            blog.posts.update(author, post.id, title=title)
        exported = PortablePost.of(blog.posts.get(post.id))
    with open_blog() as blog:
        versions = blog.exporter.earlier_versions(OPERATOR, post.id, exported)
        assert next(versions).title == "Two"
        with open_blog() as other:
            other.posts.delete(author, post.id, permanently=True)
        assert list(versions) == []
        assert list(blog.exporter.earlier_versions(OPERATOR, post.id, exported)) == []
