"""The blog promises that one story comes out the same by the use cases, over HTTP, and at the command line."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from tests.entrypoints.doors import COMMANDS, REQUESTS, Cli, Http
from tests.entrypoints.parity import Outcome, Telling, UseCases

from blog.entrypoints.cli.parser import commands_of, parser
from blog.entrypoints.http.errors import STATUS

STORY: Final[list[dict[str, Any]]] = json.loads(Path(__file__).with_name("parity.json").read_text(encoding="utf-8"))


@pytest.fixture
def http() -> Iterator[Http]:
    with closing(Http()) as http:
        yield http


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    with closing(Cli(tmp_path, monkeypatch)) as cli:
        yield cli


def expected(step: dict[str, Any]) -> Outcome:
    """What the story says that comes of a step."""
    sees = step.get("sees")
    return Outcome(step.get("refused"), tuple(step.get("fields", ())), None if sees is None else tuple(sees))


def assert_alike(one: Telling, other: Telling) -> None:
    """Step by step, both end a step as the story says, and know the same after it."""
    for number, step in enumerate(STORY):
        told = f"step {number}: {step}"
        assert one.tell(step) == expected(step), told
        assert other.tell(step) == expected(step), told
        assert one.world() == other.world(), told


def test_http_does_what_the_use_cases_do_and_refuses_what_they_refuse(http: Http) -> None:
    assert_alike(UseCases(), http)


def test_the_command_line_does_what_the_use_cases_do_and_refuses_what_they_refuse(cli: Cli) -> None:
    assert_alike(UseCases(), cli)


def test_the_story_has_every_step_that_the_doors_know_done_and_refused_in_every_kind() -> None:
    done = Counter(step["do"] for step in STORY if "refused" not in step)
    assert set(done) == {*REQUESTS, "registration"} == {*COMMANDS, "registration"}
    refused = {step["refused"] for step in STORY if "refused" in step}
    assert refused == {kind.__name__ for kind in STATUS} - {"Unavailable", "PreconditionFailed", "KeyReused"}


def test_the_story_has_every_command_on_users_and_tokens() -> None:
    known = {name for name, _ in commands_of(parser()) if " " in name}
    assert known == {" ".join(line.split()[:2]) for line, *_ in COMMANDS.values()} - {"audit --limit"}
