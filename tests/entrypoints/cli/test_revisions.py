"""Earlier versions of posts as Markdown files: export and import."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.database import Database
from tests.entrypoints.cli.conftest import Outcome, Run

from blog.domain.accounts.actors import Member, Operator, Scope
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import Post
from blog.domain.posts.revisions import Revision

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FILE = "2026-11-23T120000.000000Z,alice,hello.md"
FOLDER = "2026-11-23T120000.000000Z,alice,hello.revisions"
FIRST = """\
---
title: Hello
slug: hello
author: alice
created_at: 2026-11-23T12:00:00.000000Z
updated_at: 2026-11-23T12:00:00.000000Z
version: 1
---
First"""


def create_post(database: Database, *bodies: str, title: str = "Hello", hours: int = 0) -> Post:
    """Create a post by alice at noon, with these versions."""
    at = NOON + timedelta(hours=hours)
    portable = PortablePost(title=title, body=bodies[0], author="alice", created_at=at, updated_at=at, published_at=at)
    with database.opened() as open_blog, open_blog() as blog:
        post = blog.importer.import_post(Operator(), portable).post
        author = Member.of(blog.users.get_by_username(Operator(), "alice"))
        for body in bodies[1:]:
            post = blog.posts.update(author, post, body=body)
    return post


def revisions_in(database: Database, username: str = "alice") -> list[Revision]:
    """Return all revisions of an author."""
    with database.opened() as open_blog, open_blog() as blog:
        user = blog.users.get_by_username(Operator(), username)
        return [placed.revision for placed in blog._stores.revisions.written_by(user.id, limit=1000)]


def delete_posts(database: Database) -> None:
    with database.opened() as open_blog, open_blog() as blog:
        author = Member.of(blog.users.get_by_username(Operator(), "alice"))
        for post in blog.posts.page(limit=100).posts:
            entries = blog.posts.slugs.store.of_post(post.id)
            blog.posts.delete(author, post.id, permanently=True)
            for entry in entries:
                blog.posts.slugs.store.remove(entry.slug)


def names(folder: str = FOLDER) -> Sequence[str]:
    return sorted(path.name for path in Path("out", folder).iterdir())


def exported(written: int, unchanged: int = 0, posts: tuple[int, int] = (1, 0), gone: str = "found 0 of") -> str:
    posts_gone = "" if gone.startswith("deleted") else " deleted or renamed posts"
    files = f"Wrote {posts[0]} files, left {posts[1]} unchanged, {gone}{posts_gone}.\n"
    return f"{files}Wrote {written} revisions, left {unchanged} unchanged.\n"


def imported(added: int, there: int = 0, faulty: int = 0) -> str:
    return f"Added {added}, already there {there}, there but different 0, faulty {faulty}.\n"


def test_earlier_versions_are_exported_beside_the_file_of_the_post(run: Run, database: Database) -> None:
    create_post(database, "First", "Second", "Third")
    assert run("export", "out", "--revisions") == Outcome(0, exported(2), "")
    assert sorted(path.name for path in Path("out").iterdir()) == [FILE, FOLDER]
    assert names() == ["1.md", "2.md"]
    assert Path("out", FOLDER, "1.md").read_text() == FIRST
    assert run("export", "out", "--revisions") == Outcome(0, exported(0, 2, (0, 1)), "")


def test_without_the_option_no_earlier_versions_are_exported(run: Run, database: Database) -> None:
    create_post(database, "First", "Second")
    assert run("export", "out").status == 0
    assert [path.name for path in Path("out").iterdir()] == [FILE]


def test_an_import_adds_the_earlier_versions_of_new_posts(run: Run, database: Database) -> None:
    post = create_post(database, "First", "Second", "Third")
    before = revisions_in(database)
    assert [revision.number for revision in before] == [1, 2]
    run("export", "out", "--revisions")
    delete_posts(database)
    assert revisions_in(database) == []

    assert run("import", "out", "--revisions", "--dry-run").status == 0
    assert revisions_in(database) == []
    assert run("import", "out", "--revisions") == Outcome(0, imported(1), "")
    after = revisions_in(database)
    assert [(each.number, each.saved_at, each.published_at, each.content) for each in after] == [
        (each.number, each.saved_at, each.published_at, each.content) for each in before
    ]
    assert {each.post_id for each in after} != {post.id}

    assert run("import", "out", "--revisions") == Outcome(0, imported(0, 1), "")
    assert revisions_in(database) == after


def test_an_import_without_the_option_says_what_it_leaves_out(run: Run, database: Database) -> None:
    create_post(database, "First", "Second")
    run("export", "out", "--revisions")
    delete_posts(database)
    expected = Outcome(0, imported(1), "blog: 1 folder of revisions not read; --revisions reads them\n")
    assert run("import", "out", "--recursive") == expected
    assert revisions_in(database) == []


def test_no_earlier_versions_are_added_to_a_stored_post(run: Run, database: Database) -> None:
    create_post(database, "First", "Second")
    run("export", "out", "--revisions")
    delete_posts(database)
    run("import", "out")
    assert run("import", "out", "--revisions") == Outcome(0, imported(0, 1), "")
    assert revisions_in(database) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("version: 1", "version: 2"), "revision 2, version: must be lower than that of the post"),
        (("version: 1", "version: 0"), "revision 0, version: must be from 1 to"),
        (("title: Hello", "title: ' '"), "revision 1, title: "),
        (("updated_at: 2026", "updated_at: 2025"), "revision 1, updated_at: must not be before created_at"),
        (("updated_at: 2026-11-23T12:00:00.000000Z", "updated_at: yesterday"), "1.md, updated_at: must be a date"),
    ],
)
def test_a_wrong_earlier_version_is_reported_and_its_post_not_added(
    run: Run, database: Database, change: tuple[str, str], told: str
) -> None:
    create_post(database, "First", "Second")
    run("export", "out", "--revisions")
    delete_posts(database)
    file = Path("out", FOLDER, "1.md")
    file.write_text(FIRST.replace(*change))
    outcome = run("import", "out", "--revisions")
    assert (outcome.status, outcome.said) == (1, imported(0, 0, 1))
    assert outcome.errors.startswith(f"blog: {FILE}: {told}")
    assert revisions_in(database) == []


def test_as_many_earlier_versions_are_imported_as_are_kept(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_post(database, *(f"Body {number}" for number in range(6)))
    run("export", "out", "--revisions")
    delete_posts(database)
    monkeypatch.setenv("BLOG_REVISIONS", "2")
    assert run("import", "out", "--revisions").status == 0
    assert [revision.number for revision in revisions_in(database)] == [4, 5]


def test_prune_deletes_the_files_of_versions_that_are_gone(run: Run, database: Database) -> None:
    create_post(database, "First", "Second")
    gone = create_post(database, "Other", "Another", title="Gone", hours=1)
    run("export", "out", "--revisions")
    Path("out", FOLDER, "notes.txt").write_text("mine")
    Path("out", FOLDER, "7.md").write_text("gone")
    with database.opened() as open_blog, open_blog() as blog:
        blog.posts.delete(Member.of(blog.users.get_by_username(Operator(), "alice")), gone.id, permanently=True)
    kept = run("export", "out", "--revisions")
    assert kept.said == exported(0, 1, (0, 1), "found 1 of")
    assert names() == ["1.md", "7.md", "notes.txt"]
    assert run("export", "out", "--revisions", "--prune").status == 0
    assert names() == ["1.md", "notes.txt"]
    assert sorted(path.name for path in Path("out").iterdir()) == [FILE, FOLDER]


def test_a_link_in_the_place_of_a_folder_is_replaced_and_not_followed(
    run: Run, database: Database, tmp_path: Path
) -> None:
    create_post(database, "First", "Second")
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "1.md").write_text("precious")
    Path("out").mkdir()
    Path("out", FOLDER).symlink_to(victim)
    assert run("export", "out", "--revisions", "--prune") == Outcome(0, exported(1, gone="deleted 0"), "")
    assert (victim / "1.md").read_text() == "precious"
    assert not Path("out", FOLDER).is_symlink()
    Path("out", FOLDER, "1.md").unlink()
    Path("out", FOLDER, "1.md").symlink_to(victim / "1.md")
    assert run("export", "out", "--revisions").status == 0
    assert (victim / "1.md").read_text() == "precious"
    assert Path("out", FOLDER, "1.md").read_text() == FIRST


def test_links_out_of_the_folder_are_not_imported(run: Run, database: Database, tmp_path: Path) -> None:
    create_post(database, "First", "Second")
    run("export", "out", "--revisions")
    delete_posts(database)
    victim = tmp_path / "victim.md"
    victim.write_text(FIRST.replace("First", "secret"))
    Path("out", FOLDER, "1.md").unlink()
    Path("out", FOLDER, "1.md").symlink_to(victim)
    outcome = run("import", "out", "--revisions")
    assert (outcome.status, outcome.said) == (1, imported(0, 0, 1))
    assert "is a link that leads out of the folder" in outcome.errors


def test_a_member_exports_earlier_versions_of_own_posts_only(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_post(database, "First", "Second")
    with database.opened() as open_blog, open_blog() as blog:
        carol = blog.users.add(Operator(), "carol", "quite a long pass phrase", is_admin=True)
        of_carol = blog.tokens.issue(carol, scopes={Scope.POSTS_READ, Scope.ADMIN}).secret
        alice = blog.users.get_by_username(Operator(), "alice")
        of_alice = blog.tokens.issue(alice, scopes={Scope.POSTS_READ}).secret
    monkeypatch.setenv("BLOG_TOKEN", of_carol)
    assert run("export", "of-carol", "--revisions").said == exported(0)
    monkeypatch.setenv("BLOG_TOKEN", of_alice)
    assert run("export", "of-alice", "--revisions").said == exported(1)
    assert not Path("of-carol", FOLDER).exists()
    assert Path("of-alice", FOLDER, "1.md").read_text() == FIRST
