"""The documents name what is there, and all of it."""

import ast
import asyncio
import io
import re
import subprocess
import sys
import tokenize
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from tools import draw_imports

import blog.testing.contracts
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.entrypoints.cli.markdown.parsed_files import NAMES
from blog.entrypoints.cli.parser import commands_of, parser
from blog.entrypoints.http import create_app
from blog.settings import setting_fields

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "blog"
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), ROOT / "benchmarks" / "README.md", *DOCS.glob("**/*.md")])
SITE = sorted(DOCS.glob("**/*.md"))
RELATIVE_CLAUSE = re.compile(
    r"(?:^|[.!?:;|] )(?:[-*#>]+ |\d+\. )*(?:\*\*)?"
    r"((?:Who|Whoever|Whose|What|Whatever|Where|Wherever|How(?:ever)? (?:many|much|often)"
    r"|Of (?:\w+ ){1,3}(?:who|that|which))\b[^.!?|]*[.!?|]?)",
    re.MULTILINE,
)
FOREIGN_NAMES = {
    "HttpClient",
    "IsOwnerOrReadOnly",
    "ModelViewSet",
    "TokenAuthentication",
    "UV_DEFAULT_INDEX",
    "UnitOfWork",
    "create_all",
    "mod_deflate",
    "pg_dump",
    "sqlite3_interrupt",
    "synchronous_commit",
    "updatedDate",
}
"""Names in documents that are other programs', and look like ours."""
METHODS = {"get", "post", "put", "patch", "delete"}


def test_the_architecture_lists_the_files_that_the_tutorial_changes_for_a_field() -> None:
    patched = re.findall(r"^\+\+\+ b/src/blog/(.+)$", (DOCS / "tutorials/add-a-field.patch").read_text(), re.MULTILINE)
    row = next(line for line in ARCHITECTURE.splitlines() if line.startswith("| a field of a post |"))
    table = (DOCS / "tutorials/add-a-field.md").read_text(encoding="utf-8")
    migrations = [path for path in patched if "/migrations/" in path]
    assert sorted(re.findall(r"^\| `(\S+)`", table, re.MULTILINE)) == sorted(patched)
    assert sorted(re.findall(r"`(\S+)`", row)) == sorted({*patched} - {*migrations})
    assert len(migrations) == row.count("a migration") == 1


def test_the_picture_of_the_imports_is_the_one_that_is_drawn_from_the_code() -> None:
    begin, end = draw_imports.BEGIN, draw_imports.END
    assert draw_imports.picture() == ARCHITECTURE.partition(begin)[2].partition(end)[0]


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:domain|adapters|entrypoints)/[\w/]+\.py)`", ARCHITECTURE)))
)
def test_every_file_that_the_architecture_names_exists(path: str) -> None:
    assert (SOURCE / path).exists()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130


def test_the_settings_page_has_every_setting_and_no_other() -> None:
    assert first_cells("settings.md", r"`(BLOG_[A-Z0-9_]+)`") == {
        f"BLOG_{each.name.upper()}" for each in setting_fields()
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_no_setting_that_does_not_exist(document: Path) -> None:
    known = {f"BLOG_{each.name.upper()}{end}" for each in setting_fields() for end in ("", "_FILE")}
    named = set(re.findall(r"\bBLOG_[A-Z0-9_]*[A-Z0-9]\b", document.read_text(encoding="utf-8")))
    assert {name for name in named if not name.startswith("BLOG_TEST_")} <= known


def test_the_commands_page_has_every_command_and_no_other() -> None:
    named = first_cells("commands.md", r"`blog ([a-z-]+(?: [a-z-]+)?)")
    groups = {name.split()[0] for name in commands() if " " in name}
    assert {name if name.split()[0] in groups else name.split()[0] for name in named} == commands()


def test_the_front_matter_page_has_every_member_and_every_other_name() -> None:
    text = (DOCS / "front-matter.md").read_text(encoding="utf-8")
    assert first_cells("front-matter.md", r"`(\w+)` \| (?:no|unless|yes)") == set(NAMES)
    assert {name for names in NAMES.values() for name in names} <= {
        name.lower() for name in re.findall(r"`(\w+)`", text)
    }


def test_the_page_of_the_http_api_has_every_operation_and_no_other() -> None:
    assert first_cells("http-api.md", r"`([A-Z]+ /\S+)`") == operations()


def test_the_tutorials_show_every_request_about_posts() -> None:
    pages = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("tutorial.md", "writing.md"))
    requests = re.findall(r"^\$ .*curl (.*?)['\"]?http://127\.0\.0\.1:8000(/[^\s'\"?]*)", pages, re.MULTILINE)
    methods = [re.search("-X ([A-Z]+)", options) for options, _ in requests]
    shown = [f"{method[1] if method else 'GET'} {path}" for method, (_, path) in zip(methods, requests, strict=True)]
    if '\n$ curl -s "$LINK"\n' in pages:  # the URL of a preview link
        shown.append("GET /api/previews/SECRET/")
    about_posts = {each for each in operations() if re.search(r" /api/(?:posts|tags|trash|previews)/", each)}
    assert len(about_posts) > 25
    for operation in about_posts:
        pattern = re.sub(r"\{\w+\}", "[^/]+", operation)
        assert any(re.fullmatch(pattern, each) for each in shown), operation


