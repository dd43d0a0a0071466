"""The background job publishes each file once, whatever happens to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blog import ClosableBlog, Operator, Unavailable, sqlite_blog
from blog.adapters.argon2 import Argon2PasswordHasher

from . import background_job
from .background_job import main, publish


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "blog.db")


@pytest.fixture
def open_blog(database: str) -> Iterator[ClosableBlog]:
    with sqlite_blog(database, hasher=Argon2PasswordHasher(memory=8, iterations=1)) as open_blog:
        with open_blog() as blog:
            blog.users.add(Operator(), "alice", "correct horse battery")
        yield open_blog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "drafts"
    folder.mkdir()
    (folder / "a.txt").write_text("Hello\n\nWorld\n", encoding="utf-8")
    (folder / "b.txt").write_text("\nNo title\n", encoding="utf-8")
    return folder


def posts_in(open_blog: ClosableBlog) -> list[tuple[str, str, str]]:
    with open_blog() as blog:
        return [(post.title, post.body, post.author) for post in blog.posts.page().posts]


def test_each_file_is_published_and_a_refused_one_stays(
    database: str, open_blog: ClosableBlog, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(database, "alice", str(folder)) == 1
    assert posts_in(open_blog) == [("Hello", "World", "alice")]
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.txt")) == ["b.txt", "published/a.txt"]
    assert capsys.readouterr().err == "b.txt: title: must not be blank\n"


def test_a_file_that_was_stored_and_not_moved_is_not_published_twice(open_blog: ClosableBlog, folder: Path) -> None:
    assert publish(open_blog, "alice", folder / "a.txt") is not None
    assert publish(open_blog, "alice", folder / "a.txt") is None
    assert len(posts_in(open_blog)) == 1


def test_a_busy_database_is_tried_again(open_blog: ClosableBlog, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [Unavailable("The database is locked.")] * 2

    def publish_after_failures(*arguments: object) -> object:
        if failures:
            raise failures.pop()
        return publish(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(background_job, "publish", publish_after_failures)
    assert background_job.publish_with_retries(open_blog, "alice", folder / "a.txt") is not None
    assert len(posts_in(open_blog)) == 1
