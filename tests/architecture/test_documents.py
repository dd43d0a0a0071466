"""The blog promises that its documents speak of what is there, and of all of it."""

import re
from pathlib import Path

import pytest
from tools import draw_imports

from blog.settings import setting_fields

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "blog"
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_the_picture_of_the_imports_is_the_one_that_is_drawn_from_the_code() -> None:
    begin, end = draw_imports.BEGIN, draw_imports.END
    assert draw_imports.picture() == ARCHITECTURE.partition(begin)[2].partition(end)[0]


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:domain|adapters|entrypoints)/[\w/]+\.py)`", ARCHITECTURE)))
)
def test_every_file_that_the_architecture_speaks_of_is_there(path: str) -> None:
    assert (SOURCE / path).exists()


def test_the_readme_names_every_setting_and_no_other() -> None:
    known = {f"BLOG_{setting.name.upper()}" for setting in setting_fields()}
    assert set(re.findall(r"\bBLOG_[A-Z0-9_]+\b", README)) - {"BLOG_DATABASE_URL_FILE"} == known


def test_every_decision_is_in_their_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert re.findall(r"\((\d{4}-[\w-]+\.md)\)", index) == pages


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (document.parent / target).exists(), target
