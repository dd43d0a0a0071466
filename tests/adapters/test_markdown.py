"""The Markdown renderer: its contract, and that its short cuts change nothing."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.adapters.markdown import MarkdownItMarkdownRenderer
from blog.adapters.markdown.budget import Budget, BudgetExceeded
from blog.adapters.markdown.parser import FirstParagraph
from blog.domain.posts.markdown import MarkdownRenderer, shorten
from blog.testing.contracts import MarkdownRendererContract
from blog.testing.contracts.markdown import MARKDOWN

RENDERER: Final = MarkdownItMarkdownRenderer()
PARSER: Final = FirstParagraph()


class TestMarkdownItMarkdownRenderer(MarkdownRendererContract):
    @pytest.fixture
    def renderer(self) -> MarkdownRenderer:
        return RENDERER


_LINES = st.text(st.sampled_from("aé中 \t.,;:!?'\"()/-+#=1$%@{}\x0b\x0c\u2028\u00a0\r"), max_size=8)


@given(st.lists(_LINES, max_size=6).map("\n".join) | MARKDOWN)
def test_a_paragraph_without_markup_is_read_as_the_parser_reads_it(text: str) -> None:
    assert RENDERER.first_paragraph(text) == PARSER.find(text, "", Budget(10**6)) or "]:" in text


def test_definitions_count_wherever_they_stand() -> None:
    text = "See [here][a] and [there].[^b]\n\n" + "word " * 10_000 + "\n\n[a]: /a\n[there]: /b\n[^b]: note\n"
    assert RENDERER.first_paragraph(text) == "See here and there."


def test_a_text_that_takes_too_many_steps_is_shown_as_it_is() -> None:
    text = "![" * 50_000
    with pytest.raises(BudgetExceeded):
        PARSER.find(text[:2000], "", Budget(4000))
    assert RENDERER.first_paragraph(text) == shorten(text[:2000])
