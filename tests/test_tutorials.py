"""The tutorials carry patches, which are applied to a copy of the repository and tested there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COPIED = ("src", "tests", "docs", "fault_tests", "pyproject.toml", "README.md")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "static"))
        else:
            shutil.copy(source, target)
    return tmp_path


def test_a_field_is_added_by_the_patch_of_the_tutorial(copy: Path) -> None:
    patch = ROOT / "docs/tutorials/add-a-field.patch"
    applied = run(copy, "git", "apply", "--verbose", str(patch))
    assert applied.returncode == 0, f"write {patch.name} anew, it no longer applies:\n{applied.stderr}"

    tested = run(copy, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_post_fields.py")
    assert tested.returncode == 0, tested.stdout
    assert "subtitle" in run(copy, sys.executable, "-c", _FIELDS).stdout


def test_a_concept_is_added_by_the_patch_of_the_tutorial(copy: Path) -> None:
    patch = ROOT / "docs/tutorials/add-a-concept.patch"
    applied = run(copy, "git", "apply", "-C1", "--verbose", str(patch))
    assert applied.returncode == 0, (
        f"{patch.name} no longer applies. docs/tutorials/add-a-concept.md says at its end how to write it again:\n"
        f"{applied.stderr}"
    )
    tested = run(
        copy,
        sys.executable,
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "--import-mode=importlib"),
        *CONCEPT_TESTS,
        *("-k", "not postgresql"),
    )
    assert tested.returncode == 0, tested.stdout
    for folder in ("tests/domain", "tests/entrypoints/http"):
        assert (copy / folder / "test_bookmarks.py").exists()


CONCEPT_TESTS = (
    "tests/architecture/test_glossary.py",
    "tests/architecture/test_purity.py",
    "tests/domain/test_bookmarks.py",
    "tests/domain/test_policy.py",
    "tests/domain/test_deletion.py",
    "tests/domain/test_personal_data.py",
    "tests/entrypoints/http/test_bookmarks.py",
    "tests/entrypoints/http/test_openapi.py::test_tags_are_described_and_posts_come_first",
    "tests/entrypoints/http/test_openapi.py::test_every_member_of_every_schema_has_an_example",
    "tests/adapters/test_contracts.py::test_every_port_has_a_contract_that_also_tests_threads",
    "tests/adapters/test_memory.py::TestMemoryBookmarkStoreContract",
    "tests/adapters/test_sql.py::TestSqlBookmarkStoreContract",
)

_FIELDS = "from blog.domain.posts.post import CONTENT_FIELDS; print(CONTENT_FIELDS)"


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder / "src"), str(folder)])
    environment = {**os.environ, "PYTHONPATH": path, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
