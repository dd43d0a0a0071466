"""The blog promises, of an excerpt, that…"""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.contracts.given import HOSTILE_TEXTS
from blog.domain import excerpts
from blog.domain.excerpts import EXCERPT_LONGEST, READ_MOST, Words, excerpt, marked
from blog.domain.queries import Query
from blog.domain.words import Piece, pieces_of, words_of

DOTS = Words("…")
thrifty = settings(max_examples=40, deadline=None)
SPOKEN = st.lists(st.sampled_from(["one", "two", "Onè", "twofold", "日本", "½", "x" * 90, "-", ",", "\n", "  ", "<b>"]))
TEXTS = st.builds(" ".join, SPOKEN) | st.builds("".join, SPOKEN) | st.text(st.characters(exclude_characters="…"))
LONG = st.builds(lambda text, times, end: text * times + end, TEXTS, st.sampled_from([1, 2, 20]), TEXTS)
"""Texts long and short, without dots of their own."""

ONE_BY_ONE = st.sampled_from(["one", "tw*", "日", "2", "x*", "one two", "-one", "absent", "", "y one*"]).map(Query.of)
QUERIES = (
    ONE_BY_ONE
    | st.sampled_from(['"one two"', '-one "two two"', 'two* "日 本"', '"one t*"']).map(Query.of)
    | st.text(st.characters(), max_size=12).map(Query.of)
)


def matches(parts: tuple[Words, ...]) -> list[str]:
    return [part.text for part in parts if part.is_match]


def joined(parts: tuple[Words, ...]) -> str:
    return "".join(part.text for part in parts)


def says(part: Words, query: Query) -> bool:
    """Whether it says a word that is wanted, or one that begins as is wanted."""
    wanted = {word for term in query.wanted for word in term.words}
    starts = tuple(term.words[-1] for term in query.wanted if term.is_prefix)
    return any(word in wanted or word.startswith(starts) for word in words_of(part.text))


@given(LONG | st.sampled_from(HOSTILE_TEXTS), QUERIES)
@thrifty
def test_a_marked_text_is_the_text_and_what_is_marked_says_what_is_wanted(text: str, query: Query) -> None:
    parts = marked(text, query)
    assert joined(parts) == text
    assert all(part.text for part in parts)
    assert all(says(part, query) for part in parts if part.is_match)
    assert not any(one.is_match == other.is_match is False for one, other in pairwise(parts))


@given(LONG, ONE_BY_ONE)
@thrifty
def test_nothing_that_is_wanted_goes_unmarked(text: str, query: Query) -> None:
    assert not any(says(part, query) for part in marked(text, query) if not part.is_match)


@given(LONG, QUERIES)
@thrifty
def test_an_excerpt_is_a_part_of_the_text_in_one_piece_and_dots_say_where_there_is_more(
    text: str, query: Query
) -> None:
    parts = excerpt(text, query)
    before, after = parts[:1] == (DOTS,), parts[-1:] == (DOTS,) and len(parts) > 1
    said = joined(parts)[before : -1 if after else None]
    assert said in text
    assert before or text.startswith(said)
    assert after or text.endswith(said)
    assert (said == text) == (not before and not after)
    assert len(said) <= EXCERPT_LONGEST
    assert len(said) >= EXCERPT_LONGEST * 9 // 10 or not after
    assert all(part.text for part in parts)


@given(LONG, QUERIES)
@thrifty
def test_an_excerpt_shows_the_first_match_and_marks_what_the_whole_text_would(text: str, query: Query) -> None:
    text = text if text.isascii() else text[:READ_MOST]
    shown, everywhere = matches(excerpt(text, query)), matches(marked(text, query))
    assert bool(shown) == bool(everywhere)
    assert shown[:-1] == everywhere[: len(shown)][:-1]
    assert everywhere[: len(shown)][-1:] == [] or everywhere[len(shown) - 1].startswith(shown[-1])


@given(st.integers(0, 200), st.integers(0, 200))
@thrifty
def test_the_first_match_is_shown_wherever_it_stands(before: int, after: int) -> None:
    parts = excerpt("word " * before + "Fünd" + " word found" * after, Query.of("found fund"))
    assert matches(parts)[0] == "Fünd"


@given(LONG | st.sampled_from(HOSTILE_TEXTS), st.text(st.characters()) | st.sampled_from(HOSTILE_TEXTS))
@thrifty
def test_no_text_and_no_query_is_too_strange(text: str, asked: str) -> None:
    assert joined(marked(text, Query.of(asked))) == text
    assert len(joined(excerpt(text, Query.of(asked)))) <= EXCERPT_LONGEST + 2


