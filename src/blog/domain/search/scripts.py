"""Unicode tables for the tokenizer: letters, marks and accents of scripts.

The tables are ranges of code points. Within a range, `unicodedata` says what a character is.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

Range = tuple[int, int]
"""The first and the last code point."""

_ACCENTS: Final[tuple[Range, ...]] = (
    *((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F)),  # Latin, Greek
    *((0x0483, 0x0489), (0x2DE0, 0x2DFF), (0xA66F, 0xA672), (0xA674, 0xA67D), (0xA69E, 0xA69F)),  # Cyrillic
    *((0x0591, 0x05BD), (0x05BF, 0x05BF), (0x05C1, 0x05C2), (0x05C4, 0x05C5), (0x05C7, 0x05C7)),  # points of Hebrew
    *((0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06DC), (0x06DF, 0x06E4)),  # vowels of Arabic
    *((0x06E7, 0x06E8), (0x06EA, 0x06ED), (0x0898, 0x089F), (0x08CA, 0x08E1), (0x08E3, 0x08FF)),
    *((0x0711, 0x0711), (0x0730, 0x074A)),  # vowels of Syriac
)
_JOINERS: Final[tuple[Range, ...]] = (
    *((0x00AD, 0x00AD), (0x200C, 0x200D), (0x2060, 0x2060)),  # soft hyphen, zero width joiners, word joiner
    *((0x180B, 0x180D), (0x180F, 0x180F), (0xFE00, 0xFE0F)),  # variation selectors
)
PLAIN_LETTERS: Final = {
    **dict.fromkeys("ƀɓ", "b"), **dict.fromkeys("ƈ", "c"), **dict.fromkeys("đɖɗð", "d"), **dict.fromkeys("ǥɠ", "g"),
    **dict.fromkeys("ħ", "h"), **dict.fromkeys("ıɨ", "i"), **dict.fromkeys("ƙ", "k"), **dict.fromkeys("łƚ", "l"),
    **dict.fromkeys("ŋɲ", "n"), **dict.fromkeys("ø", "o"), **dict.fromkeys("ƥ", "p"), **dict.fromkeys("ŧƭⱦ", "t"),
    **dict.fromkeys("ʉ", "u"), **dict.fromkeys("ƴ", "y"), **dict.fromkeys("ƶȥ", "z"),
    "æ": "ae", "œ": "oe", "þ": "th",
}  # fmt: skip
"""Latin letters with a stroke, a bar or a hook, and ligatures: Unicode does not decompose them as it does é and ä."""

PHRASES: Final = "\ufdfa\ufdfb"
"""Arabic characters that NFKC replaces by a phrase of up to eighteen characters."""

_BLOCKS_WITH_MARKS: Final[tuple[Range, ...]] = ((0x0300, 0x30FF), (0xA66F, 0xABFF), (0xFB1E, 0xFB1E), (0xFE20, 0xFE2F))
"""Blocks within the first 65,536 code points. Beyond, a regular expression tries one range after another."""

_BLOCKS_WITHOUT_SPACES: Final[tuple[Range, ...]] = (
    *((0x3005, 0x3007), (0x3031, 0x3035), (0x303B, 0x303C), (0x3040, 0x30FF), (0x31F0, 0x31FF)),  # Japanese
    (0xFF66, 0xFF9D),
    *((0x0E00, 0x0E7F), (0x0E80, 0x0EFF)),  # Thai, Lao
    *((0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)),  # Burmese
    *((0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF), (0xAA80, 0xAADF)),  # Khmer, Tai
    *((0x1B00, 0x1B7F), (0xA980, 0xA9DF)),  # Balinese, Javanese
)

_CHINESE_CHARACTERS: Final[tuple[Range, ...]] = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
"""Whole blocks, because Unicode will add characters there."""

_JAMO: Final[tuple[Range, ...]] = (
    *((0x1100, 0x11FF), (0xA960, 0xA97F), (0xD7B0, 0xD7FF)),
    *((0x3131, 0x318E), (0xFFA0, 0xFFDC)),  # compatibility forms
)
_SYLLABLES: Final[tuple[Range, ...]] = ((0xAC00, 0xD7A3),)


def _pattern_of(ranges: Iterable[Range]) -> str:
    """Return the inside of `[]` of a regular expression."""
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


def _ranges_of(category: str, blocks: Iterable[Range]) -> Iterable[Range]:
    """Return the ranges within these blocks of characters whose category begins with `category`."""
    first: int | None = None
    for start, end in blocks:
        for code in range(start, end + 2):
            is_there = code <= end and unicodedata.category(chr(code)).startswith(category)
            if is_there and first is None:
                first = code
            elif not is_there and first is not None:
                yield first, code - 1
                first = None


ACCENTS: Final = _pattern_of(_ACCENTS)
"""Marks that are ignored, because a text can be read without them. In other scripts marks distinguish words."""

JOINERS: Final = _pattern_of(_JOINERS)
"""Invisible characters that may occur within a word."""

MARKS: Final = _pattern_of(_ranges_of("M", _BLOCKS_WITH_MARKS))
"""All marks that follow a letter, also accents."""

SPACELESS: Final = _pattern_of([*_ranges_of("L", _BLOCKS_WITHOUT_SPACES), *_CHINESE_CHARACTERS, (0x3007, 0x3007)])
"""Letters of scripts without spaces between words."""

JAMO: Final = _pattern_of(_ranges_of("L", _JAMO))
"""The letters of Korean syllables."""

SYLLABLES: Final = _pattern_of(_SYLLABLES)
"""Korean syllables."""

FOLLOWING: Final = MARKS + JOINERS + "\uff9e\uff9f\u0e33\u0eb3"
"""Characters that belong to the previous letter: marks, joiners, and letters that NFKC turns into a mark."""
