"""Migrations, backup and restore at the console."""

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.database import Database
from tests.entrypoints.cli.conftest import Outcome, Run
from tests.servers import serving

OLD = "blog: --no-migrate: the tables are not those of this version: run blog migrate first\n"


def tables(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


_words = re.compile('"(post_words|post_titles|pending_posts)|INTO sqlite_schema')


def everything_in(database: Database) -> list[str]:
    """All but that a table which was always empty has given no number yet, which can be written or not; and but for the
    index of words, of which some may still wait to be read.
    """
    with database.connected() as connection:
        return sorted(line for line in connection.iterdump() if not line.endswith("',0);") and not _words.search(line))


@pytest.fixture
def posts(database: Database) -> Database:
    """The database with a post by alice."""
    token = database.log_in("alice")
    with database.opened() as open_blog, open_blog() as blog:
        alice = blog.tokens.authenticate(token)
        blog.posts.create(alice, title="Hello", body="World")
    return database


def titles(database: Database) -> list[str]:
    with database.opened() as open_blog, open_blog() as blog:
        return [post.title for post in blog.posts.page().posts]


def test_migrating_creates_the_tables_and_says_so(run: Run, tmp_path: Path) -> None:
    assert run("migrate") == Outcome(0, "The tables are up to date.\n", "")
    assert tables(tmp_path / "blog.db") >= {"users", "tokens", "posts"}
    assert run("migrate", "--check") == Outcome(0, "The tables are up to date.\n", "")


def test_checking_the_tables_creates_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "blog.db").touch()

    checked = run("migrate", "--check")

    assert checked == Outcome(1, "The tables are not those of this version.\n", "")
    assert tables(tmp_path / "blog.db") == set()


def test_migrating_again_changes_nothing(run: Run, posts: Database) -> None:
    before = everything_in(posts)

    assert run("migrate") == Outcome(0, "The tables are up to date.\n", "")
    assert everything_in(posts) == before


@pytest.mark.parametrize("command", ["migrate", "migrate --check", "backup copy", "restore copy", "export copy"])
def test_database_commands_refuse_an_in_memory_database(run: Run, tmp_path: Path, command: str) -> None:
    refused = run(*command.split(), "--database", "memory:")

    assert refused == Outcome(2, "", "blog: --database: a database in memory is gone when this command ends\n")
    assert list(tmp_path.iterdir()) == []


def test_a_server_without_migration_refuses_tables_of_another_version(run: Run, tmp_path: Path) -> None:
    assert run("serve", "--port", "0", "--no-migrate") == Outcome(2, "", OLD)
    assert tables(tmp_path / "blog.db") == set()


def test_migration_can_be_switched_off_by_a_setting_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_MIGRATE", "no")

    assert run("serve", "--port", "0") == Outcome(2, "", OLD.replace("--no-migrate", "BLOG_MIGRATE"))


def test_a_server_without_migration_serves_current_tables(database: Database) -> None:
    with serving(database.file, "--no-migrate") as server:
        assert server.stop() == 0
    assert server.errors() == ""


def test_a_backup_is_restored(run: Run, posts: Database, tmp_path: Path) -> None:
    elsewhere = Database(tmp_path / "elsewhere.db")

    assert run("backup", "copy") == Outcome(0, "Everything is in copy.\n", "")
    restored = run("restore", "copy", "--database", f"sqlite:///{elsewhere.file}")

    assert restored == Outcome(0, "Everything is as it was in copy.\n", "")
    assert everything_in(elsewhere) == everything_in(posts)
    assert titles(elsewhere) == ["Hello"]


def test_a_backup_does_not_overwrite_a_file(run: Run, database: Database, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")

    assert run("backup", "precious") == Outcome(1, "", "blog: File exists: precious\n")
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_backup_into_a_missing_folder_is_refused(run: Run, database: Database) -> None:
    assert run("backup", "nowhere/copy") == Outcome(1, "", "blog: No such file or directory: nowhere/copy\n")


def test_a_restore_does_not_overwrite_data_without_replace(run: Run, posts: Database) -> None:
    run("backup", "copy")
    before = everything_in(posts)

    refused = run("restore", "copy")

    assert refused == Outcome(1, "", "blog: The database is not empty: what is in it would be lost.\n")
    assert everything_in(posts) == before


def test_a_restore_with_replace_replaces_everything(run: Run, posts: Database) -> None:
    run("backup", "copy")
    before = [line for line in everything_in(posts) if "sqlite_sequence" not in line]
    run("users", "deactivate", "bob")

    assert run("restore", "copy", "--replace") == Outcome(0, "Everything is as it was in copy.\n", "")
    assert [line for line in everything_in(posts) if "sqlite_sequence" not in line] == before


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (None, "No such file or directory: copy"),
        ("my diary" * 100, "backup: {folder}/copy is something else than a database"),
    ],
)
def test_a_file_that_is_not_a_backup_is_not_restored(
    run: Run, posts: Database, tmp_path: Path, made: str | None, line: str
) -> None:
    before = everything_in(posts)
    if made is not None:
        (tmp_path / "copy").write_text(made)

    told = f"blog: {line.format(folder=tmp_path)}\n"
    assert run("restore", "copy", "--replace") == Outcome(1, "", told)
    assert everything_in(posts) == before


@pytest.mark.parametrize("made", ["", "CREATE TABLE diary (page)"])
def test_a_database_of_another_program_is_not_a_backup(run: Run, posts: Database, tmp_path: Path, made: str) -> None:
    before = everything_in(posts)
    (tmp_path / "copy").touch()
    with closing(sqlite3.connect(tmp_path / "copy")) as connection:
        connection.execute(made)

    assert run("restore", "copy", "--replace") == Outcome(1, "", "blog: backup: has no tables of a blog\n")
    assert everything_in(posts) == before


@pytest.mark.parametrize("command", ["serve --port 0", "migrate", "users list", "backup copy"])
def test_a_missing_driver_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("BLOG_DATABASE_URL", "postgresql://blog:a-secret@127.0.0.1:9/blog")
    monkeypatch.delitem(sys.modules, "blog.adapters.sql.engine.postgresql", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)

    refused = run(*command.split())

    how = "pip install '.[postgres]' in the checkout of the blog adds it"
    assert refused == Outcome(2, "", f"blog: BLOG_DATABASE_URL: needs psycopg: {how}\n")
    assert list(tmp_path.iterdir()) == []
