"""Exported posts are imported without loss, on every store."""

import contextlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Member, Operator
from blog.domain.accounts.user import PostsOnDeletion
from blog.domain.blog import OpenBlog
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import Post, PostChanges, Status, validate_post, validate_unfinished
from blog.domain.posts.revisions import Revision
from blog.domain.shared import UNSTORED, PostId, UserId
from blog.entrypoints.cli.markdown.exporting import export_posts
from blog.entrypoints.cli.markdown.importing import import_into
from blog.entrypoints.cli.session import Session
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import as_member

AUTHORS = ("ann", "Bob", "no")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HASHER = Argon2PasswordHasher(memory=8, iterations=1)

titles = st.text(max_size=20) | st.sampled_from(("no", "~", "2020-01-01", "a: #b", "- c", "\t\u2028'\"\\\r\n---\n"))
bodies = st.text(max_size=30) | st.sampled_from(("\r\n  ---\n---\ntitle: x\n---\r\nend", "\ufeff\n x \n\n", "no end"))
timestamps = st.sampled_from((NOON, NOON + timedelta(microseconds=1)))
timestamps |= st.timedeltas(timedelta(days=-370_000), timedelta(days=2_900_000)).map(NOON.__add__)
portable_posts = st.builds(
    lambda later, is_usual, published_at, **fields: PortablePost(
        updated_at=fields["created_at"] + later,
        published_at=fields["created_at"] if is_usual else published_at,
        **fields,
    ),
    title=titles.filter(lambda title: not validate_post(title=title)),
    body=bodies.filter(lambda body: not validate_post(body=body)),
    slug=st.sampled_from((None, "no", "by-the-sea", "मराठी")),
    tags=st.sampled_from(((), ("Sea",), ("no", "a, b", "'", "\U0001f98a", "#"), ("~", "sea"))),
    author=st.sampled_from(AUTHORS),
    created_at=timestamps,
    version=st.integers(1, 9),
    is_usual=st.booleans(),
    published_at=st.none() | timestamps,
    later=st.timedeltas(timedelta(), timedelta(days=300)),
)
lists_of_posts = st.lists(portable_posts, max_size=8)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def open_blog(request: pytest.FixtureRequest) -> OpenBlog:
    """A blog on each store, with three authors."""
    stores: Any = MemoryStore() if request.param == "memory" else request.getfixturevalue(request.param)
    return with_authors(create_blog(stores, hasher=HASHER))


@given(lists_of_posts)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_export_and_import_to_another_blog_and_back_loses_nothing(
    open_blog: OpenBlog, posts: list[PortablePost]
) -> None:
    source = blog_with(posts)
    with deleting_posts(open_blog), TemporaryDirectory() as one, TemporaryDirectory() as other:
        files = export_to(source, Path(one))
        assert import_from(open_blog, Path(one)) == f"Added {len(files)}{unpublished(posts)}, {summary(there=0)}"
        assert without_numbers(posts_in(open_blog)) == without_numbers(posts_in(source))
        assert len(files) == len(posts)
        again = export_to(open_blog, Path(other))
        assert {name: _NUMBERS.sub(b"", text) for name, text in again.items()} == {
            name: _NUMBERS.sub(b"", text) for name, text in files.items()
        }


contents = st.fixed_dictionaries(
    {},
    optional={
        "title": titles.filter(lambda title: not validate_post(title=title)),
        "body": bodies.filter(lambda body: not validate_post(body=body)),
        "tags": st.sampled_from(((), ("Sea",), ("no", "a, b", "'", "\U0001f98a", "#"))),
        "summary": st.none() | titles.filter(lambda summary: not validate_post(summary=summary)),
    },
)


