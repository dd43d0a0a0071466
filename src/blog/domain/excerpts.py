"""Excerpts: where a text says what somebody looks for."""

import re
from collections.abc import Iterator
from itertools import islice
from string import ascii_lowercase, digits
from typing import Final, NamedTuple

from .queries import Query
from .words import Piece, pieces_of

EXCERPT_LONGEST: Final = 200
"""Characters that an excerpt has, about."""

_AT_ONCE: Final = (128, 1024)
"""Of how many pieces of a text one looks for matches, at first and then."""

_NEAR: Final = 20
"""Characters within which an excerpt would rather begin and end between words."""

_ASCII_OF_WORDS: Final = ascii_lowercase + digits
_space = re.compile(r"\s")


class Words(NamedTuple):
    """A part of a text, and whether it is what was looked for."""

    text: str
    is_match: bool = False


def marked(text: str, query: Query) -> tuple[Words, ...]:
    """The whole text, with what was looked for told apart."""
    return tuple(_parts(text, 0, len(text), _matches(list(pieces_of(text)), query)))


def excerpt(text: str, query: Query) -> tuple[Words, ...]:
    """So much of a text as fits around the first match, or its beginning, with what was looked for told apart."""
    matches = _first_matches(text, query)
    first = matches[0].start if matches else 0
    start = _word_start(text, max(0, first - EXCERPT_LONGEST // 3))
    end = _word_end(text, start + EXCERPT_LONGEST)
    parts = [Words("…")] if start > 0 else []
    parts += _parts(text, start, end, matches)
    parts += [Words("…")] if end < len(text) else []
    return tuple(parts)


def _first_matches(text: str, query: Query) -> list[Piece]:
    """The matches that an excerpt can show: of a long text, no more is read than has to be."""
    start = _nothing_before(text, query)
    for most in _AT_ONCE:
        pieces = list(islice(pieces_of(text, start), most))
        matches = _matches(pieces, query)
        if len(pieces) < most or (matches and matches[0].end + 2 * EXCERPT_LONGEST < pieces[-1].start):
            return matches
    return _matches(list(pieces_of(text, start)), query)


def _nothing_before(text: str, query: Query) -> int:
    """A place between words before which no match begins. In ASCII that is seen without reading word by word."""
    if not text.isascii():
        return 0
    said = text.lower()
    places = [said.find(term.words[0]) for term in query.wanted]
    first = min((place for place in places if place >= 0), default=len(text))
    return len(said[:first].rstrip(_ASCII_OF_WORDS))


def _matches(pieces: list[Piece], query: Query) -> list[Piece]:
    """The pieces that say something wanted."""
    words = [word for piece in pieces for word in piece.words]
    owners = [number for number, piece in enumerate(pieces) for _ in piece.words]
    numbers = {
        owners[place + step]
        for term in query.wanted
        for place in term.places_in(words)
        for step in range(len(term.words))
    }
    return [pieces[number] for number in sorted(numbers)]


def _parts(text: str, start: int, end: int, matches: list[Piece]) -> Iterator[Words]:
    """The text from `start`, where no match has begun yet, to `end`, cut where matches begin and end."""
    for match in matches:
        if match.start >= end:
            break
        if match.start > start:
            yield Words(text[start : match.start])
        yield Words(text[match.start : min(end, match.end)], is_match=True)
        start = match.end
    if start < end:
        yield Words(text[start:end])


def _word_start(text: str, place: int) -> int:
    """Where a word begins, near a place: the next one after white space, if there is some soon."""
    if place == 0:
        return 0
    space = _space.search(text, place, place + _NEAR)
    return space.end() if space else place


def _word_end(text: str, place: int) -> int:
    """Where a word ends, near a place."""
    if place >= len(text):
        return len(text)
    spaces = [space.start() for space in _space.finditer(text, place - _NEAR, place)]
    return spaces[-1] if spaces else place
