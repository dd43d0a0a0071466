"""The tokenizer: from a text to words without case and accents, for search and for sorting of titles.

A word is a run of letters, digits and their marks. Chinese, Japanese, Thai, Lao, Khmer and Burmese have no spaces
between words, and Korean attaches particles to words. In these scripts each letter with its marks is a word.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from .scripts import ACCENTS, FOLLOWING, JAMO, JOINERS, MARKS, PHRASES, PLAIN_LETTERS, SPACELESS, SYLLABLES

MAX_WORD_LENGTH: Final = 64
"""Characters of a word. A longer run of letters is split into several words."""
MAX_TEXT_LENGTH: Final = 200_000
"""Characters of a normalized text that are read. A body has half as many, but NFKC replaces one character by up to
eighteen.
"""
MAX_SORT_KEY_LENGTH: Final = 100
MAX_MARKS: Final = 30
"""Marks of one letter that are read. No language has as many (UAX #15, Stream-Safe Text Format), and the time of
Unicode normalization grows with the square of their number.
"""

_CHUNK: Final = 64
"""Spans that are normalized together, which is faster than one by one."""

_SINGLES: Final = SPACELESS + SYLLABLES + JAMO
_LETTER: Final = rf"[^\W_{_SINGLES}{PHRASES}]"

_piece = re.compile(
    rf"[{SPACELESS}{PHRASES}][{FOLLOWING}]*"
    rf"|[{SYLLABLES}{JAMO}][{JAMO}{FOLLOWING}]*"  # all parts of a decomposed syllable
    rf"|(?![{FOLLOWING}]){_LETTER}(?:{_LETTER}|[{FOLLOWING}])*"
)
"""A part of a text that is tokenized alone, without its context."""

_row = re.compile(rf"[\w{FOLLOWING}{SPACELESS}]+")
"""A run of such parts, or of underscores."""

_word = re.compile(
    rf"([{_SINGLES}]+)(?![{MARKS}])"
    rf"|([a-z0-9]{{1,{MAX_WORD_LENGTH}}}(?![\w{MARKS}])"  # the common case, which matches faster than the general one
    rf"|[{_SINGLES}][{MARKS}]{{0,{MAX_WORD_LENGTH - 1}}}"
    rf"|{_LETTER}(?:{_LETTER}|[{MARKS}]){{0,{MAX_WORD_LENGTH - 1}}})"
)
"""One-character words, or one word, of a normalized text."""

_crowd = re.compile(rf"([{FOLLOWING}]{{{MAX_MARKS}}})[{FOLLOWING}]+")

_left_out = re.compile(f"[{ACCENTS}{JOINERS}]+")
_with_stroke = re.compile(f"[{''.join(PLAIN_LETTERS)}]")

_ASCII_PLAIN: Final = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}


class WordSpan(NamedTuple):
    """The span of a text from which words come, mostly one word."""

    start: int
    end: int
    words: tuple[str, ...]


def normalize(text: str, max_length: int | None = None) -> str:
    """Return a text, or its beginning, without accents, case-folded and in NFKC."""
    if text.isascii():
        return text[:max_length].lower()
    plain = unicodedata.normalize("NFKD", _crowd.sub(r"\1", text))[:max_length]
    plain = _with_stroke.sub(lambda letter: PLAIN_LETTERS[letter[0]], _left_out.sub("", plain).casefold())
    return unicodedata.normalize("NFC", plain)


def token_spans(text: str, start: int = 0, end: int | None = None) -> Iterator[WordSpan]:
    """Return the spans of words between two positions of a text. No word may begin before `start` and end after it.

    The last word of a span that reaches `end` is left out, because it may continue behind `end`.
    """
    end = len(text) if end is None else min(end, len(text))
    matches = _piece.finditer(text, start, end)
    while chunk := [*islice(matches, _CHUNK)]:
        normalized = normalize("\n".join(match.group() for match in chunk)).split("\n")
        for match, text_of_match in zip(chunk, normalized, strict=True):
            words = tuple(_words_in(text_of_match))
            if match.end() == end < len(text):
                words = words[:-1]
            if words:
                yield WordSpan(match.start(), match.end(), words)


def tokenize(text: str) -> list[str]:
    """Return the words of a text, in their order."""
    if not text.isascii():
        for sign in ("_", *PHRASES):
            text = text.replace(sign, f" {sign} ")
        return _words_in(normalize(" ".join(_row.findall(text)), MAX_TEXT_LENGTH))
    words = text[:MAX_TEXT_LENGTH].translate(_ASCII_PLAIN).split()
    if max(map(len, words), default=0) <= MAX_WORD_LENGTH:
        return words
    return [word[at : at + MAX_WORD_LENGTH] for word in words for at in range(0, len(word), MAX_WORD_LENGTH)]


def spaced(words: Iterable[str]) -> str:
    """Return the words with spaces around each, so that a phrase can be found as a substring."""
    return f" {' '.join(words)} "


def sort_key(title: str) -> str:
    """Return the sort key of a title."""
    return " ".join(normalize(title).split())[:MAX_SORT_KEY_LENGTH]


def _words_in(normalized: str) -> list[str]:
    if len(normalized) <= MAX_WORD_LENGTH and normalized.isascii() and normalized.isalnum():
        return [normalized]
    return [word for singles, whole in _word.findall(normalized) for word in singles or (whole,)]