@pytest.mark.parametrize(
    ("text", "asked", "parts"),
    [
        ("", "hello", ()),
        ("Hello", "", (Words("Hello"),)),
        ("Hello", "hello", (Words("Hello", is_match=True),)),
        ("¡Hello, Wörld!", "world", (Words("¡Hello, "), Words("Wörld", is_match=True), Words("!"))),
        ("<b>b</b>", "b", (
            Words("<"), Words("b", is_match=True), Words(">"), Words("b", is_match=True), Words("</"),
            Words("b", is_match=True), Words(">"),
        )),
        ("a b a", '"a b"', (Words("a", is_match=True), Words(" "), Words("b", is_match=True), Words(" a"))),
        ("a b", '"a b" b -a', (Words("a", is_match=True), Words(" "), Words("b", is_match=True))),
        ("a b", "-a b", (Words("a "), Words("b", is_match=True))),
        ("ab a abc", "ab*", (Words("ab", is_match=True), Words(" a "), Words("abc", is_match=True))),
        ("2one Bone one", "one", (Words("2one Bone "), Words("one", is_match=True))),
        ("bone one2 ones", "one", (Words("bone one2 ones"),)),
        ("日本語", "本語", (Words("日"), Words("本", is_match=True), Words("語", is_match=True))),
        ("½ 1", "2", (Words("½", is_match=True), Words(" 1"))),
        ("re\u0301sume\u0301s", "resumes", (Words("re\u0301sume\u0301s", is_match=True),)),
    ],
)  # fmt: skip
def test_what_is_marked_is_these_words(text: str, asked: str, parts: tuple[Words, ...]) -> None:
    assert marked(text, Query.of(asked)) == excerpt(text, Query.of(asked)) == parts


def test_around_the_first_match_there_is_some_of_what_comes_before_and_more_of_what_comes_after() -> None:
    text = "before " * 100 + "Found" + " after" * 100
    assert excerpt(text, Query.of("found")) == (
        DOTS,
        Words("before " * 9),
        Words("Found", is_match=True),
        Words(" after" * 21),
        DOTS,
    )


@pytest.mark.parametrize("other", ["ones ", "Önes "])
def test_a_match_is_found_however_much_comes_before_that_looks_like_it(other: str) -> None:
    shown = excerpt(other * 1_100 + "one", Query.of("one"))
    assert shown == (DOTS, Words(other * 13), Words("one", is_match=True))


FAR = 4 * READ_MOST


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
def test_a_match_far_into_a_long_text_is_shown_if_it_is_spelt_plainly(filler: str, said: str, asked: str) -> None:
    text = filler * (FAR // len(filler)) + f"{said}, " + filler * 100
    shown = matches(excerpt(text, Query.of(asked)))
    assert shown
    assert said.startswith("".join(shown[:1]))


def test_else_of_a_long_text_the_beginning_is_shown() -> None:
    before = "dès l'été "
    text = before * (FAR // len(before)) + "Fünd"
    shown = excerpt(text, Query.of("fund"))
    assert text.startswith(shown[0].text)
    assert shown[1:] == (DOTS,)
    early = excerpt(text[-READ_MOST:], Query.of("fund"))
    assert early[-1] == Words("Fünd", is_match=True)


def test_a_phrase_is_found_over_whatever_is_read_at_once() -> None:
    words = [f"ŵ{number}" for number in range(600)]
    for first in range(0, 530, 7):
        phrase = words[first : first + 64]
        shown = matches(excerpt(" ".join(words), Query.of(f'"{" ".join(phrase)}"')))
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
def test_of_a_long_text_only_so_much_is_read_word_by_word(
    sign: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def noted_words(text: str) -> list[str]:
        read.append(len(text))
        return words_of(text)

    def noted_pieces(text: str, start: int, end: int) -> Iterator[Piece]:
        for piece in pieces_of(text, start, end):
            read.append(piece.end - piece.start)
            yield piece

    monkeypatch.setattr(excerpts, "words_of", noted_words)
    monkeypatch.setattr(excerpts, "pieces_of", noted_pieces)
    excerpt(sign * (BIG // len(sign)), Query.of(asked))
    assert sum(read) <= 4 * READ_MOST
    assert len(read) <= READ_MOST
