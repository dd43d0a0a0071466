"""Snippets of search results."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.domain.search import snippets
from blog.domain.search.query import SearchQuery
from blog.domain.search.snippets import MAX_SCANNED, MAX_SNIPPET_LENGTH, SnippetPart, highlight, snippet
from blog.domain.search.tokenizer import WordSpan, token_spans, tokenize
from blog.testing.contracts.fixtures import HOSTILE_TEXTS

DOTS = SnippetPart("…")
thrifty = settings(max_examples=40, deadline=None)
SPOKEN = st.lists(st.sampled_from(["one", "two", "Onè", "twofold", "日本", "½", "x" * 90, "-", ",", "\n", "  ", "<b>"]))
TEXTS = st.builds(" ".join, SPOKEN) | st.builds("".join, SPOKEN) | st.text(st.characters(exclude_characters="…"))
LONG = st.builds(lambda text, times, end: text * times + end, TEXTS, st.sampled_from([1, 2, 20]), TEXTS)
"""Texts long and short, without dots of their own."""

ONE_BY_ONE = st.sampled_from(["one", "tw*", "日", "2", "x*", "one two", "-one", "absent", "", "y one*"]).map(
    SearchQuery.of
)
QUERIES = (
    ONE_BY_ONE
    | st.sampled_from(['"one two"', '-one "two two"', 'two* "日 本"', '"one t*"']).map(SearchQuery.of)
    | st.text(st.characters(), max_size=12).map(SearchQuery.of)
)


def matches(parts: tuple[SnippetPart, ...]) -> list[str]:
    return [part.text for part in parts if part.is_match]


def joined(parts: tuple[SnippetPart, ...]) -> str:
    return "".join(part.text for part in parts)


def says(part: SnippetPart, query: SearchQuery) -> bool:
    """Whether it says a word that is wanted, or one that begins as is wanted."""
    wanted = {word for term in query.wanted for word in term.words}
    starts = tuple(term.words[-1] for term in query.wanted if term.is_prefix)
    return any(word in wanted or word.startswith(starts) for word in tokenize(part.text))


@given(LONG | st.sampled_from(HOSTILE_TEXTS), QUERIES)
@thrifty
def test_parts_form_the_text_and_marked_parts_match_the_query(text: str, query: SearchQuery) -> None:
    parts = highlight(text, query)
    assert joined(parts) == text
    assert all(part.text for part in parts)
    assert all(says(part, query) for part in parts if part.is_match)
    assert not any(one.is_match == other.is_match is False for one, other in pairwise(parts))


@given(LONG, ONE_BY_ONE)
@thrifty
def test_every_match_is_marked(text: str, query: SearchQuery) -> None:
    assert not any(says(part, query) for part in highlight(text, query) if not part.is_match)


@given(LONG, QUERIES)
@thrifty
def test_snippet_is_contiguous_with_ellipses_where_text_is_cut(text: str, query: SearchQuery) -> None:
    parts = snippet(text, query)
    before, after = parts[:1] == (DOTS,), parts[-1:] == (DOTS,) and len(parts) > 1
    said = joined(parts)[before : -1 if after else None]
    assert said in text
    assert before or text.startswith(said)
    assert after or text.endswith(said)
    assert (said == text) == (not before and not after)
    assert len(said) <= MAX_SNIPPET_LENGTH
    assert len(said) >= MAX_SNIPPET_LENGTH * 9 // 10 or not after
    assert all(part.text for part in parts)


@given(LONG, QUERIES)
@thrifty
def test_snippet_shows_the_first_match(text: str, query: SearchQuery) -> None:
    text = text if text.isascii() else text[:MAX_SCANNED]
    shown, everywhere = matches(snippet(text, query)), matches(highlight(text, query))
    assert bool(shown) == bool(everywhere)
    assert shown[:-1] == everywhere[: len(shown)][:-1]
    assert everywhere[: len(shown)][-1:] == [] or everywhere[len(shown) - 1].startswith(shown[-1])


@given(st.integers(0, 200), st.integers(0, 200))
@thrifty
def test_first_match_is_shown_at_any_position(before: int, after: int) -> None:
    parts = snippet("word " * before + "Fünd" + " word found" * after, SearchQuery.of("found fund"))
    assert matches(parts)[0] == "Fünd"


@given(LONG | st.sampled_from(HOSTILE_TEXTS), st.text(st.characters()) | st.sampled_from(HOSTILE_TEXTS))
@thrifty
def test_any_text_and_query_give_a_snippet(text: str, asked: str) -> None:
    assert joined(highlight(text, SearchQuery.of(asked))) == text
    assert len(joined(snippet(text, SearchQuery.of(asked)))) <= MAX_SNIPPET_LENGTH + 2


@pytest.mark.parametrize(
    ("text", "asked", "parts"),
    [
        ("", "hello", ()),
        ("Hello", "", (SnippetPart("Hello"),)),
        ("Hello", "hello", (SnippetPart("Hello", is_match=True),)),
        ("¡Hello, Wörld!", "world", (SnippetPart("¡Hello, "), SnippetPart("Wörld", is_match=True), SnippetPart("!"))),
        (
            "<b>b</b>",
            "b",
            (
                SnippetPart("<"),
                SnippetPart("b", is_match=True),
                SnippetPart(">"),
                SnippetPart("b", is_match=True),
                SnippetPart("</"),
                SnippetPart("b", is_match=True),
                SnippetPart(">"),
            ),
        ),
        (
            "a b a",
            '"a b"',
            (SnippetPart("a", is_match=True), SnippetPart(" "), SnippetPart("b", is_match=True), SnippetPart(" a")),
        ),
        ("a b", '"a b" b -a', (SnippetPart("a", is_match=True), SnippetPart(" "), SnippetPart("b", is_match=True))),
        ("a b", "-a b", (SnippetPart("a "), SnippetPart("b", is_match=True))),
        ("ab a abc", "ab*", (SnippetPart("ab", is_match=True), SnippetPart(" a "), SnippetPart("abc", is_match=True))),
        ("2one Bone one", "one", (SnippetPart("2one Bone "), SnippetPart("one", is_match=True))),
        ("bone one2 ones", "one", (SnippetPart("bone one2 ones"),)),
        ("日本語", "本語", (SnippetPart("日"), SnippetPart("本", is_match=True), SnippetPart("語", is_match=True))),
        ("½ 1", "2", (SnippetPart("½", is_match=True), SnippetPart(" 1"))),
        ("re\u0301sume\u0301s", "resumes", (SnippetPart("re\u0301sume\u0301s", is_match=True),)),
    ],
)
def test_marked_words(text: str, asked: str, parts: tuple[SnippetPart, ...]) -> None:
    assert highlight(text, SearchQuery.of(asked)) == snippet(text, SearchQuery.of(asked)) == parts


def test_snippet_has_less_context_before_the_match_than_after() -> None:
    text = "before " * 100 + "Found" + " after" * 100
    assert snippet(text, SearchQuery.of("found")) == (
        DOTS,
        SnippetPart("before " * 9),
        SnippetPart("Found", is_match=True),
        SnippetPart(" after" * 21),
        DOTS,
    )


@pytest.mark.parametrize("other", ["ones ", "Önes "])
def test_match_is_found_after_many_near_matches(other: str) -> None:
    shown = snippet(other * 1_100 + "one", SearchQuery.of("one"))
    assert shown == (DOTS, SnippetPart(other * 13), SnippetPart("one", is_match=True))


FAR = 4 * MAX_SCANNED


@pytest.mark.parametrize(
    ("filler", "said", "asked"),
    [
        ("今天的天气很好。", "新闻", "新闻"),
        ("오늘 날씨가 ", "한국어를", "한국어"),
        ("การทำอา", "ข้าว", "ข้าว"),
        ("dès l'été ", "the END", '"the end"'),
        ("dès l'été ", "endless", "absent endl*"),
        ("only ASCII ", "the END", '"the end"'),
    ],
)
def test_late_match_is_shown_if_spelled_plainly(filler: str, said: str, asked: str) -> None:
    text = filler * (FAR // len(filler)) + f"{said}, " + filler * 100
    shown = matches(snippet(text, SearchQuery.of(asked)))
    assert shown
    assert said.startswith("".join(shown[:1]))


def test_long_text_without_plain_match_is_shown_from_the_start() -> None:
    before = "dès l'été "
    text = before * (FAR // len(before)) + "Fünd"
    shown = snippet(text, SearchQuery.of("fund"))
    assert text.startswith(shown[0].text)
    assert shown[1:] == (DOTS,)
    early = snippet(text[-MAX_SCANNED:], SearchQuery.of("fund"))
    assert early[-1] == SnippetPart("Fünd", is_match=True)


def test_phrase_is_found_across_chunks() -> None:
    words = [f"ŵ{number}" for number in range(600)]
    for first in range(0, 530, 7):
        phrase = words[first : first + 64]
        shown = matches(snippet(" ".join(words), SearchQuery.of(f'"{" ".join(phrase)}"')))
        assert shown[:3] == phrase[:3]


BIG = 100_000
A_TO_Z = "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    "asked",
    ["新闻", "\ufdfa", "a", "x*", '"' + "a " * 63 + 'b"', " ".join(f'"{sign} a"' for sign in A_TO_Z), "é ก"],
)
@pytest.mark.parametrize(
    "sign",
    [
        "今天",
        "\ufdfa",
        "\ufdf2",
        "é",
        "é ",
        "é a ",
        "ข้",
        "한국어 ",
        "ก\u0e49\u0e38",
        "\u1112\u1161\u11ab",
        "é\u0301\u0323",
    ],
)
def test_tokenized_part_of_a_long_text_is_bounded(sign: str, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def noted_words(text: str) -> list[str]:
        read.append(len(text))
        return tokenize(text)

    def noted_pieces(text: str, start: int, end: int) -> Iterator[WordSpan]:
        for piece in token_spans(text, start, end):
            read.append(piece.end - piece.start)
            yield piece

    monkeypatch.setattr(snippets, "tokenize", noted_words)
    monkeypatch.setattr(snippets, "token_spans", noted_pieces)
    snippet(sign * (BIG // len(sign)), SearchQuery.of(asked))
    assert sum(read) <= 4 * MAX_SCANNED
    assert len(read) <= MAX_SCANNED
