"""A scenario gives the same results by the use cases, over HTTP and at the command line."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from tests.entrypoints.parity import Outcome, Scenario, UseCases
from tests.entrypoints.parity_entrypoints import COMMANDS, REQUESTS, Cli, Http

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
    """Return the expected outcome of a step."""
    sees = step.get("sees")
    return Outcome(step.get("refused"), tuple(step.get("fields", ())), None if sees is None else tuple(sees))


def assert_alike(one: Scenario, other: Scenario) -> None:
    """Run each step on both, and compare outcomes and states."""
    for number, step in enumerate(STORY):
        told = f"step {number}: {step}"
        assert one.run(step) == expected(step), told
        assert other.run(step) == expected(step), told
        assert one.state() == other.state(), told


def test_http_gives_the_same_results_and_errors_as_the_use_cases(http: Http) -> None:
    assert_alike(UseCases(), http)


def test_the_command_line_gives_the_same_results_and_errors_as_the_use_cases(cli: Cli) -> None:
    assert_alike(UseCases(), cli)


def test_the_scenario_covers_every_step_and_every_kind_of_error() -> None:
    done = Counter(step["do"] for step in STORY if "refused" not in step)
    assert set(done) == {*REQUESTS, "registration"} == {*COMMANDS, "registration"}
    refused = {step["refused"] for step in STORY if "refused" in step}
    assert refused == {kind.__name__ for kind in STATUS} - {
        "Unavailable",
        "PreconditionFailed",
        "KeyReused",
        "PostGone",
    }


def test_the_scenario_covers_every_command_on_users_and_tokens() -> None:
    known = {name for name, _ in commands_of(parser()) if " " in name}
    assert known == {" ".join(line.split()[:2]) for line, *_ in COMMANDS.values()} - {"audit --limit"}
