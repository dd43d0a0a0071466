"""Every port has a contract, search indexes pass it at their limits, and a failing contract says what is missing."""

import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import blog.testing.contracts
from blog.adapters.sql import SqlStore
from blog.adapters.sql.search.fts5 import Fts5PostIndex
from blog.adapters.sql.search.tsvector import TsvectorPostIndex
from blog.domain.blog import OpenStores, Stores
from blog.testing.contracts import PostIndexContract, threads

PORTS = get_type_hints(Stores)

INHERITORS = """
import pytest
from blog.testing.contracts import AgreementMachine, TokenStoreContract, UserRepositoryContract

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

    @pytest.fixture
    def holders(self):
        return 1, 2
"""


@pytest.mark.parametrize(("store", "port"), sorted((name, port.__name__) for name, port in PORTS.items()))
def test_every_port_has_a_contract_that_also_tests_threads(store: str, port: str) -> None:
    contract = getattr(blog.testing.contracts, f"{port}Contract", None)
    assert contract, f"write {port}Contract in blog/testing/contracts, and list it in its __init__.py"
    tests_threads = hasattr(contract, "test_the_store_is_used_by_several_threads_concurrently")
    assert tests_threads or store in threads._USES, (
        f"{port}Contract: add test_the_store_is_used_by_several_threads_concurrently, or a use of {store} in "
        "blog/testing/contracts/threads.py"
    )


class TestFts5PostIndexThatHasRead(PostIndexContract):
    """Limits of one or two pending posts, and few or many posts that pass the filters."""

    searches = 10

    @pytest.fixture(params=[Fts5PostIndex.max_scanned, 0], ids=["few", "many"])
    def open_stores(
        self, request: pytest.FixtureRequest, sqlite: SqlStore, monkeypatch: pytest.MonkeyPatch
    ) -> OpenStores:
        monkeypatch.setattr(Fts5PostIndex, "max_pending", 2)
        monkeypatch.setattr(Fts5PostIndex, "max_scanned", request.param)
        return sqlite


class TestTsvectorPostIndexOfMany(PostIndexContract):
    """The plan for more posts than are scanned one by one."""

    searches = 10

    @pytest.fixture
    def open_stores(self, postgresql: SqlStore, monkeypatch: pytest.MonkeyPatch) -> OpenStores:
        monkeypatch.setattr(TsvectorPostIndex, "window", 3)
        return postgresql


HASTY = """
import json
from dataclasses import replace
from contextlib import contextmanager

import pytest
from blog.adapters.memory import MemoryStore
from blog.domain.accounts.user import User
from blog.domain.shared import TokenId
from blog.testing.contracts import SharedStoresContract, TokenStoreContract
from blog.testing.contracts.fixtures import NOON


class HastyTokens:
    # A correct store for one thread: a number is read, and only then written.
    def __init__(self, file):
        self._file, self._tokens = file, {}
        file.write_text("0")

    def add(self, token):
        number = int(self._file.read_text()) + 1
        self._file.write_text(str(number))
        token = replace(token, id=TokenId(number))
        self._tokens[number] = token
        return token

    def find_with_user(self, digest):
        found = [token for token in list(self._tokens.values()) if token.digest == digest]
        return (found[0], User(id=found[0].user_id, username="ann", created_at=NOON)) if found else None

    def of_user(self, user_id):
        return [token for token in list(self._tokens.values()) if token.user_id == user_id]

    def touch(self, token_id, at):
        if token_id in self._tokens:
            self._tokens[token_id] = replace(self._tokens[token_id], last_used_at=at)

    def remove(self, token_id):
        return self._tokens.pop(token_id, None) is not None


class TestHastyTokens(TokenStoreContract):
    @pytest.fixture
    def tokens(self, tmp_path):
        return HastyTokens(tmp_path / "number")

    @pytest.fixture
    def holders(self):
        return 1, 2


class TestPostsWithoutTheirIndex(SharedStoresContract):
    @pytest.fixture
    def open_stores(self):
        ours, others = MemoryStore(), MemoryStore()

        @contextmanager
        def opened():
            with ours() as stores, others() as other:
                if other.users.find("ann") is None and stores.users.find("ann") is not None:
                    other.users.add(stores.users.find("ann").user, "hash")
                yield replace(stores, posts=other.posts)

        return opened
"""


@pytest.fixture(scope="module")
def hasty_output(tmp_path_factory: pytest.TempPathFactory) -> str:
    selection = "the_store_is_used_by_several_threads or any_bytes or finds_the_posts"
    return run_inherited(tmp_path_factory.mktemp("hasty"), HASTY, selection)


def test_a_store_for_one_thread_only_fails_its_contract(hasty_output: str) -> None:
    failed = "FAILED test_inheritors.py::TestHastyTokens::test_the_store_is_used_by_several_threads_concurrently"
    assert failed in hasty_output
    assert "2 failed, 1 passed" in hasty_output, hasty_output


def test_replacing_posts_without_their_index_fails_the_contract(hasty_output: str) -> None:
    failed = "FAILED test_inheritors.py::TestPostsWithoutTheirIndex::test_the_index_finds_the_posts_of_its_repository"
    assert failed in hasty_output


def test_a_contract_reports_missing_fixtures_and_failures(tmp_path: Path) -> None:
    output = run_inherited(tmp_path, INHERITORS, "add or ids or Undecided")
    assert "TestForgetful must have a fixture `open_stores` that returns an OpenStores on empty stores." in output
    assert "NotImplementedError: Undecided must say which `blogs` it compares." in output
    assert "assert 0 > 0" in output, "pytest does not explain the assertions of the contracts"
    assert "Contract::" not in output, "an abstract contract was collected by itself"


def run_inherited(folder: Path, source: str, selection: str) -> str:
    """Run contracts that a source file inherits, and return pytest's output. Some must fail."""
    (folder / "test_inheritors.py").write_text(source)
    plugins = [option for name in ("cacheprovider", "schemathesis", "xdist") for option in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", *plugins, "-W", "error", "--rootdir", ".", "-k", selection]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    return run.stdout
