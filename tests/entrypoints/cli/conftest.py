"""The command line, run in this process in an empty folder."""

import io
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeAlias

import pytest
import uvicorn
from tests.database import Database
from tests.servers import CHEAP

from blog.entrypoints.cli import main


@dataclass(frozen=True)
class Outcome:
    """Exit status, stdout and stderr of a command."""

    status: int
    said: str
    errors: str


def _serves(*_: object, **__: object) -> NoReturn:
    """Fail at once: a command that should refuse would serve for ever otherwise."""
    pytest.fail("the command serves")


Run: TypeAlias = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command with `sent` as its standard input, which is not a terminal."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("BLOG_"):
            monkeypatch.delenv(name)
    for name, value in CHEAP.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(uvicorn.Server, "run", _serves)

    def run(*arguments: str, sent: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sent)))
        try:
            status = main(arguments)
        except SystemExit as ended:  # how argparse ends
            status = int(ended.code or 0)
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def two_users(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A database with alice and bob, to be copied, because creating its tables is slow."""
    database = Database(tmp_path_factory.mktemp("two-users") / "blog.db")
    database.add_users("alice", "bob")
    return database


@pytest.fixture
def database(run: Run, two_users: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The default database of the commands, with alice and bob."""
    monkeypatch.setenv("BLOG_MIGRATE", "no")
    return Database(Path(shutil.copy(two_users.file, tmp_path / "blog.db")))
