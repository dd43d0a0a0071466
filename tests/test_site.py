"""The documentation site is built without a warning, has every page, and loads nothing from other hosts."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from tests.servers import TIMEOUT
from tools.griffe_raises import one_exception_a_line

import blog

ROOT = Path(__file__).parents[1]
LOADED = {"audio", "embed", "iframe", "img", "link", "object", "script", "source", "video"}
"""Elements whose address a browser loads by itself. A link that a reader follows is none of them."""

pytest.importorskip("zensical", reason="the extra docs is not installed")

_foreign = re.compile(r"(?:https?:)?//")
_foreign_style = re.compile(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\"']+")


class Addresses(HTMLParser):
    """Collect the addresses that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in LOADED:
            self.found += [value or "" for name, value in attrs if name in {"src", "href", "data", "srcset"}]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    for name in ("src", "tools"):
        (folder / name).symlink_to(ROOT / name)
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert "griffe:" not in built.stdout + built.stderr, built.stdout + built.stderr
    return folder / "site"


def test_every_document_is_a_page(site: Path) -> None:
    documents = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    pages = {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")} - {Path("404")}
    assert {path.with_name("index") if path.name == "README" else path for path in documents} == pages


def test_the_site_loads_nothing_from_other_hosts(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        addresses = Addresses()
        addresses.feed(page.read_text(encoding="utf-8"))
        assert addresses.found
        assert not [each for each in addresses.found if _foreign.match(each)], page
    for style in site.rglob("*.css"):
        assert not _foreign_style.findall(style.read_text(encoding="utf-8")), style


def test_the_reference_has_every_public_name(site: Path) -> None:
    page = (site / "api.html").read_text(encoding="utf-8")
    assert [name for name in blog.__all__ if name != "__version__" and f'id="blog.{name}"' not in page] == []


def test_the_reference_has_the_use_cases_with_their_errors(site: Path) -> None:
    text = re.sub("<[^>]+>", " ", (site / "api.html").read_text(encoding="utf-8"))
    assert {"Posts", "update", "NotTheAuthor", "VersionConflict"} <= set(text.split())


def test_every_page_is_in_the_navigation_but_for_single_decisions() -> None:
    named = set(re.findall(r"[\w/-]+\.md", yaml.safe_dump(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert named == {page for page in pages if not re.match(r"decisions/\d", page)}


def test_exceptions_without_a_description_get_a_line_each() -> None:
    docstring = "Change it. A, B.\n\nRaises:\n    OutOfScope, NotFound.\n    Invalid: of the title.\n"
    assert one_exception_a_line(docstring) == (
        "Change it. A, B.\n\nRaises:\n    OutOfScope:\n    NotFound:\n    Invalid: of the title.\n"
    )
