"""Working copies as files: export and import."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.database import Database
from tests.entrypoints.cli.conftest import Outcome, Run

from blog.domain.accounts.actors import Member, Operator
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import Post
from blog.domain.posts.working_copies import WorkingCopy

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FILE = "2026-11-23T120000.000000Z,alice,hello.md"
COPY = "2026-11-23T120000.000000Z,alice,hello.working-copy"
GONE = f"blog: {COPY}: no exported post has this working copy"


@pytest.fixture
def post(database: Database) -> Post:
    """A post by alice at noon, with a working copy."""
    portable = PortablePost(
        title="Hello", body="World", author="alice", created_at=NOON, updated_at=NOON, published_at=NOON, version=2
    )
    with database.opened() as open_blog, open_blog() as blog:
        post = blog.importer.import_post(Operator(), portable).post
        author = Member.of(blog.users.get_by_username(Operator(), "alice"))
        blog.working_copies.save(author, post.id, based_on=1, title="", body="Not yet", tags=["sea"])
    return post


def copies_in(database: Database) -> list[WorkingCopy]:
    with database.opened() as open_blog, open_blog() as blog:
        author = Member.of(blog.users.get_by_username(Operator(), "alice"))
        return list(blog.personal_data.page(author).working_copies)


def delete_post(database: Database, post: Post) -> None:
    with database.opened() as open_blog, open_blog() as blog:
        author = Member.of(blog.users.get_by_username(Operator(), "alice"))
        blog.posts.delete(author, post.id, permanently=True)
        blog.posts.slugs.store.remove("hello")


def exported(written: int, unchanged: int = 0, posts: str = "Wrote 1 files, left 0") -> str:
    found = f"{posts} unchanged, found 0 of deleted or renamed posts.\n"
    return f"{found}Wrote {written} working copies, left {unchanged} unchanged.\n"


def imported(added: int, there: int = 0, faulty: int = 0) -> str:
    return f"Added {added}, already there {there}, there but different 0, faulty {faulty}.\n"


def test_a_copy_is_exported_beside_the_file_of_its_post(run: Run, database: Database, post: Post) -> None:
    (copy,) = copies_in(database)
    assert copy.saved_at is not None
    assert run("export", "out", "--working-copies") == Outcome(0, exported(1), "")
    assert sorted(path.name for path in Path("out").iterdir()) == [FILE, COPY]
    saved_at = copy.saved_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    expected = f"---\ntitle: ''\nslug: hello\ntags: [sea]\nbased_on: 1\nsaved_at: {saved_at}\n---\nNot yet"
    assert Path("out", COPY).read_text() == expected
    again = exported(0, 1, "Wrote 0 files, left 1")
    assert run("export", "out", "--working-copies") == Outcome(0, again, "")


def test_without_the_option_no_copy_is_exported_or_imported(run: Run, database: Database, post: Post) -> None:
    assert run("export", "out").status == 0
    assert [path.name for path in Path("out").iterdir()] == [FILE]
    run("export", "out", "--working-copies")
    delete_post(database, post)
    told = "blog: 1 file of working copies not read; --working-copies reads them\n"
    assert run("import", "out") == Outcome(0, imported(1), told)
    assert copies_in(database) == []


def test_an_import_adds_the_copies_of_new_posts(run: Run, database: Database, post: Post) -> None:
    (before,) = copies_in(database)
    run("export", "out", "--working-copies")
    assert run("import", "out", "--working-copies") == Outcome(0, imported(0, 1), "")
    delete_post(database, post)
    assert run("import", "out", "--working-copies", "--dry-run").status == 0
    assert copies_in(database) == []
    assert run("import", "out", "--working-copies") == Outcome(0, imported(1), "")
    (after,) = copies_in(database)
    assert (after.based_on, after.saved_at, after.content) == (before.based_on, before.saved_at, before.content)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("no front matter", ["based_on: is missing", "saved_at: is missing"]),
        ("---\ntitle: A\nbased_on: x\nsaved_at: then\n---\n", ["based_on: ", "saved_at: "]),
        ("---\nbased_on: 3\nsaved_at: 2026-11-23T12:00:00Z\n---\n", ["based_on: must be from 1 to 2"]),
        ("---\ntitle: A\ntitle: B\n---\n", ["title: must be there once"]),
        ("---\ntitle: [A]\ntags: a\n---\n", ["title: must be one text", "tags: must be a list of texts"]),
        (
            "---\nauthor: bob\nbased_on: 1\nsaved_at: 2026-11-23\n---\n",
            ["front matter: has a member that is not known"],
        ),
        ("---\nno end", ["front matter: must begin"]),
        ("---\n- a list\n---\n", ["front matter: must have lines"]),
    ],
)
def test_a_post_with_a_wrong_copy_is_refused(
    run: Run, database: Database, post: Post, text: str, wrong: list[str]
) -> None:
    run("export", "out", "--working-copies")
    Path("out", COPY).write_text(text)
    delete_post(database, post)
    outcome = run("import", "out", "--working-copies")
    assert (outcome.status, outcome.said) == (1, imported(0, faulty=1))
    assert [f"working copy, {each}" in outcome.errors for each in wrong] == [True] * len(wrong), outcome.errors
    assert copies_in(database) == []


def test_a_copy_that_is_a_link_out_of_the_folder_is_not_read(
    run: Run, database: Database, post: Post, tmp_path: Path
) -> None:
    run("export", "out", "--working-copies")
    delete_post(database, post)
    secret = tmp_path / "elsewhere.txt"
    Path("out", COPY).rename(secret)
    Path("out", COPY).symlink_to(secret)
    assert "link that leads out of the folder" in run("import", "out", "--working-copies").errors
    assert copies_in(database) == []


def test_files_of_copies_that_are_gone_are_reported_and_pruned(run: Run, database: Database, post: Post) -> None:
    run("export", "out", "--working-copies")
    with database.opened() as open_blog, open_blog() as blog:
        author = Member.of(blog.users.get_by_username(Operator(), "alice"))
        blog.working_copies.discard(author, post.id)
    Path("out", "mine.working-copy").write_text("not ours")
    nothing = exported(0, posts="Wrote 0 files, left 1")
    told = f"{GONE}; --prune deletes such files\n"
    assert run("export", "out", "--working-copies") == Outcome(0, nothing, told)
    assert run("export", "out").errors == ""
    assert Path("out", COPY).exists()
    assert run("export", "out", "--working-copies", "--prune").errors == f"{GONE}\n"
    assert sorted(path.name for path in Path("out").iterdir()) == [FILE, "mine.working-copy"]


@pytest.mark.parametrize("is_folder", [False, True])
def test_the_copy_of_a_post_that_is_pruned_is_pruned_too(
    run: Run, database: Database, post: Post, *, is_folder: bool
) -> None:
    run("export", "out", "--working-copies")
    if is_folder:
        Path("out", COPY).unlink()
        Path("out", COPY).mkdir()
    delete_post(database, post)
    run("export", "out", "--prune")
    assert [path.name for path in Path("out").iterdir()] == ([COPY] if is_folder else [])
