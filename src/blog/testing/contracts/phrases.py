"""Texts and queries that search indexes tend to treat differently."""

from typing import Final, NamedTuple

from hypothesis import strategies as st


class SearchExample(NamedTuple):
    """A text, queries that find it, and queries that do not."""

    text: str
    found_by: tuple[str, ...]
    not_found_by: tuple[str, ...] = ()


SAYINGS: Final = (
    SearchExample(
        "one two, three",
        (
            "one",
            "three one",
            "ONE",
            '"one two"',
            '"two three"',
            "thr*",
            "one -four",
            '"one tw*"',
            "o* t*",
            '-"three two" one',
        ),
        (
            "on",
            "four",
            "one four",
            "one -two",
            '"two one"',
            '"one three"',
            "one -thr*",
            '"one t* three"',
            "-four",
            '"tw* three"',
        ),
    ),
    SearchExample(
        "world-wide (web): it's a_b",
        ("world", "wide", "world-wide", '"wide web"', "it's", '"it s a b"', "a_b"),
        ("its", "ab"),
    ),
    SearchExample(
        "Caf\u00e9 \u00c5ngstr\u00f6m", ("cafe", "CAFE\u0301", "\u212bngstrom", "c\u00e4fe", "ang*"), ("caf",)
    ),
    SearchExample(
        "Stra\u00dfe \u1e9e \ufb01ne \u0130zmir",
        ("STRASSE", "ss", "fine", "izmir", "\u0130ZMIR", "stra\u00df*"),
        ("strase",),
    ),
    SearchExample(
        "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
        ("\u03a3\u0399\u03a3\u03a5\u03a6\u039f\u03a3", "\u03c3\u03b9\u03c3*"),
        ("sisyphos",),
    ),
    SearchExample(
        "\u65e5\u672c\u8a9e\u3067\u3059",
        ("\u65e5\u672c", "\u672c\u8a9e", '"\u8a9e\u3067"', "\u65e5"),
        ("\u672c\u65e5", '"\u65e5\u8a9e"'),
    ),
    SearchExample(
        "\ud55c\uad6d\uc5b4 \ubc30\uc6b0\uae30",
        ("\ud55c\uad6d\uc5b4", "\ud55c\uad6d*", "\u1112\u1161\u11ab\uad6d\uc5b4", "\uad6d\uc5b4"),
        ("\uc5b4\uad6d", "\ud558\uad6d\uc5b4"),
    ),
    SearchExample(
        "한국어를 배우기 초등학교", ("한국어", "배우", "학교", '"를 배우기"', "한국어 학교"), ("하", "학교를", "국한")
    ),
    SearchExample(
        "\u0939\u093f\u0928\u094d\u0926\u0940 \u0915\u0940",
        ("\u0939\u093f\u0928\u094d\u0926\u0940", "\u0939\u093f*", "\u0915\u0940"),
        ("\u0926\u0940", "\u0939\u093f\u0928\u0926\u0940"),
    ),
    SearchExample(
        "วันนี้กินข้าว การทำอาหารไทย น้ำตก",
        ("ข้าว", "กินข้าว", "อาหาร", "ไทย", "น้ำ", "ตก", "ข้*"),
        ("ขาว", "ขา", "น้", "ไทยอาหาร"),
    ),
    SearchExample("ພາສາລາວ ມ້າ", ("ພາສາ", "ລາວ", "ມ້າ"), ("ມາ", "ລາວພາ")),
    SearchExample("ភាសាខ្មែរ ទឹក", ("ខ្មែរ", "ភាសា", "ទឹក"), ("ខមែរ", "ទក")),
    SearchExample("မြန်မာဘာသာ ကို", ("မြန်မာ", "ဘာသာ", "ကို"), ("မန်မာ", "က")),
    SearchExample("バスとパパ ﾊﾟﾝ 佐々木", ("パパ", "バス", "ﾊﾟﾊﾟ", "パン", "佐々木"), ("ハハ", "ハス", "ハン")),
    SearchExample("வணக்கம் தமிழ் বাংলা", ("தமிழ்", "வணக்க*", "বাংলা"), ("தமிழ", "বল")),
    SearchExample("שָׁלוֹם مُحَمَّد", ("שלום", "محمد", "שָׁלוֹם", "مُحَمَّد"), ("של",)),
    SearchExample(
        "Łódź København Đà Nẵng", ("lodz", "ŁÓDŹ", "kobenhavn", "da nang", '"Đà Nẵng"', "łod*"), ("odz", "dà-łódź")
    ),
    SearchExample("Ærø Þórður Œuvre", ("aero", "thordur", "oeuvre", "ÆRØ"), ("ro", "ordur")),
    SearchExample("Ёлка Й Ὀδυσσεύς", ("елка", "ЁЛКА", "и", "οδυσσευς"), ("лка",)),
    SearchExample("Donau\u00addampf", ("donaudampf", "donau\u00addampf"), ("donau", "dampf")),
    SearchExample("x" * 70 + "ende", ("x" * 70 + "ende", "x" * 70 + "en*"), ("x" * 70 + "andere", "ende")),
    SearchExample(
        "x\u00b2 \u00bd \u216b \uff21\uff22 \u0663", ("x2", "\u2460\u2044\u2461 xii", "ab", "\u00d7 xii"), ("x",)
    ),
    SearchExample(
        "I \U0001f600 this \U0001f469\u200d\U0001f52c",
        ("i this", "\U0001f600 this", '"i this"'),
        ("\U0001f600", "\U0001f469", "*", '""', ""),
    ),
    SearchExample(
        "AND OR NOT NEAR title body",
        ("AND", "or not", '"and or"', "NEAR(title", "title:body", "^AND", '{title "body" or}'),
        ("AND -NEAR", "{title body}:or"),
    ),
    SearchExample(
        "a & b | c ! d <-> e : * f",
        ("a & b", "b|c", "!d", "d<->e", "a:*", "'a' & 'f'", "f*", "\\a", "$a$", "a%"),
        ("a <0> z", "a|c"),
    ),
    SearchExample(
        "x" * 10_000, ("x" * 64, "x" * 9_999, "x" * 63 + "*", "X" * 100_000), ("x", "x" * 63, "x" * 64 + "y" * 3 + " y")
    ),
    SearchExample("running runs ran the of and", ("the of and", "running", "run*", "the"), ("run", "runn", "th")),
    SearchExample(
        "1.5 3,000 https://example.com/a?b=c a@b.example",
        ("1.5", '"5 3"', "000", "example.com", "b=c", "a@b.example"),
        ("3000", "com -a"),
    ),
)
"""Words, phrases, prefixes and what is not to be there, in several scripts; what looks like a language of queries; very
long words; words that some leave out or take for others; numbers and addresses.
"""

