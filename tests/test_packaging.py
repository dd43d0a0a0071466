"""The wheel holds all that the blog needs to run, and nothing else; what it needs is pinned for deployments."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from supply_chain.pins import DEPLOY, NotAPin, drift, pins_in
from tests.servers import TIMEOUT, environment

from blog.domain.accounts.tokens import TOKEN_PATTERN

_ROOT = Path(__file__).parent.parent
_PACKAGE = _ROOT / "src" / "blog"
_PROJECT: dict[str, Any] = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_EXTRAS: dict[str, list[str]] = _PROJECT["optional-dependencies"]
_DEPLOYED = [Requirement(line) for line in [*_PROJECT["dependencies"], *_EXTRAS["postgres"]]]
_TOLD = ("docs", "src", "fault_tests", "supply_chain")
_INSTALLED = re.compile(r"pip install (?:-\S+ )*'?([\w.\[\],/-]+)")
_HASH = f"--hash=sha256:{'0' * 64}"


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
        timeout=TIMEOUT,
    )
    (built,) = folder.glob("hexablog-*-py3-none-any.whl")
    return built


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    files = {path for path in _PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    expected = {path.relative_to(_ROOT / "src").as_posix() for path in files}

    assert {name for name in _names(wheel) if ".dist-info/" not in name} == expected


def test_the_wheel_has_the_data_files_too(wheel: Path) -> None:
    names = _names(wheel)

    assert {"blog/py.typed", "blog/entrypoints/http/openapi/static/docs.html"} <= names
    assert {name.rpartition("/")[2] for name in names if "/licenses/" in name} == {"LICENSE"}


def test_the_wheel_installs_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        assert archive.read(name).decode() == "[console_scripts]\nblog = blog.__main__:main\n"


def test_the_wheel_does_not_require_test_dependencies(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        lines = archive.read(name).decode().splitlines()
    needed = {line.split(": ")[1] for line in lines if line.startswith("Requires-Dist: ") and "extra ==" not in line}

    assert needed
    assert not [line for line in needed if line.startswith(("pytest", "hypothesis", "httpx", "coverage", "hatchling"))]


def test_the_wheel_does_not_have_the_name_of_a_foreign_package_on_pypi() -> None:
    assert _PROJECT["name"] == "hexablog"
    assert _PROJECT["scripts"] == {"blog": "blog.__main__:main"}


def test_the_wheel_says_asgi_and_not_wsgi() -> None:
    assert not [classifier for classifier in _PROJECT["classifiers"] if "WSGI" in classifier]
    assert "ASGI" in _PROJECT["keywords"]


def test_nothing_tells_a_reader_to_install_from_pypi_what_is_not_published() -> None:
    sources = [*_ROOT.glob("*.md"), _ROOT / "Makefile", *(file for part in _TOLD for file in (_ROOT / part).rglob("*"))]
    texts = {
        file: file.read_text(encoding="utf-8")
        for file in sources
        if file.suffix in {".md", ".py", ""} and file.is_file()
    }
    told = {(file, name) for file, text in texts.items() for name in _INSTALLED.findall(text)}

    assert len(texts) > 100
    assert {name for _, name in told} >= {".[postgres]"}
    assert {(file, name) for file, name in told if name.startswith(("blog", "hexablog"))} == set()


def test_make_run_says_how_to_get_the_command_and_another_port() -> None:
    makefile = (_ROOT / "Makefile").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^run:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)

    assert ". $(BIN)/activate" in recipe
    assert "BLOG_PORT=8001 make run" in recipe


def _floor_and_ceiling(line: str) -> tuple[Version, Version]:
    """From which version on a dependency is taken, and from which on no more."""
    bounds = {each.operator: Version(each.version) for each in Requirement(line).specifier}
    assert set(bounds) == {">=", "<"}, line
    return bounds[">="], bounds["<"]


@pytest.mark.parametrize(
    "line",
    [
        line
        for part in (_PROJECT["dependencies"], *_EXTRAS.values())
        for line in part
        if not line.startswith("hexablog[")
    ],
)
def test_every_dependency_has_a_floor_and_ends_before_another_major_version(line: str) -> None:
    floor, ceiling = _floor_and_ceiling(line)

    assert floor < ceiling
    assert ceiling.major <= floor.major + 1


@pytest.mark.parametrize(("name", "safe"), [("litestar", "2.20"), ("msgspec", "0.22")])
def test_no_version_with_a_known_vulnerability_satisfies_the_requirements(name: str, safe: str) -> None:
    (line,) = (line for line in _PROJECT["dependencies"] if Requirement(line).name == name)

    assert _floor_and_ceiling(line)[0] >= Version(safe)


def test_deployments_are_given_what_the_project_asks_for_and_by_hashes_alone() -> None:
    pins = pins_in(DEPLOY.read_text(encoding="utf-8"))

    assert len(pins) > len(_DEPLOYED) > 10
    assert drift(_DEPLOYED, pins) == []


def test_deployments_are_not_tied_to_the_machine_that_made_the_pins() -> None:
    pins = {pin.name: pin for pin in pins_in(DEPLOY.read_text(encoding="utf-8"))}

    assert {"sys_platform == 'win32'", "sys_platform != 'win32'"} <= {pin.marker for pin in pins.values()}
    assert len(pins["psycopg-binary"].hashes) >= 4 * 5, "wheels of four Pythons for Linux (two), musl (two), macOS"
    assert all(len(pins[name].hashes) > 20 for name in ("httptools", "msgspec", "sqlalchemy"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"other==1.0 {_HASH}\n", "litestar<3,>=2.25 is not pinned"),
        (f"litestar==2.24 {_HASH}\n", "litestar 2.24 is not what is asked for: litestar<3,>=2.25"),
        (f"litestar==3.0 {_HASH}\n", "litestar 3.0 is not what is asked for: litestar<3,>=2.25"),
        ("litestar==2.25.0\n", "litestar 2.25.0 has no hash"),
        (f"litestar==2.25 {_HASH}\nlitestar==2.26 {_HASH}\n", "litestar 2.25 is pinned twice"),
    ],
)
def test_pins_that_are_not_what_the_project_asks_for_are_noticed(text: str, fault: str) -> None:
    assert drift([Requirement("litestar>=2.25,<3")], pins_in(text)) == [fault]


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://pypi.org/simple",
        "--extra-index-url file:///opt/pypi/simple",
        "-i https://pypi.org/simple",
        "--find-links /opt/wheels",
        "--trusted-host example.org",
        "-e .",
        "-r other.txt",
        "./dist/hexablog.whl",
        f"hexablog @ file:///work/hexablog.whl {_HASH}",
        f"litestar @ https://example.org/litestar.whl {_HASH}",
        f"litestar>=2.25 {_HASH}",
        "litestar==2.25.0 --hash=md5:0",
        f"litestar==2.25.0 ; python_version > '3' {_HASH} --index-url https://example.org",
        f"litestar==2.25.0 {_HASH} https://example.org",
    ],
)
def test_nothing_but_pins_is_in_the_file_of_pins(line: str) -> None:
    with pytest.raises(NotAPin):
        pins_in(f"# made by hand\nmsgspec==0.22.0 \\\n    {_HASH}\n{line}\n")


def test_the_security_policy_publishes_how_a_token_looks() -> None:
    assert f"\n{TOKEN_PATTERN}\n" in (_ROOT / "SECURITY.md").read_text(encoding="utf-8")


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())
