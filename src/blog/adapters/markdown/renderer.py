"""A Markdown renderer that stays within a budget."""

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from blog.domain.posts.markdown import shorten

from .budget import Budget, BudgetExceeded

if TYPE_CHECKING:
    from .parser import FirstParagraph

_BEGINNING: Final = 2000
"""Characters in which a first paragraph is looked for."""
_PARAGRAPH_STEPS: Final = 4000
"""Steps of looking for a first paragraph: some 10 ms at worst. That of an ordinary text takes some hundred."""
_MAX_DEFINITIONS: Final = 50
"""Definitions of links and footnotes that count for the first paragraph. They may stand anywhere in the text."""

_LINE: Final = r"[^\W\d_][^\\`*_\[\]<>&~|^\n\r]*"
_plain_paragraph = re.compile(rf"{_LINE}(?:\n{_LINE})*(?=\n[ \t]*(?:\n|\Z)|\Z)")
"""A paragraph without markup, whose lines begin with a letter, at the beginning of a text."""
_definition = re.compile(r"^ {0,3}\[[^\]\n]+\]:[^\n]*$", re.MULTILINE)


class MarkdownItMarkdownRenderer:
    """A `MarkdownRenderer` with markdown-it-py."""

    def first_paragraph(self, text: str) -> str:
        beginning = text[:_BEGINNING]
        if found := _plain_paragraph.match(beginning):
            return shorten(found[0])
        try:
            return self._first_paragraph.find(beginning, _definitions_in(text), Budget(_PARAGRAPH_STEPS))
        except BudgetExceeded:
            return shorten(beginning)

    @cached_property
    def _first_paragraph(self) -> "FirstParagraph":
        from .parser import FirstParagraph  # noqa: PLC0415 - markdown-it takes 40 ms to import

        return FirstParagraph()


def _definitions_in(text: str) -> str:
    """Return the definitions of links and footnotes in a text, of which each has one line."""
    if "]:" not in text:
        return ""
    found = (each[0] for each in _definition.finditer(text))
    return "\n\n".join(line for line, _ in zip(found, range(_MAX_DEFINITIONS), strict=False) if len(line) <= _BEGINNING)
