"""How far a long command has come: a bar on standard error, if that is a terminal, and what is said beside it."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from .printing import print_error

_Row = TypeVar("_Row")


def is_shown() -> bool:
    """Whether anybody sees a bar."""
    return sys.stderr.isatty()


def progress(rows: Iterable[_Row], *, doing: str, total: int | None = None) -> Iterator[_Row]:
    """The rows, as they come: `total` of them, if that is known."""
    with tqdm(
        rows, desc=doing, total=total, unit=" posts", file=sys.stderr, leave=False, disable=not is_shown()
    ) as bar:
        yield from bar


def say_beside(text: str) -> None:
    """Say one line without tearing the bar."""
    with tqdm.external_write_mode(file=sys.stderr):
        print_error(text)
