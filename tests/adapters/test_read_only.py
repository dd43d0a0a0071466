"""A read-only database can be read, listed, exported, verified and backed up, and is not changed."""

import ctypes
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.database import Database
from tests.servers import CHEAP, TIMEOUT, environment

from blog.adapters.sql import SqlStore
from blog.domain.accounts.actors import Operator
from blog.domain.errors import Unavailable
from blog.domain.posts.pagination import SortOrder
from blog.testing.contracts.fixtures import EVERYBODY, as_member

_DROP_FROM_BOUNDING_SET = 24
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2


def without_privileges() -> None:
    """Let permissions hold for a process of root's too (capabilities(7)); it runs before the program is started."""
    if os.geteuid() == 0:
        for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
            ctypes.CDLL(None).prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


COMMANDS = """
import contextlib, io, json, sys
from blog.entrypoints.cli import main
done = {}
for line in sys.argv[2:]:
    said, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        try:
            status = main([*line.split(), "--database", f"sqlite:///{sys.argv[1]}"])
        except SystemExit as ended:
            status = ended.code
    done[line] = status, said.getvalue(), told.getvalue()
print(json.dumps(done))
"""
"""Several commands in one process: starting each takes longer than what it does."""

Done = dict[str, tuple[int, str, str]]
"""How each command ended, and what it said to standard output and to standard error."""


def blog(*lines: str, database: Path, cwd: Path, mounted: Path | None = None) -> Done:
    """Run commands to their end, in a mount namespace of their own where a folder is to be mounted read-only."""
    command = [sys.executable, "-c", COMMANDS, str(database), *lines]
    if mounted is not None:
        read_only = f'mount --bind "{mounted}" "{mounted}" && mount -o remount,bind,ro "{mounted}" && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", read_only, "sh", *command]
    ran = subprocess.run(
        command,
        cwd=cwd,
        env=environment(CHEAP),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
        preexec_fn=None if mounted else without_privileges,
    )
    done: Done = json.loads(ran.stdout)
    return done


def can_mount(folder: Path) -> bool:
    """Whether this process may make mounts of its own: root outside most containers."""
    attempt = f'mount --bind "{folder}" "{folder}" && mount -o remount,bind,ro "{folder}"'
    return (
        os.geteuid() == 0
        and not subprocess.run(["unshare", "--mount", "sh", "-c", attempt], check=False, capture_output=True).returncode
    )


@pytest.fixture
def closed_file(tmp_path: Path) -> Iterator[Path]:
    """A closed database, alone in its folder."""
    folder = tmp_path / "medium"
    folder.mkdir()
    database = Database(folder / "blog.db")
    database.add_users("ann")
    with database.opened() as open_blog, open_blog() as blog:
        blog.posts.create(as_member(blog.users.get_by_username(Operator(), "ann")), title="Hello", body="World")
        blog.audit.seal()
    assert [path.name for path in folder.iterdir()] == ["blog.db"]
    yield database.file
    folder.chmod(0o755)


def folder_of_others(file: Path) -> None:
    file.parent.chmod(0o555)


def file_of_others(file: Path) -> None:
    file.chmod(0o444)


def both_of_others(file: Path) -> None:
    file.chmod(0o444)
    file.parent.chmod(0o555)


MEDIA: dict[str, Callable[[Path], None] | None] = {
    "the folder is another's": folder_of_others,
    "the file is another's": file_of_others,
    "both are": both_of_others,
    "the disk is read-only": None,
}


