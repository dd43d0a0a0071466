"""The port of the Markdown renderer, and the summary of a post."""

import re
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from blog.domain.errors import FieldError
from blog.domain.validation import CONTROLS, INVISIBLE, validate_text

MAX_SUMMARY_LENGTH: Final = 500

_line_break = re.compile(r"[\n\r\u2028\u2029]")
_visible = re.compile(f"[^{INVISIBLE}]")
_unsafe = re.compile(rf"[{CONTROLS}\ud800-\udfff]+")

Check: TypeAlias = Callable[[], None]
"""Raises an error if nobody waits for the result any longer."""


def go_on() -> None:
    """Let the work go on: a `Check` of work that nobody cancels."""


class MarkdownRenderer(Protocol):
    """Renders the body of a post, which is Markdown. Several threads call it at once.

    The result depends on the text alone: every process with the same version of the renderer returns the same.
    """

    def to_html(self, text: str, check: Check = go_on) -> str:
        """Return the text as HTML in which nothing can be executed, whatever the text is.

        A text takes two seconds of CPU time at most. One that would take longer is returned as plain paragraphs.

        Args:
            text: in Markdown.
            check: stops the work by an exception. It is called often.
        """

    def find_html(self, text: str) -> str | None:
        """Return the HTML if it is kept from an earlier call, else None. It takes no time."""

    def first_paragraph(self, text: str) -> str:
        """Return the first paragraph as plain text, as `shorten` returns it; empty, if there is none.

        It takes about as long as reading the beginning of the text, however long the text is.
        """


def shorten(text: str) -> str:
    """Return a text as the summary of a post: one line without control characters, of `MAX_SUMMARY_LENGTH` at most.
    A longer text ends after a word, with "…". A text without a visible character becomes empty.
    """
    line = " ".join(_unsafe.sub("", text).split())
    if len(line) > MAX_SUMMARY_LENGTH:
        start = line[: MAX_SUMMARY_LENGTH - 1]
        words = start if line[len(start)] == " " else start.rpartition(" ")[0]
        line = f"{(words or start).rstrip()}…"
    return line if _visible.search(line) else ""


def validate_summary(name: str, value: object) -> list[FieldError]:
    """Return the errors of the summary of a post. None stands for the first paragraph."""
    if value is None:
        return []
    if not isinstance(value, str):
        return [FieldError(name, "must be text, or null")]
    errors = validate_text(name, value, max_length=MAX_SUMMARY_LENGTH)
    if _line_break.search(value):
        errors.append(FieldError(name, "must be one paragraph, without line breaks"))
    return errors
