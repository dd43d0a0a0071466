"""HTML of the tokens of a text: no `style`, no script, and no element or attribute that is not written here."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import count
from typing import Final

from markdown_it.token import Token

from blog.domain.posts.slug import slug_of

from .budget import Budget, BudgetExceeded
from .highlighting import Highlighter
from .parser import new_parser
from .sanitizing import ID_PREFIX, is_external, sanitize

MAX_HTML: Final = 1_000_000
"""Characters of HTML. An attribute can repeat a long address, so that a short text makes much of it."""
MAX_INLINE_NESTING: Final = 50
"""Emphasis within emphasis, and so on. Browsers close elements that nest too deeply."""

_SIMPLE: Final[Mapping[str, str]] = {
    "paragraph_open": '<p dir="auto">',
    "paragraph_close": "</p>\n",
    "blockquote_open": '<blockquote dir="auto">\n',
    "blockquote_close": "</blockquote>\n",
    "bullet_list_open": '<ul dir="auto">\n',
    "bullet_list_close": "</ul>\n",
    "ordered_list_close": "</ol>\n",
    "list_item_open": '<li dir="auto">',
    "list_item_close": "</li>\n",
    "heading_close": "",
    "hr": "<hr>\n",
    "table_close": "</table>\n</div>\n",
    "thead_open": "<thead>\n",
    "thead_close": "</thead>\n",
    "tbody_open": "<tbody>\n",
    "tbody_close": "</tbody>\n",
    "tr_open": "<tr>\n",
    "tr_close": "</tr>\n",
    "th_close": "</th>\n",
    "td_close": "</td>\n",
    "em_open": "<em>",
    "em_close": "</em>",
    "strong_open": "<strong>",
    "strong_close": "</strong>",
    "s_open": "<s>",
    "s_close": "</s>",
    "link_close": "</a>",
    "softbreak": "\n",
    "hardbreak": "<br>\n",
    "footnote_block_open": '<section class="footnotes" role="doc-endnotes" aria-label="Footnotes">\n<ol>\n',
    "footnote_block_close": "</ol>\n</section>\n",
    "footnote_close": "</li>\n",
}
"""The HTML of tokens that is always the same."""

_TASKS: Final = {"[ ] ": "", "[x] ": ' checked=""', "[X] ": ' checked=""'}
_BREAKS: Final = frozenset({"softbreak", "hardbreak"})
_ALIGNMENTS: Final = {f"text-align:{side}": f' class="align-{side}"' for side in ("left", "center", "right")}


def plain_html(text: str) -> str:
    """Return a text as paragraphs, with its markup as it is."""
    blocks = (block.strip("\n") for block in text.replace("\r\n", "\n").split("\n\n"))
    return "".join(
        f'<p dir="auto">{escape(block, quote=False).replace(chr(10), "<br>" + chr(10))}</p>\n'
        for block in blocks
        if block.strip()
    )


class HtmlRenderer:
    """Makes HTML of texts."""

    def __init__(self) -> None:
        self._parser = new_parser()

    def html_of(self, text: str, budget: Budget) -> str:
        """Return the HTML of a text; plain paragraphs if the budget does not suffice."""
        try:
            html = HtmlWriter(budget).html_of(self._parser.parse(text, {"budget": budget}))
        except BudgetExceeded:
            html = plain_html(text)
        return sanitize(html)


class HtmlWriter:
    """Writes the HTML of one text.

    Args:
        budget: bounds the steps of highlighting.
    """

    def __init__(self, budget: Budget) -> None:
        self._highlighter = Highlighter(budget)
        self._parts: list[str] = []
        self._size = 0
        self._tables = count(1)
        self._numbers: dict[str, int] = {}
        self._by_type: Final[Mapping[str, Callable[[Token], str]]] = {
            "text": _text,
            "text_special": _text,
            "code_inline": lambda token: f"<code>{escape(token.content, quote=False)}</code>",
            "code_block": lambda token: self._highlighter.html_of(token.content, ""),
            "fence": lambda token: self._highlighter.html_of(token.content, token.info),
            "ordered_list_open": _ordered_list,
            "table_open": self._table,
            "th_open": lambda token: f'<th scope="col" dir="auto"{_alignment(token)}>',
            "td_open": lambda token: f'<td dir="auto"{_alignment(token)}>',
            "link_open": _link,
            "image": _image,
            "footnote_ref": _footnote_reference,
            "footnote_open": lambda token: f'<li id="{ID_PREFIX}note-{_number(token)}" dir="auto">',
            "footnote_anchor": _footnote_anchor,
        }

    def html_of(self, tokens: Sequence[Token]) -> str:
        """Return the HTML.

        Raises:
            BudgetExceeded: it would be too long, or nests too deeply.
        """
        for index, token in enumerate(tokens):
            if token.type == "inline":
                self._write_inline(token, is_task=_is_task(tokens, index - 2))
            elif token.type == "heading_open":
                self._write(self._heading(token, tokens[index + 1]))
            elif token.type == "heading_close":
                self._write(f"</h{_level(token)}>\n")
            elif token.type == "list_item_open" and _is_task(tokens, index):
                self._write('<li class="task" dir="auto">')
            elif not token.hidden:
                self._write(self._html(token))
            elif token.type == "paragraph_close":
                self._write("\n")
        return "".join(self._parts)

    def _write_inline(self, inline: Token, *, is_task: bool) -> None:
        children, depth = inline.children or [], 0
        if is_task:
            self._write(f'<label><input type="checkbox" disabled=""{_TASKS[inline.content[:4]]}> ')
            children[0].content = children[0].content[4:]
        for token in children:
            depth += token.nesting
            if depth > MAX_INLINE_NESTING:
                raise BudgetExceeded
            self._write(self._html(token))
        if is_task:
            self._write("</label>")

    def _html(self, token: Token) -> str:
        simple = _SIMPLE.get(token.type)
        return self._by_type[token.type](token) if simple is None else simple

    def _write(self, part: str) -> None:
        self._size += len(part)
        if self._size > MAX_HTML:
            raise BudgetExceeded
        self._parts.append(part)

    def _heading(self, token: Token, inline: Token) -> str:
        name = slug_of(_plain(inline)) or "section"
        unused = name
        while unused in self._numbers:
            self._numbers[name] += 1
            unused = f"{name}-{self._numbers[name]}"
        self._numbers[unused] = 1
        return f'<h{_level(token)} id="{ID_PREFIX}section-{unused}" dir="auto">'

    def _table(self, _: Token) -> str:
        return f'<div class="scroll" role="region" tabindex="0" aria-label="Table {next(self._tables)}">\n<table>\n'


def _level(token: Token) -> int:
    """Return the level of a heading: the page has an `h1` of its own."""
    return min(int(token.tag[1]) + 1, 6)


def _is_task(tokens: Sequence[Token], index: int) -> bool:
    """Return whether an item of a list begins at this place, and its text begins with a box."""
    if index < 0 or tokens[index].type != "list_item_open" or index + 2 >= len(tokens):
        return False
    inline = tokens[index + 2]
    if inline.type != "inline" or inline.content[:4] not in _TASKS or not inline.children:
        return False
    return inline.children[0].type == "text" and inline.children[0].content.startswith(inline.content[:4])


def _plain(inline: Token) -> str:
    parts = (" " if token.type in _BREAKS else token.content for token in inline.children or [])
    return "".join(parts)


def _text(token: Token) -> str:
    return escape(token.content, quote=False)


def _ordered_list(token: Token) -> str:
    start = token.attrGet("start")
    return f'<ol dir="auto" start="{start}">\n' if start else '<ol dir="auto">\n'


def _alignment(token: Token) -> str:
    return _ALIGNMENTS.get(str(token.attrGet("style")), "")


def _title(token: Token) -> str:
    title = token.attrGet("title")
    return f' title="{escape(str(title))}"' if title else ""


def _link(token: Token) -> str:
    href = str(token.attrGet("href"))
    rel = ' rel="nofollow ugc noopener"' if is_external(href) else ""
    return f'<a href="{escape(href)}"{_title(token)}{rel}>'


def _image(token: Token) -> str:
    alt = escape(_plain(token))
    source = escape(str(token.attrGet("src")))
    return f'<img src="{source}" alt="{alt}"{_title(token)} loading="lazy" decoding="async">'


def _number(token: Token) -> str:
    return str(token.meta["id"] + 1)


def _reference_id(token: Token) -> str:
    """Return the id of a reference: a note has several, and a link back to each."""
    times = token.meta["subId"]
    return f"{ID_PREFIX}note-ref-{_number(token)}{f'-{times + 1}' if times else ''}"


def _footnote_reference(token: Token) -> str:
    number = _number(token)
    link = f'<a href="#{ID_PREFIX}note-{number}" id="{_reference_id(token)}" role="doc-noteref">{number}</a>'
    return f'<sup class="footnote-ref">{link}</sup>'


def _footnote_anchor(token: Token) -> str:
    times = token.meta["subId"]
    label = f"Back to reference {_number(token)}{f'-{times + 1}' if times else ''}"
    return f' <a href="#{_reference_id(token)}" role="doc-backlink" aria-label="{label}">\u21a9\ufe0e</a>'
