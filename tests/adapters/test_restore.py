"""A backup is read and validated as a whole before a restore changes anything."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.adapters.example_rows import check_every_table_has_a_row, store_a_row_of_each
from tests.servers import environment

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.adapters.sql.schema.migrate import ForeignTables
from blog.adapters.sql.schema.tables import STORED_TABLES, posts
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.errors import ValidationFailed
from blog.domain.posts.pagination import SortOrder
from blog.testing.contracts.fixtures import EVERYBODY, as_member

PASSWORD = "correct horse battery staple"
HASHER = Argon2PasswordHasher(memory=8, iterations=1)
LEAVE_A_LOG = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("UPDATE posts SET body = 'kept in the log'")
print("kept", flush=True)
os.kill(os.getpid(), 9)
"""


def rows(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    with store.engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(table.c.id))]
            for table in STORED_TABLES
        }


def fill(store: SqlStore, *names: str) -> None:
    """Store accounts, each with a post and a row of every other kind."""
    with create_blog(store, hasher=HASHER)() as blog:
        for name in names:
            author = as_member(blog.users.add(Operator(), name, PASSWORD))
            blog.audit.seal(limit=2)
            post = blog.posts.create(author, title=f"By {name}", body="…", tags=["Travel"])
            store_a_row_of_each(blog, author, post, PASSWORD)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The backup of a blog with a row in every table, and another blog with its own."""
    folder = tmp_path_factory.mktemp("files")
    for name, *users in (("source", "ann", "bob"), ("other", "eve")):
        with closing(SqlStore(folder / name)) as store:
            store.migrate()
            fill(store, *users)
            check_every_table_has_a_row(rows(store))
            if name == "source":
                store.back_up(folder / "backup")
    return {name: (folder / name).read_bytes() for name in ("backup", "other")}


@pytest.fixture
def backup(files: dict[str, bytes], tmp_path: Path) -> Path:
    (tmp_path / "backup").write_bytes(files["backup"])
    return tmp_path / "backup"


@pytest.fixture
def other(files: dict[str, bytes], tmp_path: Path) -> Iterator[SqlStore]:
    (tmp_path / "other.db").write_bytes(files["other"])
    with closing(SqlStore(tmp_path / "other.db")) as store:
        yield store


def run(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        for statement in statements:
            connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def refusal_of(store: SqlStore, file: Path) -> list[str]:
    """Return the errors of a refused backup, and check that nothing changed."""
    before = rows(store)
    with pytest.raises(ValidationFailed) as refusal:
        store.restore(file, replace=True)
    assert rows(store) == before
    assert not [text for fault in refusal.value.errors for text in fault if not text.isprintable()]
    return [f"{fault.field}: {fault.message}" for fault in refusal.value.errors]


WRONG = {
    "a line break in a name": (
        "UPDATE users SET username = 'b\nob' WHERE id = 2",
        "users 2, username: must have",
    ),
    "two of one name": (
        "DROP INDEX users_username_key; UPDATE users SET username = 'ANN' WHERE id = 2",
        "users 2: repeats what another row has, and must not",
    ),
    "an unknown event": (
        "UPDATE audit_entries SET event = 'hacked' WHERE id = 3",
        "audit_entries 3, event: is not an event that this version knows",
    ),
    "a text as version": ("UPDATE posts SET version = 'x' WHERE id = 1", "posts 1, version: must be a whole number"),
    "a day of publication": (
        "UPDATE posts SET published_at = '2026-02-28' WHERE id = 1",
        "posts 1, published_at: must be a time in UTC",
    ),
    "a publication time in the trash": (
        "UPDATE posts SET deleted_at = created_at, published_at = created_at WHERE id = 1",
        "posts 1, published_at: must be empty in the trash",
    ),
    "a former publication time outside of the trash": (
        "UPDATE posts SET deleted_at = NULL, former_published_at = created_at WHERE id = 1",
        "posts 1, former_published_at: must be empty outside of the trash",
    ),
    "a post in the trash without its slug": (
        (
            "UPDATE posts SET deleted_at = created_at, former_published_at = created_at, published_at = NULL, "
            "slug = 'none' WHERE id = 1"
        ),
        "posts 1, slug: must be among its slugs",
    ),
    "a number as publication time": (
        "UPDATE posts SET published_at = x'00' WHERE id = 1",
        "posts 1, published_at: must be text",
    ),
    "no time of a change": (
        (
            "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = replace(sql, 'changed_at VARCHAR(32) NOT NULL', "
            "'changed_at VARCHAR(32)') WHERE name = 'posts'; PRAGMA writable_schema=RESET; "
            "UPDATE posts SET changed_at = NULL WHERE id = 1"
        ),
        "posts 1, changed_at: must not be empty",
    ),
    "half a version": ("UPDATE posts SET version = 1.5 WHERE id = 1", "posts 1, version: must be a whole number"),
    "no version": ("UPDATE posts SET version = 0 WHERE id = 1", "posts 1, version: must be a whole number from 1 to"),
    "a large body": (
        "UPDATE posts SET body = printf('%.*c', 5000000, 'x') WHERE id = 2",
        "posts 2, body: must have at most 100000 characters",
    ),
    "NUL in a title": (
        "UPDATE posts SET title = 'a' || char(0) || 'b' WHERE id = 2",
        "posts 2, title: must not contain U+0000 or broken UTF-8",
    ),
    "broken UTF-8": (
        "UPDATE posts SET title = CAST(x'61ff62' AS TEXT) WHERE id = 2",
        "posts 2, title: must not contain U+0000 or broken UTF-8",
    ),
    "an escape in a title": (
        "UPDATE posts SET title = char(27) || '[2J' WHERE id = 2",
        "posts 2, title: must not contain control characters",
    ),
    "a tag that is blank": (
        "UPDATE posts SET tags = 'sea' || char(10) WHERE id = 2",
        "posts 2, tags: must not be blank",
    ),
    "a tag twice": (
        "UPDATE posts SET tags = 'sea' || char(10) || 'SEA' WHERE id = 2",
        "posts 2, tags: is the same tag as tags[0]",
    ),
    "bytes as title": ("UPDATE posts SET title = x'61' WHERE id = 2", "posts 2, title: must be text"),
    "a working copy that is no content": (
        "UPDATE working_copies SET content = x'78' WHERE id = 1",
        "working_copies 1, content: must be the content of a post",
    ),
    "a working copy with a number as title": (
        """UPDATE working_copies SET content = CAST('{"title":7,"body":"b"}' AS BLOB) WHERE id = 1""",
        "working_copies 1, content: must be the content of a post",
    ),
    "a working copy with a control character": (
        """UPDATE working_copies SET content = CAST('{"title":"","body":"\\u0007"}' AS BLOB) WHERE id = 1""",
        "working_copies 1, content: must not contain control characters",
    ),
    "a working copy of no version": (
        "UPDATE working_copies SET based_on = 0 WHERE id = 1",
        "working_copies 1, based_on: must be a whole number from 1 to",
    ),
    "a working copy of no post": (
        "UPDATE working_copies SET post_id = 999 WHERE id = 1",
        "working_copies 1: belongs to a row of posts that is not there",
    ),
    "two working copies of a post": (
        (
            "DROP INDEX working_copies_post_id_key; INSERT INTO working_copies "
            "SELECT 9, post_id, based_on, saved_at, content FROM working_copies WHERE id = 1"
        ),
        "working_copies 9: repeats what another row has, and must not",
    ),
    "a revision that is no content": (
        "UPDATE revisions SET content = x'78' WHERE id = 1",
        "revisions 1, content: must be the content of a post",
    ),
    "a revision with a number as title": (
        """UPDATE revisions SET content = CAST('{"title":7,"body":"b"}' AS BLOB) WHERE id = 1""",
        "revisions 1, content: must be the content of a post",
    ),
    "a revision with another member": (
        """UPDATE revisions SET content = CAST('{"title":"t","body":"b","x":"y"}' AS BLOB) WHERE id = 1""",
        "revisions 1, content: must be the content of a post",
    ),
    "a revision with a blank title": (
        """UPDATE revisions SET content = CAST('{"title":" ","body":"b"}' AS BLOB) WHERE id = 1""",
        "revisions 1, content: must not be blank",
    ),
    "a revision after its post": (
        "UPDATE revisions SET number = 2 WHERE id = 1",
        "revisions 1, number: must be lower than the version of its post",
    ),
    "a revision of no post": (
        "PRAGMA foreign_keys=OFF; UPDATE revisions SET post_id = 99 WHERE id = 1",
        "revisions 1: belongs to a row of posts that is not there",
    ),
    "a revision twice": (
        ("DROP INDEX revisions_key; UPDATE revisions SET post_id = 1, number = 1; UPDATE posts SET version = 9"),
        "revisions 2: repeats what another row has, and must not",
    ),
    "no day": (
        "UPDATE posts SET created_at = 'yesterday' WHERE id = 1",
        "posts 1, created_at: must be a time in UTC, with microseconds, in a year from 1000 to 9998",
    ),
    "a day that is none": (
        "UPDATE posts SET created_at = '2026-02-30T00:00:00.000000+00:00' WHERE id = 1",
        "posts 1, created_at: must be a time in UTC",
    ),
    "a time elsewhere": (
        "UPDATE tokens SET expires_at = '2026-02-20T00:00:00.000000+02:00' WHERE id = 1",
        "tokens 1, expires_at: must be a time in UTC",
    ),
    "a change before its post": (
        "UPDATE posts SET updated_at = '1999-02-20T00:00:00.000000+00:00' WHERE id = 1",
        "posts 1, updated_at: must not be before created_at",
    ),
    "an orphan": (
        "PRAGMA foreign_keys=OFF; UPDATE posts SET author_id = 99 WHERE id = 1",
        "posts 1: belongs to a row of users that is not there",
    ),
    "scopes": (
        "UPDATE tokens SET scopes = 'posts:read root' WHERE id = 1",
        "tokens 1, scopes: has a scope that",
    ),
    "a short digest": ("UPDATE tokens SET digest = x'00' WHERE id = 1", "tokens 1, digest: must have 32 bytes"),
    "neither true nor false": ("UPDATE users SET is_admin = 2 WHERE id = 1", "users 1, is_admin: must be 0 or 1"),
    "an id below all": (
        "UPDATE login_attempts SET id = -1 WHERE id = 2",
        "login_attempts -1, id: must be a whole number from 1",
    ),
    "an id beyond all": (
        "UPDATE login_attempts SET id = 1 << 60 WHERE id = 2",
        f"login_attempts {1 << 60}, id: must be a whole",
    ),
    "a line in the audit": (
        "UPDATE audit_entries SET detail = 'a\nb' WHERE id = 1",
        "audit_entries 1, detail: must not contain control characters or line breaks",
    ),
    "a text without end": (
        "UPDATE audit_entries SET detail = printf('%.*c', 5000, 'x') WHERE id = 1",
        "audit_entries 1, detail: must have at most 2000 characters",
    ),
    "nothing where something must be": (
        (
            "CREATE TABLE t AS SELECT * FROM tokens; DROP TABLE tokens; ALTER TABLE t RENAME TO tokens; "
            "UPDATE tokens SET digest = NULL WHERE id = 1"
        ),
        "tokens 1, digest: must not be empty",
    ),
    "ids that are used up": (
        "UPDATE sqlite_sequence SET seq = 9223372036854775807 WHERE name = 'posts'",
        "posts: goes on from an id that no row can have",
    ),
    "no number to go on from": (
        "UPDATE sqlite_sequence SET seq = 'x' WHERE name = 'posts'",
        "posts: goes on from an id that no row can have",
    ),
    "a table that is not there": ("DROP TABLE invitations", "backup: has no table invitations of a blog"),
    "a column that is not there": ("ALTER TABLE posts RENAME body TO text", "backup: has no table posts of a blog"),
    "a column that is computed": (
        "ALTER TABLE posts RENAME body TO text; ALTER TABLE posts ADD body TEXT AS (hex(zeroblob(1000000)))",
        "backup: has no table posts of a blog",
    ),
    "a view without end": (
        (
            "ALTER TABLE posts RENAME TO hidden; CREATE VIEW posts AS WITH RECURSIVE n(id) AS "
            "(SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, 't' AS title, 'b' AS body, 1 AS author_id, '' AS "
            "created_at, '' AS updated_at, '' AS published_at, 1 AS version, '' AS title_key, '' AS changed_at FROM n"
        ),
        "backup: has no table posts of a blog",
    ),
    "a virtual table": (
        (
            "DROP TABLE posts; CREATE VIRTUAL TABLE posts USING fts5(id, title, body, author_id, created_at, "
            "updated_at, published_at, version, title_key, changed_at)"
        ),
        "backup: has no table posts of a blog",
    ),
    "two versions at once": (
        "INSERT INTO alembic_version VALUES ('0001')",
        "backup: has no tables of a blog",
    ),
    "no version of tables": ("UPDATE alembic_version SET version_num = 'base'", "backup: has no tables of a blog"),
}


@pytest.mark.parametrize(("statements", "told"), WRONG.values(), ids=WRONG)
def test_a_row_that_this_blog_could_not_have_written_is_refused(
    backup: Path, other: SqlStore, statements: str, told: str
) -> None:
    run(backup, *statements.split("; "))
    (line,) = refusal_of(other, backup)
    assert line.startswith(told)


@pytest.mark.parametrize("what", ["a line break in a name", "a text as version"])
def test_an_invalid_backup_leaves_postgresql_unchanged_too(backup: Path, postgresql: SqlStore, what: str) -> None:
    fill(postgresql, "eve")
    run(backup, WRONG[what][0])
    assert len(refusal_of(postgresql, backup)) == 1


def test_the_first_errors_are_listed_and_the_others_counted(backup: Path, other: SqlStore) -> None:
    run(
        backup,
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 109) INSERT INTO posts "
        "SELECT i, '', 1, created_at, updated_at, NULL, 1, '', changed_at, NULL, '', 'b', NULL, '', NULL, NULL "
        "FROM n, posts WHERE id = 1",
    )
    told = refusal_of(other, backup)
    assert told[0] == "posts 10, title: must not be blank"
    assert told[20:] == ["backup: has 80 further errors"]


def test_a_table_with_many_errors_is_not_read_to_its_end(backup: Path, other: SqlStore) -> None:
    run(
        backup,
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO login_attempts "
        "SELECT i, x'00', '', at FROM n, login_attempts WHERE id = (SELECT min(id) FROM login_attempts)",
        "UPDATE posts SET title = x'00'",
    )
    told = refusal_of(other, backup)
    assert told[0] == "login_attempts 10, account: must be text"
    assert len(told) == 21


def test_triggers_and_views_of_a_backup_are_never_executed(backup: Path, other: SqlStore) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n"
    run(
        backup,
        f"CREATE VIEW endless AS {endless}",
        f"CREATE TRIGGER on_insert AFTER INSERT ON posts BEGIN SELECT * FROM ({endless}); END",
        f"CREATE TRIGGER on_update AFTER UPDATE ON posts BEGIN SELECT * FROM ({endless}); END",
        "CREATE TABLE more (x)",
        "CREATE INDEX more_of_posts ON posts (upper(title))",
    )
    other.restore(backup, replace=True)
    with other.engine.connect() as connection:
        kept = {name for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_schema")}
        assert not kept & {"endless", "on_insert", "on_update", "more", "more_of_posts"}
    with other() as stores:
        assert [post.title for post in stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=9)] == ["By bob", "By ann"]


def test_sort_keys_of_titles_are_recomputed(backup: Path, other: SqlStore) -> None:
    run(backup, "UPDATE posts SET title_key = 'zzz' WHERE id = 1")
    other.restore(backup, replace=True)
    with other() as stores:
        assert [post.title for post in stores.posts.page(EVERYBODY, SortOrder.TITLE, limit=9)] == ["By ann", "By bob"]


def test_the_index_of_tags_is_recomputed(backup: Path, other: SqlStore) -> None:
    run(
        backup,
        "DROP TABLE tagged",
        "DELETE FROM tag_changes",
        "UPDATE tags SET posts = 7, key = 'forged'",
        "UPDATE posts SET tags = 'Sea' || char(10) || 'Food' WHERE id = 2",
    )
    other.restore(backup, replace=True)
    with create_blog(other, hasher=HASHER)() as blog:
        assert [(tag.name, tag.posts) for tag in blog.posts.tags().tags] == [("Food", 1), ("Sea", 1), ("Travel", 1)]
        assert [post.id for post in blog.posts.page(tags=["sea"]).posts] == [2]


def test_times_of_changes_are_recomputed(backup: Path, other: SqlStore) -> None:
    run(
        backup,
        "UPDATE posts SET changed_at = '9998-01-01T00:00:00.000000+00:00' WHERE id = 1",
        "UPDATE posts SET changed_at = 'never', published_at = '2026-01-01T00:00:00.000000+00:00' WHERE id = 2",
    )
    other.restore(backup, replace=True)
    with other.engine.connect() as connection:
        changed = connection.execute(select(posts.c.changed_at, posts.c.updated_at).order_by(posts.c.id)).all()
    assert [changed_at for changed_at, _ in changed] == [updated_at for _, updated_at in changed]


def test_a_damaged_backup_is_refused(backup: Path, other: SqlStore) -> None:
    whole = backup.read_bytes()
    page = int.from_bytes(whole[16:18], "big")
    with closing(sqlite3.connect(backup)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'audit_entries'").fetchone()
    start = (root - 1) * page
    backup.write_bytes(whole[: start + 8] + b"\xff" * 64 + whole[start + 72 :])
    (line,) = refusal_of(other, backup)
    assert line.startswith(("backup: is damaged", "backup: cannot be read (SQLITE_CORRUPT"))


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_truncated_backup_is_refused(backup: Path, other: SqlStore, kept: float) -> None:
    whole = backup.read_bytes()
    backup.write_bytes(whole[: int(len(whole) * kept)])
    assert len(refusal_of(other, backup)) == 1


def test_a_backup_of_a_newer_version_is_refused(backup: Path, other: SqlStore) -> None:
    before = rows(other)
    run(backup, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ForeignTables):
        other.restore(backup, replace=True)
    assert rows(other) == before


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0007"])
def test_a_backup_of_an_older_version_is_migrated(tmp_path: Path, other: SqlStore, revision: str) -> None:
    with closing(SqlStore(tmp_path / "old.db")) as old:
        old.migrate()
        fill(old, "ann")
        old.migrate(revision)
    before = (tmp_path / "old.db").read_bytes()
    other.restore(tmp_path / "old.db", replace=True)
    with other() as stores:
        assert [post.title for post in stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=9)] == ["By ann"]
    assert (tmp_path / "old.db").read_bytes() == before


def test_a_refused_backup_creates_no_database(backup: Path, tmp_path: Path) -> None:
    run(backup, "UPDATE posts SET version = 'x'")
    with closing(SqlStore(tmp_path / "new.db")) as new, pytest.raises(ValidationFailed):
        new.restore(backup)
    assert not (tmp_path / "new.db").exists()


def bodies(store: SqlStore) -> set[str]:
    with store() as stores:
        return {post.body for post in stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=9)}


def test_a_database_in_use_is_restored_with_its_wal(tmp_path: Path, other: SqlStore) -> None:
    with closing(SqlStore(tmp_path / "served.db")) as served:
        served.migrate()
        fill(served, "ann")
        assert (tmp_path / "served.db-wal").stat().st_size > 0
        with served() as stores:
            stores.attempts.lock("somebody", "somewhere")  # which locks it for writers
            other.restore(tmp_path / "served.db", replace=True)
        assert rows(other) == rows(served)


def exit_without_closing(backup: Path) -> None:
    """Change a database and exit without closing it: the change is in its WAL only."""
    killed = subprocess.run(
        [sys.executable, "-c", LEAVE_A_LOG, str(backup)],
        env=environment(),
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, b"kept\n")


@pytest.mark.parametrize("without", [[], ["-shm"]], ids=["as it was left", "copied without -shm"])
def test_a_database_of_a_killed_server_is_restored_with_its_wal(
    backup: Path, other: SqlStore, without: Sequence[str]
) -> None:
    exit_without_closing(backup)
    for suffix in without:
        backup.with_name(backup.name + suffix).unlink()
    other.restore(backup, replace=True)
    assert bodies(other) == {"kept in the log"}


def test_an_interrupted_transaction_is_rolled_back_before_the_restore(backup: Path, other: SqlStore) -> None:
    """Without a log for writing ahead, a journal says how it was. A process that is killed in between leaves it."""
    before = bodies_in(backup)
    with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA cache_size=1")
        connection.execute("PRAGMA cache_spill=1")
        connection.execute("BEGIN")
        connection.execute("UPDATE posts SET body = printf('%.*c', 90000, 'x')")
        connection.execute("UPDATE audit_entries SET detail = printf('%.*c', 9000, 'x')")
        for name in (backup.name, f"{backup.name}-journal"):
            shutil.copyfile(backup.with_name(name), backup.with_name(f"left-{name}"))
        connection.execute("ROLLBACK")
    left = backup.with_name(f"left-{backup.name}")
    assert left.with_name(f"{left.name}-journal").stat().st_size > 0
    other.restore(left, replace=True)
    assert bodies(other) == before


def bodies_in(file: Path) -> set[str]:
    with closing(SqlStore(file)) as store:
        return bodies(store)


@pytest.mark.parametrize("replaced", ["sqlite", "postgresql"])
def test_no_table_reuses_an_id_of_either_blog_after_a_restore(
    request: pytest.FixtureRequest, tmp_path: Path, replaced: str
) -> None:
    store: SqlStore = request.getfixturevalue(replaced)
    fill(store, "ann")
    store.back_up(tmp_path / "backup")
    fill(store, "bob", "cid")
    last = {name: max(row[0] for row in found) for name, found in rows(store).items()}  # type: ignore[type-var] # ids
    store.restore(tmp_path / "backup", replace=True)
    fill(store, "dan")
    for name, found in rows(store).items():
        assert found[-1][0] > last[name], name  # type: ignore[operator] # an id


def test_a_restore_leaves_no_file_beside_the_backup(backup: Path, other: SqlStore) -> None:
    before = sorted(backup.parent.iterdir())
    other.restore(backup, replace=True)
    assert sorted(backup.parent.iterdir()) == before
