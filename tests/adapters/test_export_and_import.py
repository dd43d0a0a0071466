"""The blog promises, of posts that are exported and imported, on every store, that…"""

import contextlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import Post, validate_post
from blog.domain.shared import UNSTORED, PostId, UserId
from blog.entrypoints.cli.markdown.exporting import export_posts
from blog.entrypoints.cli.markdown.importing import import_into
from blog.entrypoints.cli.session import Session
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import acting

AUTHORS = ("ann", "Bob", "no")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HASHER = Argon2PasswordHasher(memory=8, iterations=1)

titles = st.text(max_size=20) | st.sampled_from(("no", "~", "2020-01-01", "a: #b", "- c", "\t\u2028'\"\\\r\n---\n"))
bodies = st.text(max_size=30) | st.sampled_from(("\r\n  ---\n---\ntitle: x\n---\r\nend", "\ufeff\n x \n\n", "no end"))
moments = st.sampled_from((NOON, NOON + timedelta(microseconds=1)))
moments |= st.timedeltas(timedelta(days=-370_000), timedelta(days=2_900_000)).map(NOON.__add__)
manuscripts = st.builds(
    lambda later, **said: PortablePost(updated_at=said["created_at"] + later, **said),
    title=titles.filter(lambda title: not validate_post(title=title)),
    body=bodies.filter(lambda body: not validate_post(body=body)),
    author=st.sampled_from(AUTHORS),
    created_at=moments,
    version=st.integers(1, 9),
    later=st.timedeltas(timedelta(), timedelta(days=300)),
)
several = st.lists(manuscripts, max_size=8)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def open_blog(request: pytest.FixtureRequest) -> OpenBlog:
    """A blog on each store, with three authors."""
    stores: Any = MemoryStore() if request.param == "memory" else request.getfixturevalue(request.param)
    return peopled(create_blog(stores, hasher=HASHER))


@given(several)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_from_a_blog_to_files_to_another_blog_and_back_nothing_is_lost(
    open_blog: OpenBlog, written: list[PortablePost]
) -> None:
    source = blog_with(written)
    with emptied(open_blog), TemporaryDirectory() as one, TemporaryDirectory() as other:
        files = exported(source, Path(one))
        assert imported(open_blog, Path(one)) == f"Added {len(files)}, {said(there=0)}"
        assert posts_in(open_blog) == posts_in(source)
        assert len(files) == len(written)
        assert exported(open_blog, Path(other)) == files


def test_posts_that_were_changed_after_the_clock_was_set_back_are_taken_in_as_they_are(
    open_blog: OpenBlog, tmp_path: Path
) -> None:
    clock = FrozenClock()
    source = peopled(create_blog(MemoryStore(), hasher=HASHER, now=clock))
    with source() as blog:
        ann = acting(blog.users.get_by_username(Operator(), "ann"))
        post = blog.posts.create(ann, title="Hello", body="World")
    clock.move(timedelta(hours=-3))
    with source() as blog:
        blog.posts.update(ann, post.id, body="Changed")
    exported(source, tmp_path)
    with emptied(open_blog):
        assert imported(open_blog, tmp_path) == f"Added 1, {said(there=0)}"
        assert posts_in(open_blog) == posts_in(source)


@given(several, st.integers(0, 8))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_importing_again_is_importing_once(open_blog: OpenBlog, written: list[PortablePost], some: int) -> None:
    with emptied(open_blog), TemporaryDirectory() as one, TemporaryDirectory() as all_of_them:
        part = len(exported(blog_with(written[:some]), Path(one)))
        imported(open_blog, Path(one))
        assert imported(open_blog, Path(one)) == f"Added 0, {said(there=part)}"
        count = len(exported(blog_with(written), Path(all_of_them)))
        assert imported(open_blog, Path(all_of_them)) == f"Added {count - part}, {said(there=part)}"
        assert posts_in(open_blog) == posts_in(blog_with(written))


