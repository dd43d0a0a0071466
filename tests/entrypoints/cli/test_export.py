"""Exported posts: one complete file each."""

import errno
import os
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.database import PASSWORD, Database
from tests.entrypoints.blocking_blogs import Store
from tests.entrypoints.cli.conftest import Outcome, Run
from tests.entrypoints.cli.terminal import at_a_terminal
from tests.servers import run_blog

from blog.domain.accounts.actors import Member, Operator
from blog.domain.posts.importing import PortablePost
from blog.domain.shared import PostId
from blog.entrypoints.cli.markdown.exporting import export_posts
from blog.entrypoints.cli.session import Session

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HELLO = "2026-11-23T120000.000000Z,alice,hello.md"
TEXT = """\
---
title: Hello
slug: hello
author: alice
created_at: 2026-11-23T12:00:00.000000Z
updated_at: 2026-11-23T13:00:00.000000Z
version: 2
---
World"""


def create_post(database: Database, *titles: str, **said: Any) -> None:
    """Create posts by alice, at noon, in this order."""
    with database.opened() as open_blog, open_blog() as blog:
        for place, title in enumerate(titles, start=1):
            post: dict[str, Any] = {"author": "alice", "created_at": NOON, "updated_at": NOON + HOUR, "version": 2}
            post |= {"title": title, "body": "World", "ordinal": place} | said
            post.setdefault("published_at", post["created_at"])
            blog.importer.import_post(Operator(), PortablePost(**post))


def summary(create_post: int, same: int, gone: str = "found 0 of deleted or renamed posts") -> str:
    return f"Wrote {create_post} files, left {same} unchanged, {gone}.\n"


