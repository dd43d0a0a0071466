"""The blog promises that its documents speak of what is there, and of all of it."""

import re
from pathlib import Path

import pytest

from blog.settings import setting_fields

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "blog"
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

CODE_MAP = ARCHITECTURE.partition("```\n")[2].partition("```")[0]
MODULES = sorted(
    path.relative_to(SOURCE)
    for path in SOURCE.rglob("*.py")
    if path.stem[0] != "_" and "migrations" not in path.parts and "contracts" not in path.parts
)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_the_code_map_has_every_module_in_its_place(module: Path) -> None:
    assert str(module) in mapped()


def test_the_code_map_has_nothing_that_is_not_there() -> None:
    assert mapped() - {str(module) for module in MODULES} == set()


def mapped() -> set[str]:
    """The modules in the code map, by the folders that they are indented under."""
    found: set[str] = set()
    folders: list[tuple[int, str]] = []
    for line in CODE_MAP.partition("src/blog/\n")[2].partition("\nexamples/")[0].splitlines():
        indent = len(line) - len(line.lstrip())
        folders = [folder for folder in folders if folder[0] < indent]
        if folder := re.match(r" *(\w+)/", line):
            folders.append((indent, folder[1]))
        found |= {"/".join([*(name for _, name in folders), file]) for file in re.findall(r"\b\w+\.py\b", line)}
    return found


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