@pytest.mark.parametrize("medium", MEDIA)
def test_a_read_only_database_can_be_read_exported_verified_and_backed_up(
    closed_file: Path, tmp_path: Path, medium: str
) -> None:
    protect, mounted = MEDIA[medium], None
    if protect is not None:
        protect(closed_file)
    elif can_mount(closed_file.parent):
        mounted = closed_file.parent
    else:
        pytest.skip("no mounts can be made here")
    before = closed_file.read_bytes()

    reads = ["users list", "export out", "audit --verify", "backup copy", "migrate --check"]
    done = blog(*reads, "users deactivate ann", database=closed_file, cwd=tmp_path, mounted=mounted)
    refused = done.pop("users deactivate ann")
    assert {line: status for line, (status, _, _) in done.items()} == dict.fromkeys(reads, 0)
    assert "ann" in done["users list"][1]
    assert done["backup copy"][1] == "Everything is in copy.\n"
    assert {f"{closed_file} cannot be written to, so it is only read.\n" in error for _, _, error in done.values()} == {
        True
    }
    assert refused[0] == 1
    assert refused[2].splitlines()[-1].startswith(f"blog: The database cannot be written to. {closed_file}: ")

    assert [path.name for path in closed_file.parent.iterdir()] == ["blog.db"]
    assert closed_file.read_bytes() == before
    assert len(list((tmp_path / "out").iterdir())) == 1
    with closing(SqlStore(tmp_path / "other.db")) as other:
        other.restore(tmp_path / "copy")
        with other() as stores:
            assert [post.title for post in stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=9)] == ["Hello"]


def test_a_read_only_database_is_not_served(closed_file: Path, tmp_path: Path) -> None:
    folder_of_others(closed_file)
    ((status, said, error),) = blog("serve --port 0", database=closed_file, cwd=tmp_path).values()
    line = f"blog: --database: {closed_file} cannot be written to, and can only be read by other commands"
    assert (status, said, error.splitlines()[-1]) == (2, "", line)


def test_an_unclosed_read_only_database_is_reported_with_a_remedy(closed_file: Path, tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    with closing(sqlite3.connect(closed_file)) as connection, connection:
        connection.execute("UPDATE posts SET title = 'in the log'")
        connection.commit()
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{closed_file}{suffix}", left / f"blog.db{suffix}")
    left.chmod(0o555)
    try:
        ((status, _, error),) = blog("users list", database=left / "blog.db", cwd=tmp_path).values()
        assert (status, f"{left / 'blog.db'}: " in error) == (1, True)
        assert "it was not closed cleanly: copy blog.db and blog.db-* to another folder" in error
        ((status, _, error),) = blog("restore left/blog.db", database=tmp_path / "other.db", cwd=tmp_path).values()
        assert (status, error) == (0, "")
    finally:
        left.chmod(0o755)


WHY = """
import os, sys
from pathlib import Path
from blog.adapters.sql import SqlStore
from blog.domain.errors import Unavailable
try:
    with SqlStore(Path(sys.argv[1]))() as stores:
        stores.users.page(limit=1)
except Unavailable as error:
    print(error.explained)
except ValueError as error:
    print(error)
"""


def reason_of(path: Path) -> str:
    """Return the reported reason why a database cannot be opened."""
    done = subprocess.run(
        [sys.executable, "-c", WHY, str(path)],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT,
        preexec_fn=without_privileges,
    )
    return done.stdout.strip()


def test_a_database_that_cannot_be_opened_is_reported_with_path_and_reason(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "blog.db"
    folder.chmod(0o555)
    try:
        error = reason_of(file)
    finally:
        folder.chmod(0o755)
    reason = f"the folder {folder} cannot be written to (permission denied)"
    assert error == f"The database file cannot be opened. {file}: {reason}."

    file.touch(mode=0o000)
    assert reason_of(file) == f"{file} cannot be read: Permission denied"
    file.unlink()
    file.mkdir()
    assert reason_of(file) == f"{file} is a folder, and must be a file"


def test_a_change_during_an_unlocked_read_is_reported(closed_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqlStore(closed_file)
    monkeypatch.setattr(store.dialect.file, "is_read_only", lambda: True)  # type: ignore[attr-defined] # it is SQLite's
    with store() as stores:
        assert len(stores.users.page(limit=9)) == 1
    store.check_unchanged()
    with closing(sqlite3.connect(closed_file)) as connection, connection:
        connection.execute("DELETE FROM tokens")
    with pytest.raises(Unavailable, match="changed while it was read") as error:
        store.check_unchanged()
    assert str(closed_file) in error.value.cause
    store.close()
