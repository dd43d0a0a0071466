"""Every database keeps the contracts of lists, search and kept answers; and whoever inherits a contract is told plainly
what is missing and what is wrong.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from blog.adapters.sql import SqlStore
from blog.adapters.sql.fts5 import Fts5PostIndex
from blog.adapters.sql.tsvector import TsvectorPostIndex
from blog.contracts import IdempotencyStoreContract, PostIndexContract, PostListContract, PostWalkContract
from blog.domain.blog import OpenStores

INHERITORS = """
import pytest
from blog.contracts import AgreementMachine, TokenStoreContract, UserRepositoryContract

class TestForgetful(UserRepositoryContract):
    pass

class Undecided(AgreementMachine):
    pass

TestUndecided = Undecided.TestCase

class LosesEverything:
    def add(self, token):
        return token

class TestLosesEverything(TokenStoreContract):
    @pytest.fixture
    def tokens(self):
        return LosesEverything()
"""


class TestSqlPostLists(PostListContract):
    @pytest.fixture
    def open_stores(self, store: SqlStore) -> OpenStores:
        return store


class TestSqlPostWalks(PostWalkContract):
    @pytest.fixture
    def open_stores(self, store: SqlStore) -> OpenStores:
        return store


class TestSqlPostIndex(PostIndexContract):
    @pytest.fixture
    def open_stores(self, store: SqlStore) -> OpenStores:
        return store


class TestFts5PostIndexThatHasRead(PostIndexContract):
    """Next to nothing waits; and few pass the filters, or more than are looked through one by one."""

    searches = 10

    @pytest.fixture(params=[Fts5PostIndex.few, 0], ids=["few", "many"])
    def open_stores(
        self, request: pytest.FixtureRequest, sqlite: SqlStore, monkeypatch: pytest.MonkeyPatch
    ) -> OpenStores:
        monkeypatch.setattr(Fts5PostIndex, "most_unread", 2)
        monkeypatch.setattr(Fts5PostIndex, "few", request.param)
        return sqlite


class TestTsvectorPostIndexOfMany(PostIndexContract):
    """As where there are more posts than are looked through one by one."""

    searches = 10

    @pytest.fixture
    def open_stores(self, postgresql: SqlStore, monkeypatch: pytest.MonkeyPatch) -> OpenStores:
        monkeypatch.setattr(TsvectorPostIndex, "window", 3)
        return postgresql


class TestSqlIdempotencyStore(IdempotencyStoreContract):
    @pytest.fixture
    def open_stores(self, store: SqlStore) -> OpenStores:
        return store


def test_an_inheritor_is_told_what_is_missing_and_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "test_inheritors.py").write_text(INHERITORS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:schemathesis",
        "-p",
        "no:xdist",
        "-W",
        "error",
        "--rootdir",
        ".",
    ]
    run = subprocess.run(
        [*command, "-k", "add or ids or Undecided"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1, run.stderr
    told = run.stdout
    assert "TestForgetful must have a fixture `open_stores` that returns an OpenStores on empty stores." in told
    assert "NotImplementedError: Undecided must say which `blogs` it compares." in told
    assert "assert 0 > 0" in told, "pytest does not explain the assertions of the contracts"
    assert "Contract::" not in told, "an abstract contract was collected by itself"
