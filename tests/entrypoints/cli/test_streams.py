"""Closed streams and unusual encodings cause no traceback and no damage."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.database import PASSWORD, Database
from tests.servers import BLOG, CHEAP, TIMEOUT, environment

_ASCII = {"PYTHONIOENCODING": "ascii"}
_WINDOWS = {"PYTHONIOENCODING": "cp1252"}
_C = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    database = Database(tmp_path / "blog.db")
    database.add_users("alice")
    return tmp_path


def _shell(command: str, folder: Path, extra: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a shell command with `blog`, and check that it causes no traceback."""
    script = f'blog() {{ {BLOG[0]} -m blog "$@"; }}; {command}'
    ended = subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env=environment(CHEAP | dict(extra or {})),
        capture_output=True,
        check=False,
        timeout=TIMEOUT,
    )
    assert b"Traceback" not in ended.stderr, ended.stderr.decode()
    return ended


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream_behaves_like_dev_null(folder: Path, closed: str) -> None:
    ended = _shell(f"blog users list {closed}", folder)

    assert ended.returncode == 0
    assert ended.stderr == b""
    assert ended.stdout.count(b"\n") == (0 if ">&-" in closed.replace("2>&-", "") else 1)


def test_output_to_a_closed_stream_does_not_end_up_in_the_database(folder: Path) -> None:
    for command in ("users add bob --password-stdin", "users promote bob", "users list", "--help", "nonsense"):
        _shell(f"echo '{PASSWORD}' | blog {command} >&- 2>&-", folder)

    database = Database(folder / "blog.db")
    database.assert_sound()
    assert {user.username for user in database.users()} == {"alice", "bob"}


def test_a_closed_stdin_has_no_password(folder: Path) -> None:
    ended = _shell("blog users add carol --password-stdin <&-", folder)

    assert (ended.returncode, ended.stderr) == (1, b"blog: password: was not given\n")


@pytest.mark.parametrize("extra", [_ASCII, _WINDOWS, _C])
def test_an_unencodable_character_is_printed_as_an_escape_sequence(folder: Path, extra: Mapping[str, str]) -> None:
    name = os.fsencode("日本.db")
    backed_up = _shell("blog backup 日本.db", folder, extra)
    labelled = _shell(f"echo '{PASSWORD}' | blog tokens create alice --name 日本 --password-stdin", folder, extra)
    listed = _shell("blog tokens list alice", folder, extra)

    assert (backed_up.returncode, backed_up.stderr) == (0, b"")
    assert name in [os.fsencode(file.name) for file in folder.iterdir()]
    assert listed.returncode == 0
    assert labelled.returncode in {0, 1}
    assert all(byte < 0x80 for byte in backed_up.stdout + labelled.stdout + labelled.stderr + listed.stdout)


@pytest.mark.parametrize("extra", [_ASCII, _WINDOWS, _C])
def test_an_unencodable_file_name_causes_no_traceback(folder: Path, extra: Mapping[str, str]) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "日本.md").write_text("---\ntitle: 日本\ncreated_at: 2026-11-23\nauthor: alice\n---\nx", "utf-8")
    (folder / "in" / "näive.md").write_text("no front matter", "utf-8")

    ended = _shell("blog import in --dry-run", folder, extra)

    assert ended.returncode == 1
    assert b"would add" in ended.stdout
