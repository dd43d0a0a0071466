"""The wheel holds all that the blog needs to run, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.servers import PATIENCE, environment

_ROOT = Path(__file__).parent.parent
_PACKAGE = _ROOT / "src" / "blog"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the backend that pyproject.toml names."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=_ROOT,
        env=environment(),
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    (built,) = folder.glob("blog-*-py3-none-any.whl")
    return built


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    files = {path for path in _PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    expected = {path.relative_to(_ROOT / "src").as_posix() for path in files}

    assert {name for name in _names(wheel) if ".dist-info/" not in name} == expected


def test_the_wheel_holds_what_is_no_code_too(wheel: Path) -> None:
    names = _names(wheel)

    assert {"blog/py.typed", "blog/entrypoints/http/static/docs.html"} <= names
    assert {name.rpartition("/")[2] for name in names if "/licenses/" in name} == {"LICENSE"}


def test_the_wheel_installs_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        assert archive.read(name).decode() == "[console_scripts]\nblog = blog.__main__:main\n"


def test_the_wheel_asks_for_nothing_that_only_tests_need(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        lines = archive.read(name).decode().splitlines()
    needed = {line.split(": ")[1] for line in lines if line.startswith("Requires-Dist: ") and "extra ==" not in line}

    assert needed
    assert not [line for line in needed if line.startswith(("pytest", "hypothesis", "httpx", "coverage", "hatchling"))]


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())
