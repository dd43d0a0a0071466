"""Every Python and console block of the documents is run.

A console block has commands after `$ `, each followed by the output that it promises; `…` stands for any text.
A block that cannot run here is skipped by an HTML comment above it, which says why.
"""

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from unittest import SkipTest

import pytest
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser
from tests.servers import CHEAP, TIMEOUT, environment, started

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), ROOT / "benchmarks" / "README.md", *(ROOT / "docs").rglob("*.md")])
LANGUAGES = {"", "console", "json", "markdown", "mermaid", "nginx", "python", "sql"}
PUBLISHED = "http://127.0.0.1:8000"
"""The address of a blog in the documents. Tests serve on a free port, and translate."""

_serves = re.compile(r"(?:^|\s)blog serve\b")
_opening = re.compile(r"^```(\w*)\n(?:.*\n)*?```$", re.MULTILINE)
_json = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Step(NamedTuple):
    """A command, and the output that a document promises."""

    command: str
    output: str


def steps_in(block: str) -> list[Step]:
    """Return the commands of a console block. A backslash at the end of a line continues a command."""
    steps: list[Step] = []
    continues = False
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append(Step(line.removeprefix("$ "), ""))
        elif continues:
            steps[-1] = Step(f"{steps[-1].command}\n{line}", "")
        elif line:
            steps[-1] = Step(steps[-1].command, f"{steps[-1].output}{line}\n")
        continues = line.endswith("\\")
    return steps


class Console:
    """A terminal in a folder of its own. Shell variables live as long as the terminal, and so do servers."""

    def __init__(self, folder: Path, servers: contextlib.ExitStack) -> None:
        self._folder, self._servers, self._url = folder, servers, PUBLISHED
        self._variables = folder / ".variables"
        self._variables.touch()

    def __call__(self, example: Example) -> None:
        steps = steps_in(example.parsed)
        assert steps, "a console block without a command"
        for step in steps:
            output = self._run(step.command.replace(PUBLISHED, self._url)).replace(self._url, PUBLISHED)
            assert is_as_promised(output, step.output), f"$ {step.command}\n{output}\nis not:\n{step.output}"

    def _run(self, command: str) -> str:
        if _serves.search(command):
            return self._serve(command)
        if command.startswith("make "):
            return self._shell(
                f"make --dry-run --directory {shlex.quote(str(ROOT))} {command.removeprefix('make ')}", ""
            )
        return self._shell(command, f"set -a; . {self._variables}; ") if command else ""

    def _serve(self, command: str) -> str:
        words = [word for word in shlex.split(command) if word not in {"blog", "serve"}]
        variables = dict(word.split("=", 1) for word in words if re.match(r"BLOG_\w+=", word))
        options = [word for word in words if word.partition("=")[0] not in variables]
        with contextlib.suppress(ValueError):
            del options[(at := options.index("--port")) : at + 2]
        server = self._servers.enter_context(
            started("serve", "--port", "0", *options, cwd=self._folder, extra=variables)
        ).wait_ready()
        self._url = server.url
        return server.greeting

    def _shell(self, command: str, before: str) -> str:
        after = f"\nstatus=$?; export -p | grep -v ' PWD=' > {self._variables}; exit $status"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", f"{before}{command}{after}"],
            cwd=self._folder,
            env=environment(CHEAP | {"PATH": path, "NO_PROXY": "*"}),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout


def is_as_promised(output: str, promised: str) -> bool:
    """Compare output with a document. A document that shows no output promises none in particular."""
    pattern = ".*".join(re.escape(part) for part in promised.strip().split("…"))
    return not promised or re.fullmatch(pattern, output.strip(), re.DOTALL) is not None


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with contextlib.ExitStack() as servers:
        yield Console(tmp_path, servers)


def examples_in(document: Path, console: Console) -> Sequence[Example]:
    return list(
        Document.parse(str(document), PythonCodeBlockParser(), CodeBlockParser("console", console), SkipParser())
    )


@pytest.mark.parametrize(
    "document",
    [document for document in DOCUMENTS if re.search(r"```(python|console)", document.read_text(encoding="utf-8"))],
    ids=lambda path: path.name,
)
def test_every_example_of_a_document_runs(
    document: Path, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for example in examples_in(document, console):
        with contextlib.suppress(SkipTest):
            example.evaluate()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_block_of_a_document_names_a_language_that_is_known(document: Path) -> None:
    assert set(_opening.findall(document.read_text(encoding="utf-8"))) <= LANGUAGES


def test_every_block_of_json_is_json() -> None:
    blocks = [block for document in DOCUMENTS for block in _json.findall(document.read_text(encoding="utf-8"))]
    assert len(blocks) > 0
    assert all(isinstance(json.loads(block), dict) for block in blocks)


def test_the_console_finds_commands_and_their_output() -> None:
    block = "$ curl -s /x \\\n     -d 1\n{}\n\n$ blog serve\n"
    assert steps_in(block) == [Step("curl -s /x \\\n     -d 1", "{}\n"), Step("blog serve", "")]


@pytest.mark.parametrize(
    ("output", "promised", "holds"),
    [("a1b\n", "a…b", True), ("a\nb", "a…", True), ("ab", "", True), ("ab", "a", False), ("ab", "b…", False)],
)
def test_output_is_compared_with_the_document(output: str, promised: str, holds: bool) -> None:  # noqa: FBT001
    assert is_as_promised(output, promised) is holds