@given(
    changes=st.lists(contents, max_size=6),
    pause=st.timedeltas(timedelta(), timedelta(days=900)),
    is_draft=st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_export_and_import_of_revisions_loses_nothing(
    open_blog: OpenBlog, changes: list[PostChanges], pause: timedelta, *, is_draft: bool
) -> None:
    clock = FrozenClock()
    source = with_authors(create_blog(MemoryStore(), hasher=HASHER, now=clock))
    with source() as blog:
        ann = as_member(blog.users.get_by_username(Operator(), "ann"))
        post = blog.posts.create(ann, title="Hello", body="World", status=Status.DRAFT if is_draft else None)
        for change in changes:
            clock.move(pause)
            post = blog.posts.update(ann, post, **change)
            if "tags" in change:
                post = blog.posts.publish(ann, post, at=clock() + pause)
    with deleting_posts(open_blog), TemporaryDirectory() as one, TemporaryDirectory() as other:
        files = export_to(source, Path(one), revisions=True)
        assert len(files) == post.version
        import_from(open_blog, Path(one), revisions=True)
        assert revisions_in(open_blog) == revisions_in(source)
        assert len(revisions_in(source)) == post.version - 1
        assert export_to(open_blog, Path(other), revisions=True) == files


def revisions_in(open_blog: OpenBlog) -> list[Revision]:
    """Return all revisions of posts by ann, without the ids of the posts."""
    with open_blog() as blog:
        ann = blog.users.get_by_username(Operator(), "ann")
        found = blog._stores.revisions.written_by(ann.id, limit=1000)
    return [replace(placed.revision, post_id=PostId(UNSTORED)) for placed in found]


copies = st.fixed_dictionaries(
    {},
    optional={
        "title": titles.filter(lambda title: not validate_unfinished(title=title)),
        "body": bodies.filter(lambda body: not validate_unfinished(body=body)),
        "slug": st.sampled_from((None, "no", "मराठी")),
        "tags": st.sampled_from(((), ("Sea",), ("no", "a, b", "'", "\U0001f98a", "#"))),
        "summary": st.none() | titles.filter(lambda summary: not validate_post(summary=summary)),
    },
)


@given(changes=copies, pause=st.timedeltas(timedelta(), timedelta(days=900)), is_draft=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_export_and_import_of_working_copies_loses_nothing(
    open_blog: OpenBlog, changes: PostChanges, pause: timedelta, *, is_draft: bool
) -> None:
    clock = FrozenClock()
    source = with_authors(create_blog(MemoryStore(), hasher=HASHER, now=clock))
    with source() as blog:
        ann = as_member(blog.users.get_by_username(Operator(), "ann"))
        post = blog.posts.create(ann, title="Hello", body="World", status=Status.DRAFT if is_draft else None)
        clock.move(pause)
        blog.working_copies.save(ann, post.id, based_on=1, **changes)
        blog.posts.update(ann, post.id, body="Changed meanwhile")
    with deleting_posts(open_blog), TemporaryDirectory() as one, TemporaryDirectory() as other:
        export_to(source, Path(one), working_copies=True)
        import_from(open_blog, Path(one), working_copies=True)
        assert copy_in(open_blog) == copy_in(source)
        export_to(open_blog, Path(other), working_copies=True)
        files = [{file.name: file.read_bytes() for file in Path(folder).iterdir()} for folder in (one, other)]
        assert files[0] == files[1]


def copy_in(open_blog: OpenBlog) -> object:
    """Return the working copy of the one post by ann, without the id."""
    with open_blog() as blog:
        ann = as_member(blog.users.get_by_username(Operator(), "ann"))
        page = blog.personal_data.page(ann)
        return [replace(copy, post_id=PostId(UNSTORED)) for copy in page.working_copies]


def test_posts_updated_before_their_creation_time_are_imported_unchanged(open_blog: OpenBlog, tmp_path: Path) -> None:
    clock = FrozenClock()
    source = with_authors(create_blog(MemoryStore(), hasher=HASHER, now=clock))
    with source() as blog:
        ann = as_member(blog.users.get_by_username(Operator(), "ann"))
        post = blog.posts.create(ann, title="Hello", body="World")
    clock.move(timedelta(hours=-3))
    with source() as blog:
        blog.posts.update(ann, post.id, body="Changed")
    export_to(source, tmp_path)
    with deleting_posts(open_blog):
        assert import_from(open_blog, tmp_path) == f"Added 1, {summary(there=0)}"
        assert posts_in(open_blog) == posts_in(source)


@given(lists_of_posts, st.integers(0, 8))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_importing_twice_has_the_effect_of_importing_once(
    open_blog: OpenBlog, posts: list[PortablePost], some: int
) -> None:
    with deleting_posts(open_blog), TemporaryDirectory() as one, TemporaryDirectory() as all_of_them:
        part = len(export_to(blog_with(posts[:some]), Path(one)))
        import_from(open_blog, Path(one))
        assert import_from(open_blog, Path(one)) == f"Added 0, {summary(there=part)}"
        count = len(export_to(blog_with(posts), Path(all_of_them)))
        added = f"Added {count - part}{unpublished(posts[some:])}"
        assert import_from(open_blog, Path(all_of_them)) == f"{added}, {summary(there=part)}"
        assert without_numbers(posts_in(open_blog)) == without_numbers(posts_in(blog_with(posts)))


@given(lists_of_posts)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_dry_run_reports_the_results_of_an_import_and_changes_nothing(
    open_blog: OpenBlog, posts: list[PortablePost]
) -> None:
    with deleting_posts(open_blog), TemporaryDirectory() as folder:
        files = export_to(blog_with(posts), Path(folder))
        *added, line = import_from(open_blog, Path(folder), dry_run=True).splitlines(keepends=True)
        assert sorted(added) == sorted(f"would add\t{name}\n" for name in files)
        assert line == f"Would add {len(files)}{unpublished(posts)}, {summary(there=0)}"
        assert posts_in(open_blog) == []


def unpublished(added: list[PortablePost]) -> str:
    """Return the part of the summary line about added drafts and scheduled posts."""
    drafts = sum(post.published_at is None for post in added)
    scheduled = sum(post.published_at is not None and post.published_at > datetime.now(UTC) for post in added)
    counts = [f"{kind} {count}" for kind, count in (("draft", drafts), ("scheduled", scheduled)) if count]
    return f" ({', '.join(counts)})" if counts else ""


def summary(there: int) -> str:
    """Return the end of an import's summary line."""
    return f"already there {there}, there but different 0, faulty 0.\n"


def with_authors(open_blog: OpenBlog) -> OpenBlog:
    with open_blog() as blog:
        for name in AUTHORS:
            blog.users.add(Operator(), name, "quite a long pass phrase")
    return open_blog


def blog_with(posts: list[PortablePost]) -> OpenBlog:
    """Return an in-memory blog with these posts."""
    open_blog = with_authors(create_blog(MemoryStore(), hasher=HASHER))
    known = [(each.author, each.created_at) for each in posts]
    with open_blog() as blog:
        for number, each in enumerate(posts):
            blog.importer.import_post(Operator(), replace(each, ordinal=known[: number + 1].count(known[number])))
    return open_blog


@contextmanager
def deleting_posts(open_blog: OpenBlog) -> Iterator[None]:
    """Delete all posts when the block is left, and their slugs, which would stay taken."""
    try:
        yield
    finally:
        with open_blog() as blog:
            slugs = blog.posts.slugs.store
            for author in map(Member.of, blog.users.page(Operator())):
                for status in Status:
                    for post in blog.posts.own_page(author, status, limit=100).posts:
                        entries = slugs.of_post(post.id)
                        blog.posts.delete(author, post.id, permanently=True)
                        for entry in entries:
                            slugs.remove(entry.slug)


def posts_in(open_blog: OpenBlog) -> list[Post]:
    """Return all posts without their ids, sorted by author and creation time."""
    with open_blog() as blog:
        authors = [Member.of(user) for user in blog.users.page(Operator())]
        posts = [post for author in authors for status in Status for post in blog.posts.own_page(author, status).posts]
    by_author = sorted(posts, key=lambda post: (post.author, post.created_at, post.id))
    return [replace(post, id=PostId(UNSTORED), author_id=UserId(UNSTORED)) for post in by_author]


_NUMBERS: Final = re.compile(rb"(?m)(?<=^slug: ).*?(?:-\d+)*$|(?<=^version: ).*$")
"""Slugs and versions depend on the order in which posts get their slugs."""


def without_numbers(posts: list[Post]) -> list[Post]:
    """Return the posts without the numbers in their slugs, and without their versions: both depend on which post came
    first, and a scheduled post moves away from an earlier one.
    """
    return [replace(post, slug=post.slug and re.sub(r"(-\d+)+$", "", post.slug), version=1) for post in posts]


def export_to(
    open_blog: OpenBlog, folder: Path, *, revisions: bool = False, working_copies: bool = False
) -> dict[str, bytes]:
    """Export the posts. Return the files by name."""
    with contextlib.redirect_stdout(io.StringIO()):
        export_posts(Session(open_blog, ""), folder, prune=False, revisions=revisions, working_copies=working_copies)
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.md")}


def import_from(
    open_blog: OpenBlog,
    folder: Path,
    *,
    dry_run: bool = False,
    revisions: bool = False,
    working_copies: bool = False,
) -> str:
    """Import a folder. Return what is printed."""
    with contextlib.redirect_stdout(io.StringIO()) as line:
        import_into(Session(open_blog, ""), folder, dry_run=dry_run, revisions=revisions, working_copies=working_copies)
    return line.getvalue()


def test_posts_of_deleted_and_renamed_accounts_are_imported_for_their_owners(
    open_blog: OpenBlog, tmp_path: Path
) -> None:
    with open_blog() as blog:
        ann = blog.users.get_by_username(Operator(), "ann")
        gone = blog.users.add(Operator(), "gone", "quite a long pass phrase")
        for author in (ann, gone):
            blog.posts.create(Member.of(author), title="Hello", body="World")
        blog.users.delete(Operator(), gone.id, PostsOnDeletion.KEEP)
    folder = tmp_path / "posts"
    files = export_to(open_blog, folder)
    assert sorted(name.split(",")[1] for name in files) == ["ann", "deleted-user"]
    with open_blog() as blog:
        blog.users.update(Operator(), ann.id, username="anna")
    assert import_from(open_blog, folder) == f"Added 0, {summary(there=2)}"
    elsewhere = with_authors(create_blog(MemoryStore(), hasher=HASHER))
    assert import_from(elsewhere, folder) == f"Added 2, {summary(there=0)}"
    with elsewhere() as blog:
        assert {post.author for post in blog.posts.page().posts} == {"ann", "deleted-user"}
