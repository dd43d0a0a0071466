"""The blog promises, of words, that…"""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.contracts.given import HOSTILE_TEXTS
from blog.domain.words import SORT_KEY_LONGEST, WORD_LONGEST, Piece, folded, pieces_of, sort_key, words_of

ANY = st.text(st.characters(), max_size=60)
"""Lone surrogates and all: what is kept from earlier days is read as well."""

SAME = [
    ("Résumé", "resume"),
    ("RE\u0301SUME\u0301", "resume"),
    ("Straße", "STRASSE"),
    ("\u1e9e", "ss"),
    ("ΣΊΣΥΦΟΣ", "σισυφος"),
    ("İstanbul", "istanbul"),
    ("ﬁn", "fin"),
    ("\U0001d407\U0001d41e\U0001d425\U0001d425\U0001d428", "hello"),
    ("\uff28\uff45\uff4c\uff4c\uff4f", "hello"),
    ("x²", "x2"),
    ("①", "1"),
    ("Ⅳ", "iv"),
    ("\u212a", "k"),
    ("Ёлка", "елка"),
    ("\ud55c\uae00", "\u1112\u1161\u11ab\u1100\u1173\u11af"),
    ("\uff76\uff9e", "ガ"),
    ("שָׁלוֹם", "שלום"),
    ("مُحَمَّد", "محمد"),
]


@pytest.mark.parametrize(("text", "plain"), SAME)
def test_a_word_is_the_same_in_any_case_with_or_without_accents(text: str, plain: str) -> None:
    assert words_of(text) == words_of(plain)
    assert len(words_of(text)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n\u00a0\u3000", []),
        ("-- ... !?", []),
        ("\U0001f3f3\ufe0f\u200d\U0001f308 \U0001f600", []),
        ("world-wide web", ["world", "wide", "web"]),
        ("snake_case, café_noir", ["snake", "case", "cafe", "noir"]),
        ("don't", ["don", "t"]),
        ("don\u2019t", ["don", "t"]),
        ("C++ and C#", ["c", "and", "c"]),
        ("3.14", ["3", "14"]),
        ("½", ["1", "2"]),
        ("日本語", ["日", "本", "語"]),
        ("ひらカタ", ["ひ", "ら", "カ", "タ"]),
        ("the日本one", ["the", "日", "本", "one"]),
        ("ドナルド・ダック", ["ト", "ナ", "ル", "ト", "タ", "ッ", "ク"]),
        ("ラーメン", ["ラ", "ー", "メ", "ン"]),
        ("a\u30a0b", ["a", "b"]),
        ("\U00020000\U0002f800", ["\U00020000", "丽"]),
        ("हिन्दी में", ["हिनदी", "में"]),
        ("ภาษาไทย", ["ภาษาไทย"]),
        ("\u0301", []),
        ("\ufb01\ufb02 \u00e9", ["fifl", "e"]),
        ("\ufdfa", ["صلى", "الله", "عليه", "وسلم"]),
        ("a\0b\ud800c", ["a", "b", "c"]),
    ],
)
def test_these_texts_say_these_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_of_a_long_word_the_beginning_counts() -> None:
    assert words_of("x" * WORD_LONGEST + "y") == words_of("X" * WORD_LONGEST) == ["x" * WORD_LONGEST]
    assert words_of("é" * WORD_LONGEST + "y") == ["e" * WORD_LONGEST]
    assert [piece.words for piece in pieces_of("x" * 70 + " " + "é" * 70)] == [("x" * 64,), ("e" * 64,)]


@given(ANY)
def test_the_words_of_a_text_say_themselves(text: str) -> None:
    words = words_of(text)
    assert words_of(" ".join(words)) == words
    assert all(0 < len(word) <= WORD_LONGEST for word in words)


@given(ANY, ANY)
def test_what_stands_apart_is_read_apart(one: str, other: str) -> None:
    assert words_of(f"{one} {other}") == words_of(one) + words_of(other)


@given(ANY)
def test_how_a_text_is_encoded_in_unicode_does_not_matter(text: str) -> None:
    assert words_of(unicodedata.normalize("NFC", text)) == words_of(unicodedata.normalize("NFD", text))


@given(ANY | st.sampled_from(HOSTILE_TEXTS))
@settings(max_examples=50, deadline=None)
def test_the_pieces_of_a_text_say_its_words_and_stand_where_they_say(text: str) -> None:
    pieces = list(pieces_of(text))
    assert [word for piece in pieces for word in piece.words] == words_of(text)
    assert [list(piece.words) for piece in pieces] == [words_of(text[piece.start : piece.end]) for piece in pieces]
    bounds = [bound for piece in pieces for bound in (piece.start, piece.end)]
    assert bounds == sorted(bounds)
    assert all(piece.words for piece in pieces)
    assert all(0 <= piece.start < piece.end <= len(text) for piece in pieces)


def test_a_piece_is_where_there_is_something_to_read() -> None:
    assert list(pieces_of("¡Año ½ \u0301 日本!")) == [
        Piece(1, 4, ("ano",)),
        Piece(5, 6, ("1", "2")),
        Piece(9, 10, ("日",)),
        Piece(10, 11, ("本",)),
    ]


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_plain_ascii_is_read_as_everything_else_is(text: str) -> None:
    assert words_of(text) == words_of(f"{text} é")[:-1]
    assert folded(text) == folded(f"{text}é")[:-1] == text.lower()


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("Hello,  World!", "hello, world!"),
        (" \tÉtude\n No. 1 ", "etude no. 1"),
        ("Ärger", "arger"),
        ("\u03a3", "\u03c3"),
        ("ẞ", "ss"),
        ("\U0001f600", "\U0001f600"),
        ("x" * 200, "x" * SORT_KEY_LONGEST),
        ("\ufdfa" * 200, ("صلى الله عليه وسلم" * 200)[:SORT_KEY_LONGEST]),
        ("\u0301", ""),
    ],
)
def test_titles_are_ordered_whatever_their_case_accents_and_spaces(title: str, key: str) -> None:
    assert sort_key(title) == key
