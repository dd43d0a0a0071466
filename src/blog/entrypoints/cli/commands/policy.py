"""Print the table of who may do what."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from blog.domain.policy import PolicyEntry, Role, table
from blog.settings import Settings

_HEAD: Final = ("", "scope", *(role.value for role in Role))
_LEGEND: Final = (
    "own: only what the user owns; others: only what others own. A token needs the scope.\n"
    "The operator is the person at the console, who needs no token."
)


def policy(_: Settings, *, markdown: bool) -> None:
    """Print the table as text or Markdown."""
    print(as_markdown() if markdown else as_text())


def as_text() -> str:
    """Return the table, aligned for a terminal."""
    rows = [_HEAD, *_rows()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", _LEGEND])


def as_markdown() -> str:
    """Return the table in Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD), *_rows()]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", _LEGEND.replace("\n", " ")])


def _rows() -> Iterator[tuple[str, ...]]:
    for action, cells in groupby(table(), lambda cell: cell.action):
        by_role = {role: _word(list(of_role)) for role, of_role in groupby(cells, lambda cell: cell.role)}
        yield action.description, action.scope or "-", *(by_role[role] for role in Role)


def _word(cells: list[PolicyEntry]) -> str:
    allowed = {cell.own for cell in cells if cell.allowed}
    if len(allowed) == len(cells):
        return "yes"
    return "own" if allowed == {True} else "others" if allowed else "-"
