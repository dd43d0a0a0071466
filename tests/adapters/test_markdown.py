"""The Markdown renderer: its contract, and that its short cuts change nothing."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.adapters.markdown import MarkdownItMarkdownRenderer
from blog.adapters.markdown.budget import Budget, BudgetExceeded
from blog.adapters.markdown.highlighting import LANGUAGES, MAX_BLOCK, MAX_CODE, Highlighter
from blog.adapters.markdown.html import MAX_HTML, HtmlRenderer, HtmlWriter, plain_html
from blog.adapters.markdown.kept_html import KeptHtml, key_of
from blog.adapters.markdown.parser import MAX_NESTING, FirstParagraph, new_parser
from blog.adapters.markdown.renderer import STEPS
from blog.adapters.markdown.sanitizing import sanitize
from blog.domain.cancellation import Cancellation, Cancelled
from blog.domain.posts.markdown import MarkdownRenderer, shorten
from blog.testing.contracts import MarkdownRendererContract
from blog.testing.contracts.hostile_html import XSS
from blog.testing.contracts.markdown import MARKDOWN, StrictHtml

RENDERER: Final = MarkdownItMarkdownRenderer()
PARSER: Final = FirstParagraph()


class TestMarkdownItMarkdownRenderer(MarkdownRendererContract):
    @pytest.fixture
    def renderer(self) -> MarkdownRenderer:
        return RENDERER


_STARTS = st.sampled_from(
    ["1. ", "2) ", "- ", "+ ", "# ", "=", "==", "-", "--", ":-", "    ", "\t", " ", "a", "é", "(", "'", "$"]
)
_LINES = st.tuples(_STARTS, st.text("aé中 \t.,;:!?'\"()/-+#=1$%@{}\x0b\x0c\u2028\u00a0\r", max_size=6)).map("".join)


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


N: Final = 100_000


def of_length(part: str, before: str = "", after: str = "") -> str:
    """Return a body of the maximum length, of a part again and again."""
    return before + (part * N)[: N - len(before) - len(after)] + after


_PARTS: Final = (
    "[",
    "![",
    "*a_ ",
    "<",
    "- a\n",
    "| ",
    "&",
    "[a](",
    "[a](<",
    "_",
    "~~a",
    "*",
    "# a\n",
    "a\n=\n",
    "[*a",
    "[a\\]",
)
_LINES_AND_LINKS: Final = (
    "[a]: b '\n",
    "[^1]: a\n",
    "- [ ] a\n",
    "> - ",
    "`a`](b)[",
    "a\n",
    "\u00a0",
    "<a@b.c>",
    "+ a\n- b\n",
)
PATHOLOGICAL: Final = {
    **{part: of_length(part) for part in (*_PARTS, *_LINES_AND_LINKS)},
    "backticks": "".join("`" * length + "a" for length in range(1, 440)),
    "brackets": "[" * 50_000 + "]" * 50_000,
    "delimiters": "*" * 49_000 + "a" + "*" * 49_000,
    "deep emphasis": "*a _b " * 9000 + "b_*" * 9000,
    "deep links": "[*a " * 9000 + "a*](b)" * 9000,
    "deep pictures": ("![" * 30 + "a" + "](b)" * 30 + "\n\n") * 500,
    "deep quotes": of_length("b\n", ">" * 39 + "a\n"),
    "deep lists": "".join("  " * depth + "- a\n" for depth in range(300)),
    "references": of_length("[^a]", "[^a]: b\n\n"),
    "footnotes": "".join(f"[^{number}]: x\n\n[^{number}]\n\n" for number in range(4000)),
    "a long address, often": of_length("[a] ", f"[a]: /{'x' * 50_000}\n\n"),
    "wide tables": "|".join("a" * 1000) + "\n" + "|".join("-" * 1000) + "\n" + "|\n" * 45_000,
    "one heading": of_length("# a\n# a 2\n"),
    "setext": of_length("a\n", after="="),
    "an address": of_length("é", "[a](http://", ")"),
}


_HTML: Final = HtmlRenderer()


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_every_text_stays_within_the_budget(name: str) -> None:
    text = PATHOLOGICAL[name][:N]
    budget = Budget(STEPS, lambda: None)
    html = _HTML.html_of(text, budget)
    assert budget.steps <= STEPS + 1  # after the last step the rest is plain text
    assert len(html) <= MAX_HTML
    assert len(html) > N or StrictHtml(html).errors == []


def test_a_text_beyond_the_budget_is_shown_as_it_is() -> None:
    text = of_length("![", "*One*\n\n")
    assert RENDERER.to_html(text) == plain_html(text)
    assert RENDERER.to_html(text).startswith('<p dir="auto">*One*</p>\n<p dir="auto">![![')


def test_a_long_ordinary_text_is_within_the_budget() -> None:
    part = "Lorem *ipsum* dolor [sit](http://a.example) amet, `code` and Ångström.\n\n## A heading\n\n- one\n- two\n\n"
    assert '<a href="http://a.example"' in RENDERER.to_html(of_length(part))


def test_what_nests_too_deeply_is_shown_as_it_is() -> None:
    assert "<blockquote" in RENDERER.to_html(">" * MAX_NESTING + " deep")
    deeper = ">" * (MAX_NESTING + 2) + " deep"
    assert RENDERER.to_html(deeper) == plain_html(deeper)


@pytest.mark.parametrize("text", ["a\n\nb\nc", "<b>&amp;", "\n\n\n\na\r\nb\n\n ", ""])
def test_plain_paragraphs_have_the_text_and_nothing_else(text: str) -> None:
    found = StrictHtml(plain_html(text))
    assert found.errors == []
    assert found.text.split() == text.split()


def test_a_cancelled_text_is_not_rendered() -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    text = of_length("cancelled *text* ")
    with pytest.raises(Cancelled):
        RENDERER.to_html(text, cancellation.check)
    assert RENDERER.find_html(text) is None


def test_who_waits_for_another_text_can_be_cancelled() -> None:
    renderer, begun, end, cancellation = MarkdownItMarkdownRenderer(), Event(), Event(), Cancellation()

    def wait() -> None:
        begun.set()
        end.wait(60)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(renderer.to_html, of_length("the *first* "), wait)
        assert begun.wait(60)
        second = pool.submit(renderer.to_html, "the second", cancellation.check)
        cancellation.cancel()
        with pytest.raises(Cancelled):
            second.result(60)
        end.set()
        assert "<em>first</em>" in first.result(60)


def test_several_threads_render_a_text_once() -> None:
    class Counting(KeptHtml):
        puts = 0

        def put(self, key: bytes, html: str) -> None:
            self.puts += 1
            super().put(key, html)

    kept = Counting()
    renderer = MarkdownItMarkdownRenderer(kept)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(renderer.to_html, ["the *same* " * 500] * 16))) == 1
    assert kept.puts == 1


def test_html_of_another_version_is_not_used() -> None:
    kept = KeptHtml()
    old, new = MarkdownItMarkdownRenderer(kept, "0"), MarkdownItMarkdownRenderer(kept, "1")
    kept.put(key_of("a", "0"), "old HTML")
    assert (old.to_html("a"), new.find_html("a"), new.to_html("a")) == ("old HTML", None, '<p dir="auto">a</p>\n')
    assert key_of("1\na", "") != key_of("a", "1")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 400)), max_size=40))
def test_html_is_kept_within_bounds_and_the_oldest_makes_room(puts: list[tuple[int, int]]) -> None:
    kept, recent = KeptHtml(max_bytes=1000, max_texts=4), dict[int, str]()
    for number, size in puts:
        recent.pop(number, None)
        recent[number] = "é" * size
        kept.put(bytes([number]), recent[number])
        while len(recent) > 4 or sum(len(html.encode()) + 200 for html in recent.values()) > 1000:
            del recent[next(iter(recent))]
        assert {each: html for each in range(10) if (html := kept.find(bytes([each]))) is not None} == recent
        recent = dict(sorted(recent.items()))  # in the order in which they were asked for


_PROGRAM: Final = """
import hashlib, sys
from blog.adapters.markdown import MarkdownItMarkdownRenderer
sys.stdout.write(hashlib.sha256(MarkdownItMarkdownRenderer().to_html(sys.stdin.read()).encode()).hexdigest())
"""


def test_every_process_returns_the_same() -> None:
    text = "\n\n".join(["# a", "[^1] [^2]\n\n[^1]: x\n[^2]: y", "```python\nx = {1}\n```", "|a|\n|:-|\n|b|", *XSS])
    digests = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=text.replace("\0", ""),
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(digests) == 1
    assert len(digests.pop()) == 64


@given(MARKDOWN | st.sampled_from(XSS))
def test_nothing_that_the_writer_writes_is_removed(text: str) -> None:
    """So the sanitizer is a second line of defence: the writer is safe without it."""
    budget = Budget(STEPS)
    html = HtmlWriter(budget).html_of(new_parser().parse(text, {"budget": budget}))
    assert StrictHtml(html).errors == []
    assert StrictHtml(sanitize(html)).text == StrictHtml(html).text
    assert sanitize(html).count("=") == html.count("=")  # of each attribute


@pytest.mark.parametrize("vector", XSS, ids=range(len(XSS)))
def test_the_writer_is_safe_without_the_sanitizer(vector: str) -> None:
    parser = new_parser()
    for place in ("…", "[a](…)", "[a](<…>)", "![…](x)", "![a](<…>)", "[a](x '…')", "`…`", "```…\n…\n```", "# …"):
        budget = Budget(STEPS)
        html = HtmlWriter(budget).html_of(parser.parse(place.replace("…", vector), {"budget": budget}))
        assert StrictHtml(html).errors == []


@pytest.mark.parametrize("vector", XSS, ids=range(len(XSS)))
def test_the_sanitizer_is_safe_without_the_writer(vector: str) -> None:
    assert StrictHtml(sanitize(vector)).errors == []


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_gets_classes_and_keeps_its_text(language: str) -> None:
    code = "if (a < 'b') { return \"c\" } # d\n"
    found = StrictHtml(Highlighter(Budget(STEPS)).html_of(code, language))
    assert found.errors == []
    assert found.text == f"{code}\n"


@pytest.mark.parametrize(("info", "name"), [("py", "python"), ("JS title=x", "javascript"), ("C++", "cpp")])
def test_a_language_has_other_names(info: str, name: str) -> None:
    assert f'class="language-{name}"' in RENDERER.to_html(f"```{info}\nx\n```")


def test_long_code_gets_no_classes() -> None:
    block = "x = 1\n" * (MAX_BLOCK // 6)
    text = f"```python\n{block}```\n\n"
    assert "<span" in RENDERER.to_html(text)
    assert "<span" not in RENDERER.to_html(f"```python\n{block}x = 1\n```")
    html = RENDERER.to_html(text * 20)
    assert html.count("x") < html.count("language-python") * MAX_BLOCK
    assert html.count('<span class="n">') <= MAX_CODE / 6
