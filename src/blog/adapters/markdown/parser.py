"""The parser: CommonMark with tables, strikethrough and footnotes. HTML in a text stays text."""

import sys
from contextlib import suppress
from itertools import chain, pairwise
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from blog.domain.posts.markdown import shorten

from .budget import Budget, counted
from .sanitizing import is_allowed

MAX_NESTING: Final = 40
"""Blocks within blocks. Quotes and lists within each other are read once for each level."""


def new_parser() -> MarkdownIt:
    """Return a parser whose rules count their steps in `env["budget"]`."""
    # Twice the nesting that is refused: the parser itself would leave out what is deeper, without a word.
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 2 * MAX_NESTING})
    parser.enable(["table", "strikethrough"])
    parser.use(footnote_plugin, inline=False)
    parser.validateLink = is_allowed  # type: ignore[assignment,method-assign] # as markdown-it's documentation has it
    for ruler in (parser.block.ruler, parser.inline.ruler, parser.inline.ruler2):
        for rule in ruler.__rules__:
            rule.fn = counted(rule.fn, MAX_NESTING if ruler is parser.block.ruler else sys.maxsize)
        ruler.__compile__()
    return parser


def parse_inline(parser: MarkdownIt, text: str, env: dict[str, Any]) -> list[Token]:
    """Return the tokens of the text of one block."""
    return parser.inline.parse(text, parser, env, [])


class FirstParagraph:
    """Finds the first paragraph of a text."""

    def __init__(self) -> None:
        self._parser = new_parser()
        ruler = self._parser.block.ruler
        (rule,) = (rule for rule in ruler.__rules__ if rule.name == "paragraph")
        self._read_paragraph = rule.fn
        rule.fn = self._stop_after_paragraph
        ruler.__compile__()

    def find(self, text: str, definitions: str, budget: Budget) -> str:
        """Return the first paragraph with text; without one, the first other text, such as that of a list.

        Args:
            text: in Markdown.
            definitions: definitions of links, to which the text may refer.
            budget: bounds the steps.

        Raises:
            BudgetExceeded.
        """
        env: dict[str, Any] = {"budget": budget}
        self._blocks(definitions, env)
        env["stops"] = True
        tokens = self._blocks(text, env)
        if tokens and tokens[-1].type == "paragraph_close" and (found := self._text_of(tokens[-2], env)):
            return found
        del env["stops"]
        tokens = self._blocks(text, env)
        paragraphs = (
            token for before, token in pairwise(tokens) if before.type == "paragraph_open" and before.level == 0
        )
        return next(filter(None, (self._text_of(token, env) for token in chain(paragraphs, tokens))), "")

    def _blocks(self, text: str, env: dict[str, Any]) -> list[Token]:
        tokens: list[Token] = []
        with suppress(_Found):
            self._parser.block.parse(text, self._parser, env, tokens)
        return tokens

    def _text_of(self, token: Token, env: dict[str, Any]) -> str:
        """Return the text of a block, without pictures and the numbers of footnotes; empty if nothing is visible."""
        if token.type in {"fence", "code_block"}:
            return shorten(token.content)
        if token.type != "inline":
            return ""
        parts = parse_inline(self._parser, token.content, env)
        return shorten("".join(_SPACES.get(part.type, part.content) for part in parts if part.type in _TEXTS))

    def _stop_after_paragraph(self, state: StateBlock, *args: Any) -> Any:
        done = self._read_paragraph(state, *args)
        if "stops" in state.env and state.level == 0:
            raise _Found
        return done


class _Found(Exception):
    """The first paragraph is read."""


_SPACES: Final = {"softbreak": " ", "hardbreak": " "}
_TEXTS: Final = frozenset({"text", "text_special", "code_inline", *_SPACES})
