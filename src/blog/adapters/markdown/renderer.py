"""A Markdown renderer that stays within a budget."""

import re
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Final

from blog.domain.posts.markdown import Check, go_on, shorten

from .budget import Budget, BudgetExceeded
from .kept_html import KeptHtml, key_of

if TYPE_CHECKING:
    from .html import HtmlRenderer
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


STEPS: Final = 300_000
"""Steps of rendering a text, of which each takes 1 to 4 µs. An ordinary text of 100,000 characters takes 180,000."""

VERSION: Final = "2"
"""The version of the HTML. It is a part of the key under which HTML is kept."""

_WAIT: Final = 0.05
"""Seconds after which a thread that waits for another one asks whether its own client is still there."""


class MarkdownItMarkdownRenderer:
    """A `MarkdownRenderer` with markdown-it-py, Pygments and nh3, which keeps HTML in memory.

    One thread renders at a time: several would take turns in the interpreter, and might render the same text.

    Args:
        kept: the HTML that is kept, by text and version.
        version: of the HTML.
    """

    def __init__(self, kept: KeptHtml | None = None, version: str = VERSION) -> None:
        self._kept = kept or KeptHtml()
        self._version = version
        self._turn = Lock()

    def to_html(self, text: str, check: Check = go_on) -> str:
        key = key_of(text, self._version)
        if (found := self._kept.find(key)) is not None:
            return found
        while not self._turn.acquire(timeout=_WAIT):
            check()
        try:
            if (found := self._kept.find(key)) is not None:  # another thread has rendered it meanwhile
                return found
            html = self._renderer.html_of(text, Budget(STEPS, check))
        finally:
            self._turn.release()
        self._kept.put(key, html)
        return html

    def find_html(self, text: str) -> str | None:
        return self._kept.find(key_of(text, self._version))

    def first_paragraph(self, text: str) -> str:
        beginning = text[:_BEGINNING]
        if found := _plain_paragraph.match(beginning):
            return shorten(found[0])
        try:
            return self._first_paragraph.find(beginning, _definitions_in(text), Budget(_PARAGRAPH_STEPS))
        except BudgetExceeded:
            return shorten(beginning)

    @cached_property
    def _renderer(self) -> "HtmlRenderer":
        from .html import HtmlRenderer  # noqa: PLC0415 - markdown-it and Pygments take 60 ms to import

        return HtmlRenderer()

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
