"""Tokens of texts in search."""

import unicodedata
from collections.abc import Iterator
from itertools import islice
from types import SimpleNamespace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.domain.search import tokenizer as words
from blog.domain.search.tokenizer import (
    MAX_MARKS,
    MAX_SORT_KEY_LENGTH,
    MAX_TEXT_LENGTH,
    MAX_WORD_LENGTH,
    WordSpan,
    normalize,
    sort_key,
    token_spans,
    tokenize,
)
from blog.testing.contracts.fixtures import HOSTILE_TEXTS

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
    ("\u1112\u1161\u11ab", "\ud55c"),
    ("\uff76\uff9e", "ガ"),
    ("שָׁלוֹם", "שלום"),
    ("مُحَمَّد", "محمد"),
    ("Łódź", "LODZ"),
    ("Đà", "da"),
    ("København", "kobenhavn"),
    ("Þórður", "thordur"),
    ("Œuvre", "oeuvre"),
    ("Ærø", "aero"),
    ("Diyarbak\u0131r", "diyarbakir"),
    ("Ħamrun", "hamrun"),
    ("Ŋutsu", "nutsu"),
    ("Ɓurmi", "burmi"),
    ("Мы\u0301ш", "мыш"),
    ("Й", "и"),
    ("ܫܠܳܡܳܐ", "ܫܠܡܐ"),
    ("Donau\u00addampf", "donaudampf"),
    ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u0937"),
]

OTHERS = [
    ("パパ", "ハハ"),
    ("バス", "ハス"),
    ("ข้าว", "ขาว"),
    ("ມ້າ", "ມາ"),
    ("ខ្មែរ", "ខមែរ"),
    ("ကို", "က"),
    ("हिन्दी", "हिनदी"),
    ("वक्त", "वकत"),
    ("தமிழ்", "தமிழ"),
    ("བོད", "བད"),
    ("하", "한"),
]


@pytest.mark.parametrize(("text", "plain"), SAME)
def test_words_ignore_case_and_accents(text: str, plain: str) -> None:
    assert tokenize(text) == tokenize(plain)
    assert len(tokenize(text)) == 1


@pytest.mark.parametrize(("text", "other"), OTHERS)
def test_marks_other_than_accents_distinguish_words(text: str, other: str) -> None:
    assert tokenize(text) != tokenize(other)
    assert not set(tokenize(text)) >= set(tokenize(other))


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
        ("ドナルド・ダック", ["ド", "ナ", "ル", "ド", "ダ", "ッ", "ク"]),
        ("ラーメン", ["ラ", "ー", "メ", "ン"]),
        ("a\u30a0b", ["a", "b"]),
        ("\U00020000\U0002f800", ["\U00020000", "丽"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("ภาษาไทย", ["ภ", "า", "ษ", "า", "ไ", "ท", "ย"]),
        ("น้ำ 25๒๕", ["น้ํ", "า", "25๒๕"]),
        ("ສະບາຍດີ", ["ສ", "ະ", "ບ", "າ", "ຍ", "ດີ"]),
        ("ខ្មែរ", ["ខ្", "មែ", "រ"]),
        ("မြန်မာ", ["မြ", "န်", "မာ"]),
        ("한국어를 배우기", ["한", "국", "어", "를", "배", "우", "기"]),
        ("佐々木\u3007", ["佐", "々", "木", "\u3007"]),
        ("\uff8a\uff9f\uff8a\uff9f", ["パ", "パ"]),
        ("the\ufdfaend", ["the", "صلى", "الله", "عليه", "وسلم", "end"]),
        ("\u0e49 a\u0e49", ["a\u0e49"]),
        ("㋿ ™", []),
        ("\u0301", []),
        ("\ufb01\ufb02 \u00e9", ["fifl", "e"]),
        ("\ufdfa", ["صلى", "الله", "عليه", "وسلم"]),
        ("a\0b\ud800c", ["a", "b", "c"]),
    ],
)
def test_words_of_texts(text: str, words: list[str]) -> None:
    assert tokenize(text) == words
    assert [word for piece in token_spans(text) for word in piece.words] == words


@pytest.mark.parametrize("letter", ["X", "É", "Ж", "\u0915\u094d"])
def test_long_run_of_letters_is_several_words(letter: str) -> None:
    text = letter * 70 + "y"
    words = tokenize(text)
    assert "".join(words) == normalize(text)
    assert [len(word) for word in words[:-1]] == [MAX_WORD_LENGTH] * (len(words) - 1)
    assert [word for piece in token_spans(text) for word in piece.words] == words


def test_normalized_length_of_a_text_is_limited() -> None:
    for sign in ("\ufdfa", "\ufdf2", "ヿ", "x", "é ", "½"):
        words = tokenize(sign * (MAX_TEXT_LENGTH + 1))
        assert sum(map(len, words)) <= MAX_TEXT_LENGTH
        assert words[0] == tokenize(sign * 100)[0]


