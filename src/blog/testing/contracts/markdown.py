"""The contract of `MarkdownRenderer`."""

import re
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.domain.posts.markdown import MAX_SUMMARY_LENGTH, MarkdownRenderer, shorten, validate_summary

from .fixtures import HOSTILE_TEXTS, require_fixture
from .hostile_html import XSS

_PARTS = """
**|__|*a_|`|``|[|]|![|](/x)|[a]: /b|[^1]|[^1]: |<|<b>|</b>|<!--|&|&nbsp;|&#0;|&lt;|\\|~~|^|- [ ] |1. |> |# |===|---|```
"""
_MARKUP = st.sampled_from([*_PARTS.strip().split("|"), "| a | b |\n|---|---|\n", "|", "\n", "\n\n", "    ", "\t", " "])
MARKDOWN = st.lists(_MARKUP | st.text(max_size=6) | st.sampled_from(["word", "Ångström", "ไทย"]), max_size=25).map(
    "".join
)
"""Texts with much markup."""


ELEMENTS: Final = frozenset(
    [
        "a",
        "blockquote",
        "br",
        "code",
        "div",
        "em",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "img",
        "input",
        "label",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "section",
        "span",
        "strong",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
ATTRIBUTES: Final = frozenset(
    [
        "alt",
        "aria-label",
        "checked",
        "class",
        "decoding",
        "dir",
        "disabled",
        "href",
        "id",
        "loading",
        "rel",
        "role",
        "scope",
        "src",
        "start",
        "tabindex",
        "title",
        "type",
    ]
)
_PLACES: Final = ("…", "a … b", "[a](…)", "[a](<…>)", "![…](x)", "![a](…)", "![a](x '…')", "<…>", "`…`")
_BLOCKS: Final = (
    *("# …", "> …", "- …", "- [ ] …", "    …", "```html\n…\n```", "```…\na\n```", "|a|\n|-|\n|…|"),
    *("[x]\n\n[x]: …", "[x]\n\n[x]: y '…'", "[^x]\n\n[^x]: …", "[^…]\n\n[^…]: y"),
)
_VOID: Final = frozenset({"br", "hr", "img", "input"})


class StrictHtml(HTMLParser):
    """Reads HTML, and lists what must not be in it: other elements and attributes, other schemes, ids without a prefix,
    elements that are not closed, and comments.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.errors: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.errors += [f"<{name}> is not closed" for name in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ELEMENTS:
            self.errors.append(f"<{tag}>")
        for name, value in attrs:
            self._check_attribute(tag, name, value or "")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.errors.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.errors.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.errors.append(f"<!{decl}>")

    def unknown_decl(self, data: str) -> None:
        self.errors.append(f"<![{data}]>")

    def handle_pi(self, data: str) -> None:
        self.errors.append(f"<?{data}>")

    def _check_attribute(self, tag: str, name: str, value: str) -> None:
        if name not in ATTRIBUTES:
            self.errors.append(f"<{tag} {name}>")
        if name == "id":
            self.ids.append(value)
            if not value.startswith("post-"):
                self.errors.append(f"id={value}")
        if name in {"href", "src"}:
            # A browser leaves out controls and spaces at the ends, and tabs and line breaks anywhere.
            address = "".join(character for character in value if character > " ")
            if urlsplit(address.replace("\\", "/")).scheme not in {"", "http", "https", "mailto"}:
                self.errors.append(f"{name}={value}")


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

    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("# One *h1*", '<h2 id="post-section-one-h1" dir="auto">One <em>h1</em></h2>'),
            ("###### Six", '<h6 id="post-section-six" dir="auto">Six</h6>'),
            ("[a](https://b.example/)", '<a href="https://b.example/" rel="nofollow ugc noopener">a</a>'),
            ("[a](/b#c)", '<a href="/b#c">a</a>'),
            ("![a *b*](/c.png)", '<img src="/c.png" alt="a b" loading="lazy" decoding="async">'),
            ("~~no~~ **yes**", '<p dir="auto"><s>no</s> <strong>yes</strong></p>'),
            ("| a |\n|--:|\n| b |", '<div class="scroll" role="region" tabindex="0" aria-label="Table 1">'),
            ("| a |\n|--:|\n| b |", '<td dir="auto" class="align-right">b</td>'),
            ("- [x] done", '<label><input type="checkbox" disabled="" checked=""> done</label>'),
            (
                "```python\nx\n```",
                '<pre class="highlight" tabindex="0"><code class="language-python"><span class="n">x',
            ),
            ("```unheard-of\n<x>\n```", '<pre tabindex="0"><code class="language-unheard-of">&lt;x&gt;'),
            ("```C# title=x\nx\n```", '<pre tabindex="0"><code class="language-c#">x'),
            ('```x"y\nx\n```', '<pre tabindex="0"><code>x'),
            (f"```{'x' * 31}\nx\n```", '<pre tabindex="0"><code>x'),
            ("```\nx\n```", '<pre tabindex="0"><code>x'),
            ("a[^n]\n\n[^n]: b", '<a href="#post-note-1" id="post-note-ref-1" role="doc-noteref">1</a>'),
            ("a[^n]\n\n[^n]: b", '<li id="post-note-1" dir="auto"><p dir="auto">b <a href="#post-note-ref-1"'),
            ("<b>raw</b>", '<p dir="auto">&lt;b&gt;raw&lt;/b&gt;</p>'),
        ],
    )
    def test_markdown_becomes_html(self, renderer: MarkdownRenderer, text: str, html: str) -> None:
        assert html in renderer.to_html(text)
        assert StrictHtml(renderer.to_html(text)).errors == []

    def test_an_id_is_there_once(self, renderer: MarkdownRenderer) -> None:
        found = StrictHtml(renderer.to_html("# a\n# a 2\n# a\n# a\n# !\n# ?\n\nx[^1] y[^1]\n\n[^1]: z"))
        assert found.errors == []
        assert len(found.ids) == len(set(found.ids)) == 9

    def test_links_back_to_the_references_of_a_note_have_names_of_their_own(self, renderer: MarkdownRenderer) -> None:
        html = renderer.to_html("x[^1] y[^1] z[^1] q[^2]\n\n[^1]: a\n[^2]: b")
        labels = re.findall('role="doc-backlink" aria-label="([^"]*)"', html)
        assert labels == [f"Back to reference {name}" for name in ("1", "1-2", "1-3", "2")]

    @pytest.mark.parametrize("vector", XSS, ids=range(len(XSS)))
    def test_nothing_is_executed(self, renderer: MarkdownRenderer, vector: str) -> None:
        for place in (*_PLACES, *_BLOCKS):
            assert StrictHtml(renderer.to_html(place.replace("…", vector))).errors == []

    def test_nothing_of_any_text_is_executed(self, renderer: MarkdownRenderer) -> None:
        given(MARKDOWN | st.lists(st.sampled_from(XSS) | MARKDOWN, max_size=4).map("".join))(
            lambda text: self._check_html(renderer, text)
        )()

    def _check_html(self, renderer: MarkdownRenderer, text: str) -> None:
        html = renderer.to_html(text)
        assert StrictHtml(html).errors == []
        assert renderer.find_html(text) in {None, html}

    def test_html_that_is_kept_is_found(self, renderer: MarkdownRenderer) -> None:
        text = "A text that nobody else renders."
        assert renderer.find_html(text) is None
        assert renderer.find_html(text) in {renderer.to_html(text), None}
