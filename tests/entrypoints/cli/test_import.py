"""Files are imported as posts; invalid files are reported and do not stop the others."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.database import Database
from tests.entrypoints.blocking_blogs import Store
from tests.entrypoints.cli.conftest import Outcome, Run
from tests.servers import run_blog

from blog.domain.accounts.actors import Member, Operator
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import Post
from blog.domain.shared import PostId, UserId
from blog.entrypoints.cli.markdown.importing import BATCH_SIZE, MAX_FILE_SIZE, import_into
from blog.entrypoints.cli.markdown.parsed_files import NAMES
from blog.entrypoints.cli.session import Session

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NO_FRONT_MATTER = "front matter: must begin with a line --- at the top of the file, and end with another"

ASSUMED = "blog: 1 file with a date without a time zone: taken as UTC\n"


def create_post(name: str, *lines: str, body: str = "World") -> None:
    """Write a file with this front matter."""
    Path("in").mkdir(exist_ok=True)
    Path("in", name).write_bytes("\n".join(["---", *lines, "---", body]).encode())


def write_post(name: str, *lines: str, title: str = "Hello", author: str = "alice") -> None:
    """Write the file of a post of noon."""
    create_post(name, f"title: {title}", f"author: {author}", "created_at: 2026-11-23T12:00Z", *lines)


def posts_in(database: Database) -> list[Post]:
    with database.opened() as open_blog, open_blog() as blog:
        return list(blog.posts.page(SortOrder.OLDEST, limit=100).posts)


def titles(database: Database) -> list[tuple[int, str, str]]:
    return [(post.id, post.author, post.title) for post in posts_in(database)]


def summary(added: int = 0, there: int = 0, different: int = 0, faulty: int = 0, *, would: bool = False) -> str:
    begins = f"Would add {added}" if would else f"Added {added}"
    return f"{begins}, already there {there}, there but different {different}, faulty {faulty}.\n"


def test_a_file_is_imported_as_a_post(run: Run, database: Database) -> None:
    write_post("any name.md", "updated_at: 2026-11-23 15:00+01:00", "version: 4")

    assert run("import", "in") == Outcome(0, summary(added=1), "")
    assert posts_in(database) == [
        Post(
            id=PostId(1),
            title="Hello",
            body="World",
            slug="hello",
            author_id=UserId(1),
            author="alice",
            created_at=NOON,
            updated_at=NOON.replace(hour=14),
            published_at=NOON,
            version=4,
            first_paragraph="World",
        )
    ]
    assert run("audit", "--limit", "1").said.split("\t")[2:] == [
        "post.imported",
        "operator",
        "console",
        "-",
        "post 1",
        "by alice\n",
    ]


def test_importing_again_adds_nothing(run: Run, database: Database) -> None:
    write_post("a.md")
    write_post("b.md", author="bob")
    run("import", "in")
    before = posts_in(database)

    assert run("import", "in") == Outcome(0, summary(there=2), "")
    assert posts_in(database) == before


def test_a_post_in_the_trash_is_not_added_again(run: Run, database: Database) -> None:
    write_post("a.md")
    assert run("import", "in") == Outcome(0, summary(added=1), "")
    with database.opened() as open_blog, open_blog() as blog:
        author = Member.of(blog.users.get_by_username(Operator(), "alice"))
        blog.posts.delete(author, PostId(1))
    said = summary().replace("faulty 0.", "faulty 0, in the trash 1.")
    assert run("import", "in") == Outcome(0, said, "blog: a.md: already there, in the trash of its author: not added\n")
    assert posts_in(database) == []


def test_exported_posts_are_imported_into_another_blog_by_the_commands(database: Database) -> None:
    folder = database.file.parent
    elsewhere = Database(folder / "elsewhere.db")
    elsewhere.add_users("bob", "alice")
    (folder / "in").mkdir()
    body = "\r\n--- \n\ufeffno end"
    (folder / "in" / "a.md").write_bytes(f"---\ntitle: ~\nauthor: bob\ncreated_at: 2026-11-23\n---\n{body}".encode())

    for command in ("import in", "export out", f"import out --database sqlite:///{elsewhere.file}"):
        assert run_blog(*command.split(), cwd=folder).returncode == 0, command

    (post,) = posts_in(elsewhere)
    assert (post.title, post.body, post.author, post.created_at) == ("~", body, "bob", NOON.replace(hour=0))


def test_existing_posts_are_never_changed(run: Run, database: Database) -> None:
    write_post("a.md")
    run("import", "in")
    before = posts_in(database)
    write_post("a.md", title="Goodbye")
    write_post("b.md", author="bob")

    told = "blog: a.md: already there, with different content\n"
    assert run("import", "in") == Outcome(1, summary(added=1, different=1), told)
    assert posts_in(database)[:1] == before


def test_files_are_imported_by_time_not_by_name(run: Run, database: Database) -> None:
    write_post("a.md", "ordinal: 3", title="The third")
    write_post("b.md", "ordinal: 2", title="The second")
    write_post("c.md", title="The first")
    write_post("d.md", author="bob")
    create_post("e.md", "title: Older", "author: alice", "created_at: 2001-01-01")

    assert run("import", "in") == Outcome(0, summary(added=5), ASSUMED)
    assert titles(database) == [
        (1, "alice", "Older"),
        (2, "alice", "The first"),
        (3, "alice", "The second"),
        (4, "alice", "The third"),
        (5, "bob", "Hello"),
    ]
    assert run("import", "in") == Outcome(0, summary(there=5), ASSUMED)


def test_two_files_with_the_same_author_and_time_need_ordinals(run: Run, database: Database) -> None:
    write_post("a.md", title="One")
    write_post("b.md", title="Two")

    told = (
        "blog: b.md: already there, with different content; another file has the same author and time: "
        "give it a time of its own, or ordinal: 2\n"
    )
    assert run("import", "in") == Outcome(1, summary(added=1, different=1), told)
    write_post("b.md", "ordinal: 2", title="Two")
    assert run("import", "in") == Outcome(0, summary(added=1, there=1), "")


def test_an_ordinal_without_its_predecessor_is_reported(run: Run, database: Database) -> None:
    write_post("a.md", "ordinal: 2")

    told = "blog: a.md: ordinal: import ordinal 1 first\n"
    assert run("import", "in") == Outcome(1, summary(faulty=1), told)


def test_the_author_option_is_used_for_files_without_an_author(run: Run, database: Database) -> None:
    create_post("a.md", "title: Hello", "created_at: 2026-11-23")
    create_post("b.md", "title: Hello", "created_at: 2026-11-23", "author: alice")

    told = "blog: a.md: author: is missing: --author NAME gives one\n"
    both = ASSUMED.replace("1 file", "2 files")
    assert run("import", "in") == Outcome(1, summary(added=1, faulty=1), f"{told}{both}")
    assert run("import", "in", "--author", "bob") == Outcome(0, summary(added=1, there=1), both)
    assert titles(database) == [(1, "alice", "Hello"), (2, "bob", "Hello")]


def test_errors_of_every_file_are_reported_and_the_other_files_are_imported(run: Run, database: Database) -> None:
    write_post("a.md", author="carol")
    create_post("b.md", "title: ''", "version: 0", "ordinal: -1", "id: x", body=" ")
    create_post(
        "c.md", "title: Hello", "author: carol", "created_at: 0999-01-01", "updated_at: 0998-01-01", "ordinal: 9"
    )
    write_post("d.md", "ordinal: two", "version: 1e3", title="x" * 201)
    write_post("e.md", title="Fine")
    create_post("f.md", "title: ['", body="")
    fields = f"is not known here: known are {', '.join(NAMES)}; --ignore-unknown ignores it"
    year = "must be in a year from 1000 to 9998"

    assert run("import", "in") == Outcome(
        1,
        summary(added=1, faulty=5),
        "blog: f.md: front matter: line 3: found unexpected end of stream\n"
        f"blog: c.md: author: has no account here; created_at: {year}; updated_at: {year}; "
        f"published_at: {year}\n"
        "blog: a.md: author: has no account here\n"
        f"blog: b.md: id: {fields}; author: is missing: --author NAME gives one; created_at: is "
        "missing: a date or a time such as 2026-11-23 or 2026-11-23T09:30; body: must not be blank; version: must be "
        "from 1 to 9007199254740992; ordinal: must be from 1 to 1000\n"
        "blog: d.md: version: must be a whole number; ordinal: must be a whole number; title: must have at most 200 "
        f"characters\n{ASSUMED}",
    )
    assert titles(database) == [(1, "alice", "Fine")]


def test_a_file_with_unknown_members_is_not_imported(run: Run, database: Database) -> None:
    write_post("a.md", "id: 7")

    told = f"blog: a.md: id: is not known here: known are {', '.join(NAMES)}; --ignore-unknown ignores it\n"
    assert run("import", "in") == Outcome(1, summary(faulty=1), told)
    assert posts_in(database) == []


def test_files_that_are_not_posts_are_reported(run: Run, database: Database) -> None:
    write_post("z.md")
    Path("in", "a.md").mkdir()
    Path("in", "b.md").symlink_to("nowhere")
    os.mkfifo("in/c.md")
    Path("in", "d.md").write_bytes(b"---\ntitle: caf\xe9\n---\n")
    Path("in", "e.md").write_bytes(b"---\ntitle: half wri")
    Path("in", "f.md").write_bytes(b"---\n---\n" + b"x" * MAX_FILE_SIZE)
    Path("in", "G.MD").write_bytes(b"# Notes\n")
    for other in ("h.txt", ".i.md", "j"):
        Path("in", other).write_bytes(b"mine")

    assert run("import", "in") == Outcome(
        1,
        summary(added=1, faulty=7),
        "blog: G.MD: front matter: is missing; --author NAME imports files without any\n"
        "blog: a.md: file: is not a readable file\n"
        "blog: b.md: file: is not a readable file\n"
        "blog: c.md: file: is not a readable file\n"
        "blog: d.md: file: must be in UTF-8\n"
        f"blog: e.md: {NO_FRONT_MATTER}\n"
        f"blog: f.md: file: must have at most {MAX_FILE_SIZE} bytes\n"
        "blog: 2 files not read, because they are not Markdown (no suffix: 1, .txt: 1)\n",
    )


def test_an_unreadable_file_is_reported(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path, *arguments: Any, **more: Any) -> Any:
        if path.name == "a.md":
            raise PermissionError(13, "Permission denied")
        return allowed(path, *arguments, **more)

    write_post("a.md")
    allowed = Path.open
    monkeypatch.setattr(Path, "open", forbidden)  # the tests may run as root, who may read everything

    assert run("import", "in") == Outcome(1, summary(faulty=1), "blog: a.md: file: Permission denied\n")


@pytest.mark.parametrize(
    ("folder", "line"), [("nowhere", "No such file or directory: nowhere"), ("file", "Not a directory: file")]
)
def test_a_missing_folder_is_reported_in_one_line(run: Run, database: Database, folder: str, line: str) -> None:
    Path("file").touch()

    assert run("import", folder) == Outcome(1, "", f"blog: {line}\n")


def test_an_empty_folder_is_not_an_error(run: Run, database: Database) -> None:
    Path("in").mkdir()

    assert run("import", "in") == Outcome(0, summary(), "")


def test_a_dry_run_reports_the_import_and_changes_nothing(run: Run, database: Database) -> None:
    write_post("a.md", title="Here")
    run("import", "in")
    with database.connected() as connection:
        before = list(connection.iterdump())
    write_post("a.md", title="Other")
    write_post("b.md", "ordinal: 2", title="Second")
    write_post("c.md", "ordinal: 3", title="Third")
    write_post("d.md", author="nobody")

    told = "blog: a.md: already there, with different content\nblog: d.md: author: has no account here\n"
    said = f"would add\tb.md\nwould add\tc.md\n{summary(added=2, different=1, faulty=1, would=True)}"
    assert run("import", "in", "--dry-run") == Outcome(1, said, told)
    with database.connected() as connection:
        assert list(connection.iterdump()) == before


def test_the_token_of_an_administrator_imports_as_that_administrator(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("users", "promote", "alice")
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("alice"))
    write_post("a.md", author="bob")

    assert run("import", "in") == Outcome(0, summary(added=1), "")
    assert run("audit", "--limit", "1").said.split("\t")[2:4] == ["post.imported", "alice"]


def test_an_ordinary_user_is_refused_before_any_file_is_read(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("bob"))
    write_post("a.md", author="bob")

    for folder in ("in", "nowhere"):
        assert run("import", folder) == Outcome(1, "", "blog: Only an administrator may do this.\n")
    assert posts_in(database) == []


def test_many_files_are_imported_in_several_units_of_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store("the first")
    with store.inner() as blog:
        blog.users.add(Operator(), "bob", "quite a long pass phrase")
    for number in range(2 * BATCH_SIZE + 10):
        author, place = ("bob", number + 1) if number < BATCH_SIZE + 5 else ("ann", 1)
        day = "2001-01-01" if author == "bob" else f"2002-01-01T00:{number // 60:02}:{number % 60:02}"
        text = f"---\ntitle: T\nauthor: {author}\ncreated_at: {day}\nordinal: {place}\n---\nWorld"
        (tmp_path / f"{number:04}.md").write_text(text, encoding="utf-8")
    store.units = 0

    assert import_into(Session(store, ""), tmp_path) == 0

    assert capsys.readouterr().out == summary(added=2 * BATCH_SIZE + 10)
    assert store.units == 1 + 3


def test_a_refused_character_is_reported_with_its_line_in_the_file(run: Run, database: Database) -> None:
    write_post("fine.md")
    create_post("odd.md", "title: Odd", "author: alice", "created_at: 2026-11-23", body="One\ntwo\x0b")
    message = "must not contain control characters or lone surrogates: U+000B is at line 7, column 4"
    assert run("import", "in") == Outcome(1, summary(added=1, faulty=1), f"blog: odd.md: file: {message}\n")
    assert titles(database) == [(1, "alice", "Hello")]