@given(several)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_dry_run_says_what_an_import_does_and_changes_nothing(
    open_blog: OpenBlog, written: list[PortablePost]
) -> None:
    with emptied(open_blog), TemporaryDirectory() as folder:
        files = exported(blog_with(written), Path(folder))
        *added, line = imported(open_blog, Path(folder), dry_run=True).splitlines(keepends=True)
        assert sorted(added) == sorted(f"would add\t{name}\n" for name in files)
        assert line == f"Would add {len(files)}, {said(there=0)}"
        assert posts_in(open_blog) == []


def said(there: int) -> str:
    """How the line ends that sums an import up."""
    return f"already there {there}, there but different 0, faulty 0.\n"


def peopled(open_blog: OpenBlog) -> OpenBlog:
    with open_blog() as blog:
        for name in AUTHORS:
            blog.users.add(Operator(), name, "quite a long pass phrase")
    return open_blog


def blog_with(written: list[PortablePost]) -> OpenBlog:
    """A blog in memory that holds these."""
    open_blog = peopled(create_blog(MemoryStore(), hasher=HASHER))
    known = [(each.author, each.created_at) for each in written]
    with open_blog() as blog:
        for number, each in enumerate(written):
            blog.importer.import_post(Operator(), replace(each, ordinal=known[: number + 1].count(known[number])))
    return open_blog


@contextmanager
def emptied(open_blog: OpenBlog) -> Iterator[None]:
    """The blog, without the posts that were written in the block once it is left."""
    try:
        yield
    finally:
        with open_blog() as blog:
            authors = {user.id: Member.of(user) for user in blog.users.page(Operator())}
            for post in blog.posts.page(limit=100).posts:
                blog.posts.delete(authors[post.author_id], post.id)


def posts_in(open_blog: OpenBlog) -> list[Post]:
    """All of them, but for the numbers that only this blog gives; those of one moment by their authors."""
    with open_blog() as blog:
        posts = blog.posts.page(SortOrder.OLDEST, limit=100).posts
    by_author = sorted(posts, key=lambda post: (post.created_at, post.author))
    return [replace(post, id=PostId(UNSTORED), author_id=UserId(UNSTORED)) for post in by_author]


def exported(open_blog: OpenBlog, folder: Path) -> dict[str, bytes]:
    """The files, by their names."""
    with contextlib.redirect_stdout(io.StringIO()):
        export_posts(Session(open_blog, ""), folder, prune=False)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def imported(open_blog: OpenBlog, folder: Path, *, dry_run: bool = False) -> str:
    """What is said of it."""
    with contextlib.redirect_stdout(io.StringIO()) as line:
        import_into(Session(open_blog, ""), folder, dry_run=dry_run)
    return line.getvalue()


def test_posts_that_are_kept_of_deleted_accounts_and_of_former_names_come_back_to_whom_they_belong(
    open_blog: OpenBlog, tmp_path: Path
) -> None:
    with open_blog() as blog:
        ann = blog.users.get_by_username(Operator(), "ann")
        gone = blog.users.add(Operator(), "gone", "quite a long pass phrase")
        for author in (ann, gone):
            blog.posts.create(Member.of(author), title="Hello", body="World")
        blog.users.delete(Operator(), gone.id, PostsOnDeletion.KEEP)
    folder = tmp_path / "posts"
    files = exported(open_blog, folder)
    assert sorted(name.split(",")[1] for name in files) == ["ann", "deleted-user"]
    with open_blog() as blog:
        blog.users.update(Operator(), ann.id, username="anna")
    assert imported(open_blog, folder) == f"Added 0, {said(there=2)}"
    elsewhere = peopled(create_blog(MemoryStore(), hasher=HASHER))
    assert imported(elsewhere, folder) == f"Added 2, {said(there=0)}"
    with elsewhere() as blog:
        assert {post.author for post in blog.posts.page().posts} == {"ann", "deleted-user"}
