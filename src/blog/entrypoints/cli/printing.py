"""What is printed: one line each, whatever the text in it."""

import sys
from datetime import datetime
from typing import TypeAlias

Cell: TypeAlias = str | int | datetime | None


def print_error(text: str) -> None:
    """Say one line about what is done, which is not what was asked for."""
    print(f"blog: {safe(text)}", file=sys.stderr)


def print_hint(text: str) -> None:
    """Say one line to go with what is printed, for whoever reads and not for a program."""
    print(safe(text), file=sys.stderr)


def print_row(*cells: Cell) -> None:
    """Print one line of cells with tabs between."""
    print("\t".join(safe(_text(cell)) for cell in cells))


def safe(text: str) -> str:
    """The text without what would move the cursor, hide, or end the line."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def utc(at: datetime) -> str:
    """A moment as people read it."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _text(cell: Cell) -> str:
    if cell is None:
        return "-"
    return utc(cell) if isinstance(cell, datetime) else str(cell)
