"""The tutorials carry patches, which are applied to a copy of the repository and tested there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COPIED = ("src", "tests", "docs", "pyproject.toml", "README.md")


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


_FIELDS = "from blog.domain.posts.post import CONTENT_FIELDS; print(CONTENT_FIELDS)"


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder / "src"), str(folder)])
    environment = {**os.environ, "PYTHONPATH": path, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