WORDS: Final = (
    "a", "an", "ann", "A", "\u00e1", "Caf\u00e9", "cafe", "stra\u00dfe", "STRASSE", "\ufb01n", "fin", "\u0130", "i",
    "\u65e5", "\u672c", "\ud55c\uad6d", "\ud55c", "\u0939\u093f", "\u0939\u093f\u0928", "\U0001f600", "\u00bd",
    "\ufdfa", "ข้า", "ขา", "パ", "ハ", "\u0142", "1", "2", "AND", "OR", "not", "NEAR", "x" * 64, "x" * 65,
)  # fmt: skip
"""Few words, so that queries often match."""

words = st.sampled_from(WORDS)
plain_words = st.sampled_from(WORDS[:6])
spaces = st.sampled_from((" ", " ", " ", "-", ", ", ". ", "\n", "_", "'", "/", "", "\u200d", "\u00ad", "*", "\u3000"))
syntax = st.sampled_from(
    (" AND ", " NOT ", "NEAR(", ")", ":", "^", "*", '"', "'", "\\", "&", "|", "!", "<->", "-", "--", "title:", "%", "{")
)  # fmt: skip

texts = st.lists(st.tuples(plain_words | words, spaces).map("".join), max_size=6).map("".join)
"""Texts of posts."""

phrases = st.builds('{}"{}"'.format, st.sampled_from(("", "", "-")), texts)
terms = st.builds(
    "{}{}{}".format, st.sampled_from(("", "", "", "-")), plain_words | words, st.sampled_from(("", "", "*"))
)
queries = st.lists(st.one_of(terms, terms, phrases, syntax), max_size=4).flatmap(
    lambda parts: st.sampled_from((" ", " ", " ", "")).map(lambda space: space.join(parts))
)
"""Queries."""

any_texts = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(words | syntax, max_size=6).map("".join)
