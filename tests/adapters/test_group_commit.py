"""Group commit in SQLite: several units of work are committed by one write to the disk, or none of them is."""

import sqlite3
from pathlib import Path

import pytest

from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.blog import GroupCommit, OpenBlog
from blog.domain.errors import Unavailable
from blog.testing.contracts import GroupCommitContract
from blog.testing.contracts.blog import newest
from blog.testing.contracts.fixtures import as_member, create_post_in_unit

PASSWORD = "correct horse battery staple"


@pytest.fixture
def store(sqlite: SqlStore) -> SqlStore:
    return sqlite


@pytest.fixture
def group_commit(store: SqlStore) -> GroupCommit:
    assert store.group_commit
    return store.group_commit


class TestGroupCommitInSqlite(GroupCommitContract):
    @pytest.fixture
    def open_blog(self, open_blog: OpenBlog) -> OpenBlog:
        return open_blog

    @pytest.fixture
    def group_commit(self, group_commit: GroupCommit) -> GroupCommit:
        return group_commit


def test_postgresql_needs_no_group_commit_of_ours(postgresql: SqlStore) -> None:
    assert postgresql.group_commit is None


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_failed_group_commit_raises_at_the_end_of_the_block(
    store: SqlStore, open_blog: OpenBlog, group_commit: GroupCommit, *, goes_on: bool
) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))

    def lose() -> None:
        with group_commit():
            create_post_in_unit(open_blog, ann)
            shared = store._current.shared
            assert shared is not None
            assert shared.connection is not None
            shared.connection.rollback()  # as SQLite does by itself where a disk is full
            if goes_on:
                with pytest.raises(Unavailable):
                    create_post_in_unit(open_blog, ann)

    with pytest.raises(Unavailable):
        lose()
    assert newest(open_blog) == []
    post = create_post_in_unit(open_blog, ann)
    assert newest(open_blog) == [post]


def test_a_unit_that_cannot_be_rolled_back_alone_is_rolled_back_with_the_others(
    store: SqlStore, open_blog: OpenBlog, group_commit: GroupCommit
) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))

    def fail() -> None:
        with open_blog() as blog:
            blog.posts.create(ann, title="Half done", body="-")
            shared = store._current.shared
            assert shared is not None
            assert shared.connection is not None
            shared.connection.execute("RELEASE SAVEPOINT unit")
            raise ZeroDivisionError

    def lose() -> None:
        with group_commit():
            create_post_in_unit(open_blog, ann)
            with pytest.raises(ZeroDivisionError):
                fail()

    with pytest.raises(Unavailable):
        lose()
    assert newest(open_blog) == []


def test_a_unit_that_finds_the_database_locked_fails_alone(file: Path, store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
    hasty = SqlStore(f"sqlite:///{file}", timeout=0)
    foreign = sqlite3.connect(file, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    group_commit = hasty.group_commit
    assert group_commit
    open_hastily = create_blog(hasty)
    with group_commit():
        with pytest.raises(Unavailable):
            create_post_in_unit(open_hastily, ann)
        foreign.execute("ROLLBACK")
        post = create_post_in_unit(open_hastily, ann)
    assert newest(open_blog) == [post]
    foreign.close()
    hasty.close()
