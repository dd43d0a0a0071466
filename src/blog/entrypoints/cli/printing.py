"""Print one line for each message or row, whatever text it contains."""

import sys
from datetime import datetime
from typing import TypeAlias

Cell: TypeAlias = str | int | datetime | None


def print_error(text: str) -> None:
    """Print an error or a warning on standard error."""
    print(f"blog: {safe(text)}", file=sys.stderr)


def print_hint(text: str) -> None:
    """Print a hint for people on standard error, so that programs do not read it."""
    print(safe(text), file=sys.stderr)


def print_row(*cells: Cell) -> None:
    """Print a line of cells, separated by tabs."""
    print("\t".join(safe(_text(cell)) for cell in cells))


def safe(text: str) -> str:
    """Escape the characters that would move the cursor, hide text, or end the line."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def utc(at: datetime) -> str:
    """Return a time for people to read."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _text(cell: Cell) -> str:
    if cell is None:
        return "-"
    return utc(cell) if isinstance(cell, datetime) else str(cell)
