"""The contract of `MarkdownRenderer`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.domain.posts.markdown import MAX_SUMMARY_LENGTH, MarkdownRenderer, shorten, validate_summary

from .fixtures import HOSTILE_TEXTS, require_fixture

_PARTS = """
**|__|*a_|`|``|[|]|![|](/x)|[a]: /b|[^1]|[^1]: |<|<b>|</b>|<!--|&|&nbsp;|&#0;|&lt;|\\|~~|^|- [ ] |1. |> |# |===|---|```
"""
_MARKUP = st.sampled_from([*_PARTS.strip().split("|"), "| a | b |\n|---|---|\n", "|", "\n", "\n\n", "    ", "\t", " "])
MARKDOWN = st.lists(_MARKUP | st.text(max_size=6) | st.sampled_from(["word", "Ångström", "ไทย"]), max_size=25).map(
    "".join
)
"""Texts with much markup."""


class MarkdownRendererContract:
    """Needs the fixture `renderer`."""

    @pytest.fixture
    def renderer(self) -> MarkdownRenderer:
        """The renderer to be tested."""
        require_fixture(self, "renderer", "your MarkdownRenderer")

    @pytest.mark.parametrize(
        ("text", "first"),
        [
            ("Hello *world*, [a link](/x)\nand `code`.\n\nThe second.", "Hello world, a link and code."),
            ("# A heading\n\nThe text.", "The text."),
            ("![a picture](/p.png)\n\nThe text.", "The text."),
            ("> A quotation.\n\nThe text.", "The text."),
            ("- an item\n- another", "an item"),
            ("# Nothing but a heading", "Nothing but a heading"),
            ("```python\nprint()\n```", "print()"),
            ("A note[^1] and [a reference][r].\n\n[^1]: Below.\n[r]: /x", "A note and a reference."),
            ("AT&amp;T &mdash; <b>bold</b>", "AT&T — <b>bold</b>"),
            ("![nothing else](/p.png)", ""),
            ("***", ""),
            ("", ""),
        ],
    )
    def test_the_first_paragraph_is_plain_text(self, renderer: MarkdownRenderer, text: str, first: str) -> None:
        assert renderer.first_paragraph(text) == first

    def test_a_long_paragraph_ends_after_a_word(self, renderer: MarkdownRenderer) -> None:
        found = renderer.first_paragraph("many *words* " * 10_000)
        assert found.endswith(("many…", "words…"))
        assert MAX_SUMMARY_LENGTH - 10 < len(found) <= MAX_SUMMARY_LENGTH

    @pytest.mark.parametrize("text", HOSTILE_TEXTS)
    def test_the_first_paragraph_of_a_hostile_text_is_a_summary(self, renderer: MarkdownRenderer, text: str) -> None:
        self._check_summary(renderer, text)

    def test_the_first_paragraph_of_every_text_is_a_summary(self, renderer: MarkdownRenderer) -> None:
        given(MARKDOWN)(lambda text: self._check_summary(renderer, text))()

    def _check_summary(self, renderer: MarkdownRenderer, text: str) -> None:
        found = renderer.first_paragraph(text)
        assert validate_summary("summary", found or None) == []
        assert found == shorten(found) == renderer.first_paragraph(text)
