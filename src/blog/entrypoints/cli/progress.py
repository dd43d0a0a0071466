"""A progress bar on standard error, if that is a terminal, and messages beside it."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from .printing import print_error

_Row = TypeVar("_Row")


def is_shown() -> bool:
    """Return whether the bar is shown."""
    return sys.stderr.isatty()


def progress(rows: Iterable[_Row], *, doing: str, total: int | None = None) -> Iterator[_Row]:
    """Return the rows as they come, and show the progress, out of `total` if that is known."""
    with tqdm(
        rows, desc=doing, total=total, unit=" posts", file=sys.stderr, leave=False, disable=not is_shown()
    ) as bar:
        yield from bar


def print_beside(text: str) -> None:
    """Print an error without breaking the bar."""
    with tqdm.external_write_mode(file=sys.stderr):
        print_error(text)