def test_the_page_about_extending_has_every_contract_and_its_fixtures() -> None:
    text = (DOCS / "extending.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+(?:Contract|Machine)`.*?) \|.*\| (.*) \|$", text, re.MULTILINE)
    contracts = {name: fixtures for names, fixtures in rows for name in re.findall(r"`(\w+)`", names)}
    assert set(contracts) == {name for name in blog.testing.contracts.__all__ if name.endswith(("Contract", "Machine"))}
    for name, fixtures in contracts.items():
        words = set(re.findall(r"`([a-z_]+)[`(]", fixtures))
        assert words & set(dir(getattr(blog.testing.contracts, name))), f"{name} has no fixture of {words}"


def test_every_decision_is_in_their_index() -> None:
    index = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    pages = sorted(path.name for path in (DOCS / "decisions").glob("[0-9]*.md"))
    assert re.findall(r"\((\d{4}-[\w-]+\.md)\)", index) == pages


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", SITE, ids=lambda path: path.name)
def test_a_page_of_the_site_links_to_pages_of_the_site(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).resolve().is_relative_to(DOCS), target


def test_the_security_page_has_the_policy_as_it_is_printed() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "blog", "policy", "--markdown"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    text = (DOCS / "security.md").read_text(encoding="utf-8")
    table = text.partition("<!-- policy: begin -->\n")[2].partition("<!-- policy: end -->")[0]
    assert table.splitlines() == [line for line in printed.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_heading_of_a_document_has_a_blank_line_before_and_after_it(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    lines = ["", *text.splitlines(), ""]
    headings = [at for at, line in enumerate(lines) if re.match("#+ ", line)]
    assert [lines[at] for at in headings if lines[at - 1] or lines[at + 1]] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_heading_leads_to_one(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([\w-]+)\)", text):
        page = document.parent / target if target else document
        headings = re.findall("^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}, anchor


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_sentence_of_a_document_begins_with_a_relative_clause(document: Path) -> None:
    assert relative_clauses(document.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("folder", ["src", "tests", "tools", "benchmarks", "examples", "fault_tests", "supply_chain"])
def test_no_sentence_of_a_docstring_or_comment_begins_with_a_relative_clause(folder: str) -> None:
    files = sorted(path for path in (ROOT / folder).rglob("*.py") if ".venvs" not in path.parts)
    found = [f"{path.relative_to(ROOT)}: {clause}" for path in files for clause in clauses_in_code(path)]
    assert len(files) > 0
    assert found == []


def clauses_in_code(path: Path) -> list[str]:
    """Return the sentences of a module's docstrings and comments that begin with a relative clause."""
    source = path.read_text(encoding="utf-8")
    nodes = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    texts += [token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT]
    return [clause for text in texts for clause in relative_clauses(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It is so. Whoever waits, waits.", ["Whoever waits, waits."]),
        ("* **What is kept** stays.", ["What is kept** stays."]),
        ("| Of two who edit | one |", ["Of two who edit |"]),
        ("## Where it goes", ["Where it goes"]),
        ("However many wait, one is first.", ["However many wait, one is first."]),
        ("Of the first two who edit, one wins.", ["Of the first two who edit, one wins."]),
        ("How many times as fast as others", ["How many times as fast as others"]),
        ("What is it? It waits where it is.", []),
        ("However, it waits. Whether it waits.", []),
        ("```python\nWhat is kept.\n```", []),
    ],
)
def test_relative_clauses_are_found_and_questions_are_not(text: str, found: list[str]) -> None:
    assert relative_clauses(text) == found


def relative_clauses(text: str) -> list[str]:
    """Return the sentences that begin with a relative clause, outside of code. A question is none."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [found for found in RELATIVE_CLAUSE.findall(prose) if not found.endswith("?")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_code_as_it_is_called_today(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    names = re.findall(r"`_?[A-Za-z][\w.]*(?:\(.*?\))?`", text)
    ours = {word for name in names for word in re.findall(r"\w+", name.partition("(")[0]) if _looks_like_code(word)}
    assert ours - words_of_the_code() - FOREIGN_NAMES == set(), (
        "renamed or removed? if it is another program's, FOREIGN_NAMES"
    )


def _looks_like_code(word: str) -> bool:
    return re.search(r"\w_\w|[a-z][A-Z]", word) is not None


@cache
def words_of_the_code() -> set[str]:
    """Return every word of the project's Python files and of its configuration."""
    files = [ROOT / "pyproject.toml", ROOT / "Makefile"]
    for folder in ("src", "tests", "tools", "examples", "fault_tests", "supply_chain"):
        files += (ROOT / folder).rglob("*.py")
    files += (ROOT / "benchmarks").glob("*.py")
    return {word for file in files if file != Path(__file__) for word in re.findall(r"\w+", file.read_text("utf-8"))}


def first_cells(page: str, pattern: str) -> set[str]:
    """Return what a pattern finds at the beginnings of the rows of a page's tables."""
    return set(re.findall(rf"^\| {pattern}", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE))


def commands() -> set[str]:
    """Return the names of all commands, those of groups with the group before them."""
    return {name for name, _ in commands_of(parser())}


def operations() -> set[str]:
    """Return `METHOD /path` of all operations in the OpenAPI document."""

    async def document() -> Any:
        transport = httpx.ASGITransport(create_app(create_blog(MemoryStore())))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.get("/schema/openapi.json")).json()

    paths = asyncio.run(document())["paths"]
    return {f"{method.upper()} {path}" for path, members in paths.items() for method in METHODS & set(members)}