def names(folder: str = "out") -> Sequence[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_symlink_in_the_place_of_a_file_is_replaced_and_not_followed(
    run: Run, database: Database, tmp_path: Path
) -> None:
    create_post(database, "Hello")
    victim = tmp_path / "victim"
    Path("out").mkdir()
    for content in ("something else", TEXT):
        victim.write_text(content)
        Path("out", HELLO).unlink(missing_ok=True)
        Path("out", HELLO).symlink_to(victim)

        assert run("export", "out") == Outcome(0, summary(1, 0), "")

        assert victim.read_text() == content
        assert not Path("out", HELLO).is_symlink()
        assert Path("out", HELLO).read_text() == TEXT


def test_a_symlink_with_a_guessed_temporary_name_is_not_followed(
    run: Run, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_post(database, "Hello")
    victim = tmp_path / "victim"
    victim.write_text("precious")
    Path("out").mkdir()
    Path("out", f".blog-export-{os.getpid()}.part").symlink_to(victim)
    monkeypatch.setattr("blog.entrypoints.cli.markdown.files.secrets.token_hex", lambda *_: "guessed")
    Path("out", ".blog-guessed.part").symlink_to(victim)

    refused = run("export", "out")

    assert refused == Outcome(1, "", "blog: File exists: out/.blog-guessed.part\n")
    assert victim.read_text() == "precious"
    assert Path("out", ".blog-guessed.part").is_symlink()


def test_a_folder_with_the_name_of_a_post_is_not_changed(run: Run, database: Database) -> None:
    Path("out", HELLO).mkdir(parents=True)

    assert run("export", "out", "--prune") == Outcome(0, summary(0, 0, "deleted 0"), "")
    assert names() == [HELLO]


def test_a_post_is_a_file_with_all_its_fields(run: Run, database: Database) -> None:
    create_post(database, "Hello")

    assert run("export", "out") == Outcome(0, summary(1, 0), "")
    assert names() == [HELLO]
    assert Path("out", HELLO).read_bytes() == TEXT.encode()


def test_a_body_is_written_byte_for_byte_by_the_command(database: Database) -> None:
    body = "\r\n---\n\ta\r\n\u2028\ufeff no end"
    create_post(database, "Hello", body=body)

    exported = run_blog("export", "out", cwd=database.file.parent)

    assert (exported.returncode, exported.stdout, exported.stderr) == (0, summary(1, 0), "")
    assert (database.file.parent / "out" / HELLO).read_bytes() == TEXT.removesuffix("World").encode() + body.encode()


def test_posts_with_the_same_time_get_different_files(run: Run, database: Database) -> None:
    create_post(database, "Hello", "Hello", "Again")
    create_post(database, "Hello", author="bob")
    create_post(database, "Later", created_at=NOON + HOUR)

    assert run("export", "out").said == summary(5, 0)
    assert names() == [
        "2026-11-23T120000.000000Z,alice,hello.md",
        "2026-11-23T120000.000000Z,bob,hello.md",
        "2026-11-23T120000.000000Z-0002,alice,hello.md",
        "2026-11-23T120000.000000Z-0003,alice,again.md",
        "2026-11-23T130000.000000Z,alice,later.md",
    ]
    assert Path("out", names()[2]).read_text(encoding="utf-8") == TEXT.replace("---\nW", "ordinal: 2\n---\nW").replace(
        "hello", "hello-2"
    )


def test_a_draft_and_a_scheduled_post_say_so(run: Run, database: Database) -> None:
    create_post(database, "Hello", published_at=None)
    create_post(database, "Hello", author="bob", published_at=NOON.replace(year=9000))

    assert run("export", "out") == Outcome(0, summary(2, 0), "")
    draft, scheduled = (Path("out", name).read_text(encoding="utf-8") for name in names())
    assert draft == TEXT.replace("slug: hello\n", "").replace("version", "draft: true\nversion")
    assert scheduled == TEXT.replace("alice", "bob").replace(
        "version", "published_at: 9000-11-23T12:00:00.000000Z\nversion"
    )


def test_a_user_exports_published_posts_and_own_ones(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for author in ("alice", "bob"):
        create_post(database, "Draft", published_at=None, author=author)
        create_post(database, "Later", published_at=NOON.replace(year=9000), author=author, created_at=NOON - HOUR)
        create_post(database, "Hello", author=author, created_at=NOON - 2 * HOUR)
    run("users", "promote", "bob")
    assert run("export", "all").said == summary(6, 0)
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("bob"))

    assert run("export", "out").said == summary(4, 0)
    assert [name.partition(",")[2] for name in names()] == [
        "alice,hello.md",
        "bob,hello.md",
        "bob,later.md",
        "bob,draft.md",
    ]


def test_a_token_that_may_not_read_drafts_exports_nothing(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = run("tokens", "create", "bob", "--scope", "account", "--password-stdin", sent=PASSWORD.encode()).said
    monkeypatch.setenv("BLOG_TOKEN", token.strip())

    assert run("export", "out") == Outcome(1, "", "blog: This token was made without the scope posts:read.\n")
    assert not Path("out").exists()


def test_no_title_traverses_out_of_the_folder(run: Run, database: Database, tmp_path: Path) -> None:
    create_post(database, "../../escaped", "/etc/passwd", "..", "C:\\x", "CON", "x" * 200)

    assert run("export", "deep/out").status == 1
    (tmp_path / "deep").mkdir()
    assert run("export", "deep/out").said == summary(6, 0)
    assert len(names("deep/out")) == 6
    assert names("deep") == ["out"]


def test_unchanged_files_are_not_rewritten(run: Run, database: Database) -> None:
    create_post(database, "Hello", "Again")
    run("export", "out")
    before = {name: Path("out", name).stat() for name in names()}
    changed, same = names()
    Path("out", changed).write_text("changed by hand", encoding="utf-8")

    assert run("export", "out") == Outcome(0, summary(1, 1), "")
    assert Path("out", changed).read_text(encoding="utf-8") == TEXT
    assert (Path("out", same).stat().st_ino, Path("out", same).stat().st_mtime_ns) == (
        before[same].st_ino,
        before[same].st_mtime_ns,
    )


def test_files_of_deleted_posts_are_reported_and_deleted_by_prune_only(run: Run, database: Database) -> None:
    create_post(database, "Hello", "Again")
    run("export", "out")
    others = ["README.md", "2026-11-23-notes.md", "image.png", ".hidden"]
    for other in others:
        Path("out", other).write_text("mine", encoding="utf-8")
    Path("out", "2026-11-23T120000.000000Z,alice,folder").mkdir()
    with database.opened() as open_blog, open_blog() as blog:
        alice = Member.of(blog.users.get_by_username(Operator(), "alice"))
        blog.posts.update(alice, PostId(1), title="Hello, world")
        blog.posts.delete(alice, PostId(2))
    gone = [HELLO, "2026-11-23T120000.000000Z-0002,alice,again.md"]

    told = "".join(f"blog: {name}: no exported post has this file name; --prune deletes such files\n" for name in gone)
    assert run("export", "out") == Outcome(0, summary(1, 0, "found 2 of deleted or renamed posts"), told)
    assert set(gone) < set(names())
    told = "".join(f"blog: {name}: no exported post has this file name\n" for name in gone)
    assert run("export", "out", "--prune") == Outcome(0, summary(0, 1, "deleted 2"), told)
    assert names() == sorted(
        [*others, "2026-11-23T120000.000000Z,alice,folder", "2026-11-23T120000.000000Z,alice,hello-world.md"]
    )
    assert run("export", "out", "--prune") == Outcome(0, summary(0, 1, "deleted 0"), "")


def test_a_full_disk_leaves_no_partial_file(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    create_post(database, "Hello")
    run("export", "out")
    Path("out", HELLO).write_text("older", encoding="utf-8")
    monkeypatch.setattr(os, "fsync", full)

    refused = run("export", "out", "--prune")

    assert (refused.status, refused.said) == (1, "")
    assert "No space left on device" in refused.errors
    assert names() == [HELLO]
    assert Path("out", HELLO).read_text(encoding="utf-8") == "older"


@pytest.mark.parametrize(
    ("folder", "line"), [("no/where", "No such file or directory: no/where"), ("taken", "File exists: taken")]
)
def test_an_invalid_folder_is_reported_in_one_line(run: Run, database: Database, folder: str, line: str) -> None:
    Path("taken").touch()

    assert run("export", folder) == Outcome(1, "", f"blog: {line}\n")


def test_a_folder_in_the_place_of_a_file_is_reported_in_one_line(run: Run, database: Database) -> None:
    create_post(database, "Hello")
    Path("out", HELLO).mkdir(parents=True)

    refused = run("export", "out")

    assert (refused.status, refused.said, refused.errors.count("\n")) == (1, "", 1)
    assert names() == [HELLO]


def test_a_token_can_export_and_an_invalid_token_creates_no_folder(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_post(database, "Hello")
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("bob"))
    assert run("export", "out").said == summary(1, 0)

    monkeypatch.setenv("BLOG_TOKEN", "blog_made-up-by-hand")
    assert run("export", "elsewhere") == Outcome(1, "", "blog: The token is not valid.\n")
    assert not Path("elsewhere").exists()


def test_a_blog_without_posts_is_an_empty_folder(run: Run, database: Database) -> None:
    assert run("export", "out") == Outcome(0, summary(0, 0), "")
    assert names() == []


def test_many_posts_are_read_in_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store("the first")
    with store.inner() as blog:
        for number in range(204):
            blog.posts.create(store.ann, title=f"The {number}.", body="x")
    store.units = 0
    largest = 0

    @contextmanager
    def watched() -> Any:
        with store() as blog:
            page = blog.exporter.page

            def pages(*actor: Any, **arguments: Any) -> Any:
                nonlocal largest
                found = page(*actor, **arguments)
                largest = max(largest, len(found.posts))
                return found

            blog.exporter = type("Watched", (), {"page": staticmethod(pages)})()
            yield blog

    export_posts(Session(watched, ""), tmp_path, prune=False)

    assert capsys.readouterr().out == summary(205, 0)
    assert len(names(str(tmp_path))) == 205
    assert (store.units, largest) == (4, 100)


def test_progress_is_shown_at_a_terminal(database: Database) -> None:
    create_post(database, "Hello", "Again")
    with at_a_terminal("export", "out", cwd=database.file.parent) as terminal:
        assert terminal.end() == 0

    assert "Exporting" in terminal.shown
    assert "/2 " in terminal.shown
    assert terminal.shown.endswith(summary(2, 0).replace("\n", "\r\n"))
