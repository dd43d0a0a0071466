"""Parsing and matching of search queries."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.domain.search.query import MAX_TERMS, MAX_WORDS, SearchQuery, Term
from blog.domain.search.tokenizer import MAX_WORD_LENGTH, tokenize
from blog.testing.contracts.fixtures import HOSTILE_TEXTS

SIGNS = st.text(st.sampled_from('ab"*- -\t.é日:^()+\\%'), max_size=24)
WORDS = st.lists(st.sampled_from(["a", "ab", "b", "c"]), max_size=6)


def wanted(*words: str, prefix: bool = False) -> Term:
    return Term(words, is_prefix=prefix)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", SearchQuery((), ())),
        ("  \n", SearchQuery((), ())),
        ("Hello wörld", SearchQuery((wanted("hello"), wanted("world")), ())),
        ("hello -world", SearchQuery((wanted("hello"),), (wanted("world"),))),
        ('"Hello, World"', SearchQuery((wanted("hello", "world"),), ())),
        ('-"hello world"', SearchQuery((), (wanted("hello", "world"),))),
        ("world-wide", SearchQuery((wanted("world", "wide"),), ())),
        ("don't", SearchQuery((wanted("don", "t"),), ())),
        ("pre*", SearchQuery((wanted("pre", prefix=True),), ())),
        ("-pre*", SearchQuery((), (wanted("pre", prefix=True),))),
        ('"two wor*"', SearchQuery((wanted("two", "wor", prefix=True),), ())),
        ('"two wor"*', SearchQuery((wanted("two", "wor"),), ())),
        ("pre*fix", SearchQuery((wanted("pre", "fix"),), ())),
        ("*", SearchQuery((), ())),
        ("-", SearchQuery((), ())),
        ("- hello", SearchQuery((wanted("hello"),), ())),
        ("--hello", SearchQuery((), (wanted("hello"),))),
        ('"never closed', SearchQuery((wanted("never", "closed"),), ())),
        ('"', SearchQuery((), ())),
        ('""', SearchQuery((), ())),
        ('-"" hello', SearchQuery((wanted("hello"),), ())),
        ('one"two three"four', SearchQuery((wanted("one"), wanted("two", "three"), wanted("four")), ())),
        ("hello Hello HELLO -x -X", SearchQuery((wanted("hello"),), (wanted("x"),))),
        ("hello hello*", SearchQuery((wanted("hello"), wanted("hello", prefix=True)), ())),
        ("日本", SearchQuery((wanted("日", "本"),), ())),
        ("a AND NOT b", SearchQuery((wanted("a"), wanted("and"), wanted("not"), wanted("b")), ())),
        ("(c NEAR/2 d)", SearchQuery((wanted("c"), wanted("near", "2"), wanted("d")), ())),
        ("title:x ^y {z} \\ ' %", SearchQuery((wanted("title", "x"), wanted("y"), wanted("z")), ())),
        ("a & !b | c <-> d:*", SearchQuery((*map(wanted, "abc"), wanted("d", prefix=True)), ())),
    ],
)  # fmt: skip
def test_parsed_queries(text: str, query: SearchQuery) -> None:
    assert SearchQuery.of(text) == query


@given(st.text(st.characters()) | SIGNS | st.sampled_from(HOSTILE_TEXTS))
@settings(deadline=None)
def test_any_text_can_be_parsed(text: str) -> None:
    query = SearchQuery.of(text)
    for term in query.wanted + query.unwanted:
        assert term.words
        assert list(term.words) == tokenize(" ".join(term.words))
    assert len(query.wanted) + len(query.unwanted) <= MAX_TERMS
    assert sum(len(term.words) for term in query.wanted + query.unwanted) <= MAX_WORDS
    assert query.matches(tokenize(text), []) in {True, False}


@given(SIGNS)
def test_terms_come_from_the_text(text: str) -> None:
    query, words = SearchQuery.of(text), tokenize(text)
    assert all(term.is_in(words) for term in query.wanted + query.unwanted)


def test_number_of_terms_is_limited() -> None:
    words = [f"w{number}" for number in range(MAX_TERMS + 1)]
    assert SearchQuery.of(" ".join(words)) == SearchQuery(tuple(wanted(word) for word in words[:MAX_TERMS]), ())
    mixed = SearchQuery.of(" ".join("-" + word for word in words[:-1]) + " last")
    assert mixed == SearchQuery((), tuple(wanted(word) for word in words[:MAX_TERMS]))
    assert SearchQuery.of("a " * MAX_TERMS + "b") == SearchQuery((wanted("a"),), ())
    assert SearchQuery.of("- " * MAX_TERMS + "b") == SearchQuery((wanted("b"),), ())


def test_length_of_a_phrase_is_limited() -> None:
    words = [f"w{number}" for number in range(MAX_WORDS + 1)]
    assert SearchQuery.of(f'"{" ".join(words)}*"') == SearchQuery((wanted(*words[:MAX_WORDS]),), ())
    assert SearchQuery.of(f'"{" ".join(words[1:])}*"') == SearchQuery((wanted(*words[1:], prefix=True),), ())


def test_total_number_of_words_is_limited() -> None:
    words = [f"w{number}" for number in range(MAX_WORDS)]
    first, second = words[:40], words[40:]
    text = f'"{" ".join(first)}" "{" ".join([*second, "more"])}*" last -never'
    assert SearchQuery.of(text) == SearchQuery((wanted(*first), wanted(*second)), ())


def test_excluded_phrase_is_used_whole_or_ignored() -> None:
    words = [f"w{number}" for number in range(MAX_WORDS)]
    unwanted = f'-"{" ".join(words)}"'
    assert SearchQuery.of(f"a {unwanted} -b") == SearchQuery((wanted("a"),), (wanted("b"),))
    assert SearchQuery.of(unwanted) == SearchQuery((), (wanted(*words),))


def test_long_word_matches_by_prefix_and_in_full() -> None:
    assert SearchQuery.of("x" * 10_000).matches(tokenize("x" * 10_001), [])
    assert SearchQuery.of("x" * 10_000 + "*").matches(tokenize("x" * 20_000), [])
    assert SearchQuery.of("x" * 70 + "*").matches(tokenize("x" * 80), [])
    assert SearchQuery.of("x" * 70 + "yz").matches(tokenize("x" * 70 + "yz"), [])
    assert not SearchQuery.of("x" * 70 + "yz").matches(tokenize("x" * 70 + "ab"), [])
    assert not SearchQuery.of("x" * MAX_WORD_LENGTH).matches(tokenize("x" * (MAX_WORD_LENGTH - 1)), [])


@pytest.mark.parametrize(
    ("text", "title", "body", "found"),
    [
        ("a b", "a", "b", True),
        ("a b", "b a", "", True),
        ("a b", "a", "c", False),
        ('"a b"', "x a b", "", True),
        ('"a b"', "", "x a, b y", True),
        ('"a b"', "b a", "a c b", False),
        ('"a b"', "a", "b", False),
        ("a -b", "a", "c", True),
        ("a -b", "a", "b", False),
        ("a -b", "b", "a", False),
        ("a -b*", "a", "bc", False),
        ('a -"b c"', "a", "c b", True),
        ('a -"b c"', "a", "b c", False),
        ("-b", "a", "c", False),
        ("", "a", "b", False),
        ("a -a", "a", "", False),
        ("ab*", "abc", "", True),
        ("ab*", "ab", "", True),
        ("ab*", "cab a", "", False),
        ("ab", "abc", "", False),
        ('"a b*"', "a bc", "", True),
        ('"a* b"', "ac b", "", False),
        ("한*", "한글", "", True),
        ("한국어", "", "한국어를 배우기", True),
        ("학교", "초등학교", "", True),
        ("어국", "한국어", "", False),
        ("อาหาร", "การทำอาหารไทย", "", True),
        ("ไทย", "การทำอาหารไทย", "", True),
        ("ขาว", "ข้าว", "", False),
        ("ข้าว", "", "กินข้าวกัน", True),
        ("ハハ", "パパ", "", False),
        ("パパ", "ﾊﾟﾊﾟ", "", True),
        ("lodz", "Łódź", "", True),
        ("da nang", "Đà Nẵng", "", True),
        ("kobenhavn", "København", "", True),
        ("strasse", "", "Straße", True),
        ("日本", "日 本", "本日", True),
        ("日本", "", "本日", False),
    ],
)
def test_matching_and_non_matching_posts(text: str, title: str, body: str, found: bool) -> None:  # noqa: FBT001 - an answer
    assert SearchQuery.of(text).matches(tokenize(title), tokenize(body)) is found


@given(WORDS, WORDS, SIGNS)
def test_match_is_in_title_or_body(title: list[str], body: list[str], text: str) -> None:
    def is_said(term: Term) -> bool:
        return any(True for words in (title, body) for _ in term.positions_in(words))

    query = SearchQuery.of(text)
    found = bool(query.wanted) and all(map(is_said, query.wanted)) and not any(map(is_said, query.unwanted))
    assert query.matches(title, body) is found


@given(WORDS.filter(bool), WORDS, st.booleans())
def test_term_matches_consecutive_words(term: list[str], words: list[str], is_prefix: bool) -> None:  # noqa: FBT001 - drawn
    def is_at(place: int) -> bool:
        said = words[place : place + len(term)]
        if is_prefix and len(said) == len(term) and said[-1].startswith(term[-1]):
            said[-1] = term[-1]
        return said == term

    places = [place for place in range(len(words)) if is_at(place)]
    looked_for = Term(tuple(term), is_prefix)
    assert list(looked_for.positions_in(words)) == places
    assert looked_for.is_in(words) == bool(places)


@given(SIGNS, WORDS, WORDS)
def test_matches_title_requires_every_wanted_term_in_the_title(text: str, title: list[str], body: list[str]) -> None:
    query = SearchQuery.of(text)
    assert query.matches_title(title) == all(term.is_in(title) for term in query.wanted)
    assert not query.matches(title, body) or query.matches_title(title) == query.matches(title, [])
