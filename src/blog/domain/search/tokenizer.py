"""Words: what a text says whatever its case and accents, by which posts are found and titles are ordered.

A word is letters, digits and their marks in a row. Chinese, Japanese, Thai, Lao, Khmer and Burmese write no spaces
between words, and Korean adds particles to them: there each letter with its marks is a word.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from .scripts import ACCENTS, FOLLOWING, JAMO, JOINERS, MARKS, PHRASES, PLAIN_LETTERS, SPACELESS, SYLLABLES

MAX_WORD_LENGTH: Final = 64
"""Characters of a word. A longer row of letters is several words."""
MAX_TEXT_LENGTH: Final = 200_000
"""Characters of a text that are read, in its plainest form: twice as many as a body can have, since one character may
stand for up to eighteen.
"""
MAX_SORT_KEY_LENGTH: Final = 100
MAX_MARKS: Final = 30
"""How many marks of one letter are read. No language has as many (UAX #15, Stream-Safe Text Format), and Unicode's
normalisation takes the square of their number.
"""

_AT_ONCE: Final = 64
"""Pieces that are folded together, which takes less than one after another."""

_SINGLES: Final = SPACELESS + SYLLABLES + JAMO
_LETTER: Final = rf"[^\W_{_SINGLES}{PHRASES}]"

_piece = re.compile(
    rf"[{SPACELESS}{PHRASES}][{FOLLOWING}]*"
    rf"|[{SYLLABLES}{JAMO}][{JAMO}{FOLLOWING}]*"  # of a syllable that is written in its parts, all
    rf"|(?![{FOLLOWING}]){_LETTER}(?:{_LETTER}|[{FOLLOWING}])*"
)
"""What is read by itself, whatever stands around it."""

_row = re.compile(rf"[\w{FOLLOWING}{SPACELESS}]+")
"""Pieces without anything between them, or low lines."""

_word = re.compile(
    rf"([{_SINGLES}]+)(?![{MARKS}])"
    rf"|([a-z0-9]{{1,{MAX_WORD_LENGTH}}}(?![\w{MARKS}])"  # mostly, and found sooner than by what follows
    rf"|[{_SINGLES}][{MARKS}]{{0,{MAX_WORD_LENGTH - 1}}}"
    rf"|{_LETTER}(?:{_LETTER}|[{MARKS}]){{0,{MAX_WORD_LENGTH - 1}}})"
)
"""Words of one character each, or one word, in a text that is folded."""

_crowd = re.compile(rf"([{FOLLOWING}]{{{MAX_MARKS}}})[{FOLLOWING}]+")

_left_out = re.compile(f"[{ACCENTS}{JOINERS}]+")
_with_stroke = re.compile(f"[{''.join(PLAIN_LETTERS)}]")

_ASCII_PLAIN: Final = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}


class WordSpan(NamedTuple):
    """Where in a text there is something to read, and the words that it says: mostly one."""

    start: int
    end: int
    words: tuple[str, ...]


def normalize(text: str, most: int | None = None) -> str:
    """The text without accents, in one case, each character by its plainest form (Unicode's NFKC), or its beginning."""
    if text.isascii():
        return text[:most].lower()
    plain = unicodedata.normalize("NFKD", _crowd.sub(r"\1", text))[:most]
    plain = _with_stroke.sub(lambda letter: PLAIN_LETTERS[letter[0]], _left_out.sub("", plain).casefold())
    return unicodedata.normalize("NFC", plain)


def token_spans(text: str, start: int = 0, end: int | None = None) -> Iterator[WordSpan]:
    """The pieces of a text that say words, in their order, between two places, at the first of which none has begun.

    One that may go on behind the other place says all its words but the last.
    """
    end = len(text) if end is None else min(end, len(text))
    pieces = _piece.finditer(text, start, end)
    while some := [*islice(pieces, _AT_ONCE)]:
        plain = normalize("\n".join(piece.group() for piece in some)).split("\n")
        for piece, said in zip(some, plain, strict=True):
            words = tuple(_words_in(said))
            if piece.end() == end < len(text):
                words = words[:-1]
            if words:
                yield WordSpan(piece.start(), piece.end(), words)


def tokenize(text: str) -> list[str]:
    """The words of a text, in their order."""
    if not text.isascii():
        for sign in ("_", *PHRASES):
            text = text.replace(sign, f" {sign} ")
        return _words_in(normalize(" ".join(_row.findall(text)), MAX_TEXT_LENGTH))
    words = text[:MAX_TEXT_LENGTH].translate(_ASCII_PLAIN).split()
    if max(map(len, words), default=0) <= MAX_WORD_LENGTH:
        return words
    return [word[place : place + MAX_WORD_LENGTH] for word in words for place in range(0, len(word), MAX_WORD_LENGTH)]


def spaced(words: Iterable[str]) -> str:
    """The words with spaces between, before and after: where words in a row are found as a part of a text is."""
    return f" {' '.join(words)} "


def sort_key(title: str) -> str:
    """What a title is ordered by, character by character."""
    return " ".join(normalize(title).split())[:MAX_SORT_KEY_LENGTH]


def _words_in(plain: str) -> list[str]:
    if len(plain) <= MAX_WORD_LENGTH and plain.isascii() and plain.isalnum():
        return [plain]
    return [word for singles, whole in _word.findall(plain) for word in singles or (whole,)]
