"""Words: what a text says whatever its case, accents and signs, by which posts are found and titles are ordered."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

WORD_LONGEST: Final = 64
"""Characters of a word that count."""
SORT_KEY_LONGEST: Final = 100

_MARKS: Final = "".join(chr(code) for code in range(0x300, 0x3100) if unicodedata.category(chr(code)).startswith("M"))
_IDEOGRAPHS: Final = (
    r"\u3040-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_word = re.compile(rf"[{_IDEOGRAPHS}]|(?:[^\W_{_IDEOGRAPHS}]|[{_MARKS}])+")
"""Letters, digits and their marks in a row. Where no spaces are written between words, each sign is one."""

_ASCII_PLAIN: Final = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}


class Piece(NamedTuple):
    """Where in a text there is something to read, and the words that it says: mostly one."""

    start: int
    end: int
    words: tuple[str, ...]


def folded(text: str) -> str:
    """The text without accents, in one case, each character by its plainest form (Unicode's NFKD)."""
    if text.isascii():
        return text.lower()
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return plain.casefold()


def pieces_of(text: str, start: int = 0) -> Iterator[Piece]:
    """The pieces of a text that say words, in their order, from a place on where none has begun yet."""
    for found in _word.finditer(text, start):
        if words := _words_in(found.group()):
            yield Piece(found.start(), found.end(), words)


def words_of(text: str) -> list[str]:
    """The words of a text, in their order."""
    if text.isascii():
        words = text.translate(_ASCII_PLAIN).split()
        is_short = max(map(len, words), default=0) <= WORD_LONGEST
        return words if is_short else [word[:WORD_LONGEST] for word in words]
    return [word for piece in _word.findall(text) for word in _words_in(piece)]


def sort_key(title: str) -> str:
    """What a title is ordered by, character by character."""
    return " ".join(folded(title).split())[:SORT_KEY_LONGEST]


def _words_in(piece: str) -> tuple[str, ...]:
    if piece.isascii():
        return (piece.lower()[:WORD_LONGEST],)
    return tuple(word[:WORD_LONGEST] for word in _word.findall(folded(piece)))
