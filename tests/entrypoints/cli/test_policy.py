"""The printed policy follows the rules."""

from pathlib import Path

import pytest
from tests.entrypoints.cli.conftest import Run

from blog.domain.policy import Action, Role, table

WIDEST = 100


def test_the_policy_is_printed_as_a_table(run: Run) -> None:
    said = run("policy").said

    lines = said.splitlines()
    assert max(map(len, lines)) <= WIDEST
    assert lines[0].split() == ["scope", "anonymous", "user", "admin", "operator"]
    assert [line.partition("  ")[0] for line in lines[1 : len(Action) + 1]] == [action.description for action in Action]
    cells = [line.split() for line in lines]
    assert ["change", "a", "post", "posts:write", "-", "own", "own", "-"] in cells
    assert ["read", "the", "audit", "log", "admin", "-", "-", "yes", "yes"] in cells


def test_the_policy_as_markdown_is_the_same(run: Run) -> None:
    cells = [line.strip("| ").split(" | ") for line in run("policy", "--markdown").said.splitlines()]

    assert ["change a post", "posts:write", "-", "own", "own", "-"] in cells
    assert ["publish, schedule or unpublish a post", "posts:publish", "-", "own", "own", "-"] in cells
    assert ["read the audit log", "admin", "-", "-", "yes", "yes"] in cells
    assert [row[0] for row in cells if len(row) == 6] == ["---", *(action.description for action in Action)]


@pytest.mark.parametrize("action", Action, ids=lambda action: action.name)
def test_every_cell_of_the_printed_policy_follows_the_rules(run: Run, action: Action) -> None:
    (line,) = (
        line for line in run("policy", "--markdown").said.splitlines() if line.startswith(f"| {action.description} |")
    )

    words = dict(zip(Role, line.strip("| ").split(" | ")[2:], strict=True))
    for cell in (cell for cell in table() if cell.action is action):
        allowed = words[cell.role] in {"yes", {True: "own", False: "others", None: "yes"}[cell.own]}
        assert allowed == cell.allowed, cell


def test_the_policy_needs_no_database(run: Run, tmp_path: Path) -> None:
    assert run("policy").status == 0
    assert list(tmp_path.iterdir()) == []
