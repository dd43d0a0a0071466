"""The file of a backup: its name, its completeness and its permissions."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.adapters.sql.engine.sqlite_file import SqliteFile
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.errors import Unavailable
from blog.domain.posts.pagination import SortOrder
from blog.testing.contracts.fixtures import EVERYBODY, as_member

PASSWORD = "correct horse battery staple"
NAMES = [
    "what?.db",
    "a%41.db",
    "a%20b",
    ":memory:",
    "x?mode=memory",
    "x#y",
    "file:x",
    "a&b=c;d",
    "日本 語.db",
    "%",
    "~",
]


@pytest.fixture
def filled(sqlite: SqlStore) -> SqlStore:
    with create_blog(sqlite, hasher=Argon2PasswordHasher(memory=8, iterations=1))() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        blog.posts.create(ann, title="Hello", body="World")
    return sqlite


@pytest.fixture
def umask() -> Iterator[None]:
    """A permissive umask: files are readable by all unless the code sets their mode."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def titles(store: SqlStore) -> list[str]:
    with store() as stores:
        return [post.title for post in stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=10)]


def files_below(folder: Path) -> dict[str, int]:
    """Return every file with its permissions."""
    return {
        str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*") if not path.is_dir()
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_backup_is_written_to_the_named_file(filled: SqlStore, tmp_path: Path, umask: None, name: str) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    filled.back_up(folder / name)

    assert files_below(folder) == {name: 0o600}
    with closing(SqlStore(tmp_path / "other.db")) as other:
        other.restore(folder / name)
        assert titles(other) == ["Hello"]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_can_have_any_name(
    filled: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / "within" / name
    folder.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    filled.back_up(folder / "copy")
    with closing(SqlStore(folder / "blog.db")) as other:
        other.restore(folder / "copy")
        assert titles(other) == ["Hello"]
    assert [path.name for path in (tmp_path / "within").iterdir()] == [name]
    assert set(files_below(folder)) == {"copy", "blog.db"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60))
@example("?a=b")
def test_a_relative_path_with_special_characters_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        monkeypatch.chdir(folder)
        for url in (Path(f"a{name}"), f"sqlite:///a{name}"):
            with closing(SqlStore(url)) as store, store.engine.connect() as connection:
                version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
                connection.exec_driver_sql(f"PRAGMA user_version={version + 1}")
        assert [path.name for path in Path(folder).iterdir()] == [f"a{name}"]
        assert version == 1
        monkeypatch.chdir(tmp_path)


def test_a_new_database_and_its_wal_are_readable_by_their_owner_only(tmp_path: Path, umask: None) -> None:
    with closing(SqlStore(tmp_path / "blog.db")) as store:
        store.migrate()
        with store() as stores:
            stores.attempts.lock("somebody", "somewhere")
            assert set(files_below(tmp_path)) == {"blog.db", "blog.db-wal", "blog.db-shm"}
            assert set(files_below(tmp_path).values()) == {0o600}


def test_a_database_with_group_permissions_keeps_them(tmp_path: Path, umask: None) -> None:
    (tmp_path / "blog.db").touch(mode=0o640)
    with closing(SqlStore(tmp_path / "blog.db")) as store:
        store.migrate()
    assert files_below(tmp_path) == {"blog.db": 0o640}


def test_a_backup_that_cannot_be_read_back_fails(
    filled: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def replaced_by_something_shorter(path: Path, target: Path) -> Path:
        path.write_bytes(path.read_bytes()[:20_000])
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", replaced_by_something_shorter)
    with pytest.raises(Unavailable) as refusal:
        filled.back_up(tmp_path / "copy")
    assert str(tmp_path / "copy") in refusal.value.cause
    assert not (tmp_path / "copy").exists()


def test_a_backup_with_changes_left_in_its_wal_fails(
    filled: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = SqlStore.close

    def closed_but_for_one(store: SqlStore) -> None:
        if store.dialect.file.path.name == "backup.db":  # type: ignore[attr-defined] # it is SQLite's
            left.append(sqlite3.connect(store.dialect.file.path))  # type: ignore[attr-defined] # as above
            left[0].execute("SELECT count(*) FROM posts").fetchall()
        close(store)

    left: list[sqlite3.Connection] = []
    monkeypatch.setattr(SqlStore, "close", closed_but_for_one)
    with pytest.raises(Unavailable, match="not closed"):
        filled.back_up(tmp_path / "copy")
    left[0].close()
    assert not (tmp_path / "copy").exists()


def test_an_interrupted_copy_leaves_no_backup(filled: SqlStore, tmp_path: Path) -> None:
    """The name is there from the start. A process that is killed leaves it, and nothing in it."""
    names: list[dict[str, int]] = []
    create = SqliteFile.create

    def seen(file: SqliteFile) -> None:
        names.append({path.name: path.stat().st_size for path in tmp_path.glob("copy*")})
        create(file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteFile, "create", seen)
        filled.back_up(tmp_path / "copy")
    assert names
    assert all(each == {"copy": 0} for each in names)
