"""Backup and restore, from every database into every other."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import select
from tests.adapters.example_rows import check_every_table_has_a_row, store_a_row_of_each

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.adapters.sql.backup import NotEmpty
from blog.adapters.sql.schema.tables import STORED_TABLES
from blog.adapters.system import utc_now
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.user import PostsOnDeletion, UsernameTaken
from blog.domain.blog import OpenBlog
from blog.domain.errors import ValidationFailed
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import Status
from blog.domain.shared import PostId
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import EVERYBODY, as_member

PASSWORD = "correct horse battery staple"
HASHER = Argon2PasswordHasher(memory=8, iterations=1)


def rows(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    with store.engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(table.c.id))]
            for table in STORED_TABLES
        }


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    """A database with a row in every table, whose newest post is deleted."""
    with create_blog(store, hasher=HASHER)() as blog:
        carl = as_member(blog.users.add(Operator(), "carl", PASSWORD))
        blog.posts.create(carl, title="ResponseCache", body="…")
        blog.users.delete(Operator(), carl.user_id, PostsOnDeletion.KEEP)
        for name in ("ann", "bob"):
            author = as_member(blog.users.add(Operator(), name, PASSWORD, is_admin=name == "ann"))
            blog.audit.seal(limit=5)
            posts = [blog.posts.create(author, title=f"{number} \N{SNOWMAN}", body="…") for number in range(4)]
            blog.posts.update(author, posts[1].id, body="changed")
            store_a_row_of_each(blog, author, posts[0], PASSWORD)
        blog.posts.delete(author, posts[-1].id)
    check_every_table_has_a_row(rows(store))
    return store


@pytest.fixture
def other_store(tmp_path: Path) -> Iterator[SqlStore]:
    store = SqlStore(f"sqlite:///{tmp_path / 'other_store.db'}")
    yield store
    store.close()


def test_a_restored_backup_has_the_same_rows(filled: SqlStore, other_store: SqlStore, tmp_path: Path) -> None:
    kept = rows(filled)
    filled.back_up(tmp_path / "backup")
    other_store.restore(tmp_path / "backup")
    assert rows(other_store) == kept
    other_store.back_up(tmp_path / "backup of the backup")
    filled.restore(tmp_path / "backup of the backup", replace=True)
    assert rows(filled) == kept


def search(store: SqlStore, text: str) -> list[PostId]:
    with create_blog(store, hasher=HASHER)() as blog:
        return [each.post.id for each in blog.search.find(text).results]


def test_a_restored_post_is_found_by_search(filled: SqlStore, other_store: SqlStore, tmp_path: Path) -> None:
    kept = [search(filled, text) for text in ("changed", "3", "-3 changed")]
    assert [len(ids) for ids in kept] == [2, 1, 2]
    filled.back_up(tmp_path / "backup")
    with create_blog(filled, hasher=HASHER)() as blog:
        blog.posts.create(as_member(blog.users.get_by_username(Operator(), "ann")), title="later", body="changed")
    for store in (other_store, filled):
        store.restore(tmp_path / "backup", replace=True)
        assert [search(store, text) for text in ("changed", "3", "-3 changed")] == kept


def ids_in_index(store: SqlStore) -> set[int]:
    """Return the ids of the posts in the search index, after a restore."""
    column = "rowid" if store.engine.dialect.name == "sqlite" else "id"
    with store.engine.connect() as connection:
        return set(connection.exec_driver_sql(f"SELECT {column} FROM post_words").scalars())


def test_a_restored_blog_has_its_tags(filled: SqlStore, other_store: SqlStore, tmp_path: Path) -> None:
    clock = FrozenClock()
    with create_blog(filled, hasher=HASHER, now=clock)() as blog:
        ann = as_member(blog.users.get_by_username(Operator(), "ann"))
        later = clock() + timedelta(days=365 * 1000)
        blog.posts.create(ann, title="1", body="…", tags=["Sea", "Food"])
        blog.posts.create(ann, title="2", body="…", tags=["SEA", "secret"], published_at=later)
        blog.posts.create(ann, title="3", body="…", tags=["sea", "secret too"], status=Status.DRAFT)
        blog.posts.settle_tag_counts(limit=1)
    filled.back_up(tmp_path / "backup")
    for restored, replace in ((other_store, False), (filled, True)):
        restored.restore(tmp_path / "backup", replace=replace)
        for settles in (False, True):
            with create_blog(restored, hasher=HASHER, now=clock)() as blog:
                assert [(tag.name, tag.posts) for tag in blog.posts.tags().tags] == [("Food", 1), ("Sea", 1)]
                assert [post.title for post in blog.posts.page(tags=["sea"]).posts] == ["1"]
                if settles:
                    blog.posts.settle_tag_counts(limit=1000)
        with create_blog(restored, hasher=HASHER, now=lambda: later)() as blog:
            assert [(tag.name, tag.posts) for tag in blog.posts.tags().tags] == [("Food", 1), ("Sea", 2), ("secret", 1)]


def test_a_backup_has_the_trash(filled: SqlStore, other_store: SqlStore, tmp_path: Path) -> None:
    with create_blog(filled, hasher=HASHER)() as blog:
        ann = as_member(blog.users.get_by_username(Operator(), "ann"))
        post = blog.posts.create(ann, title="hidden", body="hidden", tags=["hidden"])
        blog.posts.delete(ann, post.id)
        trashed = blog.trash.get(ann, post.id)
    filled.back_up(tmp_path / "backup")
    other_store.restore(tmp_path / "backup", replace=True)
    with create_blog(other_store, hasher=HASHER)() as blog:
        assert blog.trash.get(ann, post.id) == trashed
        assert not blog.search.find("hidden").results
        assert "hidden" not in {tag.key for tag in blog.posts.tags().tags}
        restored = blog.trash.restore(ann, post.id)
        assert blog.posts.get_by_slug("hidden") == restored
        assert [found.post for found in blog.search.find("hidden", tags=["hidden"]).results] == [restored]


def test_a_restored_draft_stays_hidden_and_a_scheduled_post_is_published_in_time(
    filled: SqlStore, other_store: SqlStore, tmp_path: Path
) -> None:
    with create_blog(filled, hasher=HASHER)() as blog:
        ann = as_member(blog.users.get_by_username(Operator(), "ann"))
        in_time = utc_now() + timedelta(days=1)
        draft = blog.posts.create(ann, title="hidden", body="hidden", status=Status.DRAFT)
        scheduled = blog.posts.create(ann, title="hidden", body="hidden", published_at=in_time)
    filled.back_up(tmp_path / "backup")
    for store in (other_store, filled):
        store.restore(tmp_path / "backup", replace=True)
        clock = FrozenClock(in_time - timedelta(microseconds=1))
        open_blog = create_blog(store, hasher=HASHER, now=clock)
        with open_blog() as blog:
            assert list(blog.posts.own_page(ann, Status.DRAFT).posts) == [draft]
            assert list(blog.posts.own_page(ann, Status.SCHEDULED).posts) == [scheduled]
            assert not blog.search.find("hidden").results
        assert draft.id not in ids_in_index(store)
        assert scheduled.id in ids_in_index(store)
        clock.move(timedelta(microseconds=1))
        with open_blog() as blog:
            assert blog.posts.page(SortOrder.UPDATED).posts[0] == scheduled
            assert [each.post for each in blog.search.find("hidden").results] == [scheduled]


def test_a_restored_blog_reuses_no_id(filled: SqlStore, other_store: SqlStore, tmp_path: Path) -> None:
    with filled() as stores:
        last = stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=1)[0].id + 1  # the one that was deleted
    filled.back_up(tmp_path / "backup")
    for store in (other_store, filled):
        store.restore(tmp_path / "backup", replace=True)
        with create_blog(store, hasher=HASHER)() as blog:
            ann = as_member(blog.users.get_by_username(Operator(), "ann"))
            assert blog.posts.create(ann, title="new", body="new").id > last


def test_a_backup_is_a_snapshot(store: SqlStore, open_blog: OpenBlog, other_store: SqlStore, tmp_path: Path) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        pair = [blog.posts.create(ann, title="one of two", body="0") for _ in range(2)]
    enough = Event()

    def write() -> int:
        count = 0
        while not enough.wait(0.005):  # or it would write more in the time of a restore than that can take in
            count += 1
            with open_blog() as blog:
                for post in pair:
                    blog.posts.update(ann, post.id, body=str(count))
        return count

    with ThreadPoolExecutor() as beside:
        writer = beside.submit(write)
        for number in range(5):
            store.back_up(tmp_path / f"backup-{number}")
            other_store.restore(tmp_path / f"backup-{number}", replace=True)
            with other_store() as stores:
                first, second = stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=2)
            assert first.body == second.body
        enough.set()
        assert writer.result() > 0


def test_a_restore_does_not_overwrite_data_without_replace(filled: SqlStore, tmp_path: Path) -> None:
    kept = rows(filled)
    filled.back_up(tmp_path / "backup")
    with pytest.raises(NotEmpty):
        filled.restore(tmp_path / "backup")
    assert rows(filled) == kept


def test_a_restore_that_fails_changes_nothing(
    filled: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = rows(filled)
    filled.back_up(tmp_path / "backup")

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(filled.dialect), "set_last_id", fail)
    with pytest.raises(ZeroDivisionError):
        filled.restore(tmp_path / "backup", replace=True)
    assert rows(filled) == kept


def test_a_backup_does_not_overwrite_a_file(filled: SqlStore, tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.write_text("precious")
    with pytest.raises(FileExistsError):
        filled.back_up(file)
    assert file.read_text() == "precious"


def test_a_backup_that_fails_leaves_no_file(filled: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(filled.dialect), "last_id", fail)
    with pytest.raises(ZeroDivisionError):
        filled.back_up(tmp_path / "backup")
    assert list(tmp_path.glob("backup*")) == []


def test_a_backup_is_readable_by_its_owner_only(filled: SqlStore, tmp_path: Path) -> None:
    filled.back_up(tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0


def overwrite(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE something_else (x)")


@pytest.mark.parametrize(
    "damage", [lambda file: file.unlink(), lambda file: file.write_text("no backup" * 100), overwrite]
)
def test_a_file_that_is_not_a_backup_is_not_restored(
    filled: SqlStore, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    kept = rows(filled)
    file = tmp_path / "backup"
    filled.back_up(file)
    damage(file)
    with pytest.raises((FileNotFoundError, ValidationFailed)):
        filled.restore(file, replace=True)
    assert rows(filled) == kept


def test_usernames_of_deleted_accounts_stay_reserved_after_a_restore(
    filled: SqlStore, other_store: SqlStore, tmp_path: Path
) -> None:
    filled.back_up(tmp_path / "backup.db")
    other_store.restore(tmp_path / "backup.db")
    for username in ("carl", "Carl"):
        with pytest.raises(UsernameTaken), create_blog(other_store, hasher=HASHER)() as blog:
            blog.users.add(Operator(), username, PASSWORD)
    with create_blog(other_store, hasher=HASHER)() as blog:
        assert [post.title for post in blog.posts.page(authors=["deleted-user"]).posts] == ["ResponseCache"]