@pytest.mark.parametrize("marks", ["\u0345\u0301\u0323", "\u0e49\u0e38", "\u3099\u302a", "\uff9e\u0e38"])
def test_number_of_marks_on_a_letter_is_limited(marks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    normalised: list[str] = []

    def normalize(form: Literal["NFKD", "NFC"], text: str) -> str:
        normalised.append(text)
        return unicodedata.normalize(form, text)

    monkeypatch.setattr(words, "unicodedata", SimpleNamespace(normalize=normalize))
    text = "ก" + marks * 30_000 + "ข"
    assert tokenize(text)[-1] == "ข"
    assert [word for piece in token_spans(text) for word in piece.words] == tokenize(text)
    assert normalised
    assert max(map(len, normalised)) <= MAX_MARKS + 10


@given(ANY, st.integers(0, 60), st.integers(0, 60))
def test_spans_between_two_positions(text: str, start: int, end: int) -> None:
    whole = [piece for piece in token_spans(text) if piece.start >= start]
    start = whole[0].start if whole else len(text)
    between = list(token_spans(text, start, end))
    inside = [piece for piece in whole if piece.end <= end]
    assert between[: len(inside) - 1] == inside[: len(inside) - 1]
    assert all(piece.end <= max(end, 0) for piece in between)


def test_span_beyond_the_end_lacks_its_last_word() -> None:
    text = "one " + "x" * 100
    assert [piece.words for piece in token_spans(text, 0, 4 + 70)] == [("one",), ("x" * 64,)]
    assert [piece.words for piece in token_spans(text, 0, 4 + 20)] == [("one",)]
    assert [piece.words for piece in token_spans(text, 0, 2)] == []
    assert [piece.words for piece in token_spans(text, 0, 10_000)] == [("one",), ("x" * 64, "x" * 36)]


def characters() -> Iterator[str]:
    """Yield all characters of words. One of 32 characters without a rule stands for the others."""
    for code in (*range(0x32000), *range(0xE0000, 0xE0200)):  # the planes between are empty, and the last are private
        sign = chr(code)
        category = unicodedata.category(sign)
        is_plain = category == "Lo" and unicodedata.normalize("NFKD", sign) == sign == sign.casefold()
        is_alike = is_plain or unicodedata.name(sign, "").startswith("HANGUL SYLLABLE")
        if (sign.isalnum() or category.startswith("M")) and (code % 32 == 0 or not is_alike):
            yield sign


def test_every_character_gives_words_that_tokenize_to_themselves() -> None:
    signs = characters()
    while some := [*islice(signs, 4_000)]:
        text = " ".join(f"{sign} a{sign} ก{sign}b 한{sign} カ{sign}é" for sign in some)
        words = [word for piece in token_spans(text) for word in piece.words]
        assert tokenize(text) == words
        assert tokenize(" ".join(words)) == words


def test_unassigned_code_points_between_korean_letters_are_no_words() -> None:
    korean = (*range(0x1100, 0x1200), *range(0xA960, 0xA980), *range(0xD7B0, 0xD800), *range(0xFFA0, 0xFFDD))
    unassigned = [chr(code) for code in korean if unicodedata.category(chr(code)) == "Cn"]
    assert unassigned
    assert not any(tokenize(sign) for sign in unassigned)
    assert not any([*token_spans(sign)] for sign in unassigned)


@given(ANY)
def test_words_tokenize_to_themselves(text: str) -> None:
    words = tokenize(text)
    assert tokenize(" ".join(words)) == words
    assert all(0 < len(word) <= MAX_WORD_LENGTH for word in words)


@given(ANY, ANY)
def test_separate_texts_are_tokenized_independently(one: str, other: str) -> None:
    assert tokenize(f"{one} {other}") == tokenize(one) + tokenize(other)


@given(ANY)
def test_unicode_normal_form_does_not_matter(text: str) -> None:
    assert tokenize(unicodedata.normalize("NFC", text)) == tokenize(unicodedata.normalize("NFD", text))


@given(ANY | st.sampled_from(HOSTILE_TEXTS))
@settings(max_examples=50, deadline=None)
def test_spans_have_the_words_and_positions_of_a_text(text: str) -> None:
    pieces = list(token_spans(text))
    assert [word for piece in pieces for word in piece.words] == tokenize(text)
    assert [list(piece.words) for piece in pieces] == [tokenize(text[piece.start : piece.end]) for piece in pieces]
    bounds = [bound for piece in pieces for bound in (piece.start, piece.end)]
    assert bounds == sorted(bounds)
    assert all(piece.words for piece in pieces)
    assert all(0 <= piece.start < piece.end <= len(text) for piece in pieces)


def test_spans_cover_only_words() -> None:
    assert list(token_spans("¡Año ½ \u0301 日本!")) == [
        WordSpan(1, 4, ("ano",)),
        WordSpan(5, 6, ("1", "2")),
        WordSpan(9, 10, ("日",)),
        WordSpan(10, 11, ("本",)),
    ]


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_ascii_is_tokenized_like_other_text(text: str) -> None:
    assert tokenize(text) == tokenize(f"{text} é")[:-1]
    assert normalize(text) == normalize(f"{text}é")[:-1] == text.lower()


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("Hello,  World!", "hello, world!"),
        (" \tÉtude\n No. 1 ", "etude no. 1"),
        ("Ärger", "arger"),
        ("Łódź", "lodz"),
        ("パパ", "パパ"),
        ("\u03a3", "\u03c3"),
        ("ẞ", "ss"),
        ("\U0001f600", "\U0001f600"),
        ("x" * 200, "x" * MAX_SORT_KEY_LENGTH),
        ("\ufdfa" * 200, ("صلى الله عليه وسلم" * 200)[:MAX_SORT_KEY_LENGTH]),
        ("\u0301", ""),
    ],
)
def test_sort_key_ignores_case_accents_and_spaces(title: str, key: str) -> None:
    assert sort_key(title) == key
