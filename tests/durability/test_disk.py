"""A disk that is full stops whoever writes, nobody who reads, and does no harm."""

import resource
from pathlib import Path

import pytest
from tests.database import PASSWORD, Database
from tests.durability.stored import ask, assert_sent_away
from tests.servers import Server, serving

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.adapters.sql.engine.unit_of_work import SqlUnitOfWork
from blog.bootstrap import create_blog
from blog.domain.blog import OpenBlog
from blog.domain.errors import Unavailable


def test_a_full_disk_allows_reads_and_the_blog_recovers_when_there_is_space(database: Database) -> None:
    token = database.log_in("alice")
    with serving(database.file) as server:
        written = [_write(server, token, number) for number in range(3)]
        _let_files_grow_to(_size(database.file), server)
        writes = _writes(token, written[0])
        for write in writes:
            assert_sent_away(ask(server, *write))
        assert _titles(server) == ["2", "1", "0"]
        for path in ("/livez", "/readyz", written[0]):
            assert ask(server, "GET", path).status_code == 200

        _let_files_grow_to(resource.RLIM_INFINITY, server)
        assert [ask(server, *write).status_code for write in writes] == [201, 200, 200, 204]
        assert server.stop() == 0
    database.assert_sound()


def _writes(token: str, path: str) -> list[tuple[str, str, str | None, object]]:
    """One of each kind: create, log in, change, delete."""
    return [
        ("POST", "/api/posts/", token, {"title": "Too much", "body": "For this disk."}),
        ("POST", "/api/login/", None, {"username": "alice", "password": PASSWORD}),
        ("PATCH", path, token, {"title": "Changed"}),
        ("DELETE", path, token, None),
    ]


def _write(server: Server, token: str, number: int) -> str:
    written = ask(server, "POST", "/api/posts/", token, {"title": str(number), "body": "x" * 10_000})
    path: str = written.headers["location"]
    return path


def _size(file: Path) -> int:
    """Bytes of the largest file of a database: of its log, after some writes."""
    return max(part.stat().st_size for part in file.parent.glob(f"{file.name}*"))


def _let_files_grow_to(size: int, server: Server) -> None:
    """Let a process write no file beyond this size. To SQLite that is a disk which takes no more."""
    hardest = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hardest))


def _titles(server: Server) -> list[str]:
    return [post["title"] for post in ask(server, "GET", "/api/posts/").json()["results"]]


def test_a_full_disk_stores_a_whole_unit_of_work_or_nothing(database: Database) -> None:
    token = database.log_in("alice")
    store = SqlStore(f"sqlite:///{database.file}", connections=1)
    open_blog = create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1))
    try:
        _leave_pages(store, 4)
        with pytest.raises(Unavailable, match="full"):
            _write_ten(open_blog, token)
        with open_blog() as blog:
            assert blog.posts.page().posts == []
            small = blog.posts.create(blog.tokens.authenticate(token), title="Small enough", body="For what is left.")
        assert small.version == 1
    finally:
        store.close()
    database.assert_sound()


def _leave_pages(store: SqlStore, pages: int) -> None:
    """Let the file grow by no more than this, through the only connection there is."""
    with SqlUnitOfWork(store._pool) as unit:
        ((now,),) = unit._run("PRAGMA page_count", long_text_columns=())
        unit._run(f"PRAGMA max_page_count={now + pages}", long_text_columns=())


def test_a_unit_that_fills_the_disk_does_not_fail_the_others_of_its_group(database: Database) -> None:
    token = database.log_in("alice")
    store = SqlStore(f"sqlite:///{database.file}", connections=1)
    open_blog = create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1))
    assert store.group_commit
    try:
        _leave_pages(store, 4)
        with store.group_commit():
            _write_ten(open_blog, token, "the first")
            with pytest.raises(Unavailable, match="full"):
                _write_ten(open_blog, token)
            _write_ten(open_blog, token, "the last")
        with open_blog() as blog:
            assert [post.body for post in blog.posts.page().posts] == [*["the last"] * 10, *["the first"] * 10]
    finally:
        store.close()
    database.assert_sound()


def _write_ten(open_blog: OpenBlog, token: str, body: str = "x" * 3_000) -> None:
    """Ten posts in one unit of work."""
    with open_blog() as blog:
        alice = blog.tokens.authenticate(token)
        for number in range(10):
            blog.posts.create(alice, title=str(number), body=body)
