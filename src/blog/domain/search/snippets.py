"""Excerpts: where a text says what somebody looks for."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from string import ascii_lowercase, digits
from typing import Final, NamedTuple

from .query import MAX_WORDS, SearchQuery
from .scripts import FOLLOWING, PHRASES, SPACELESS, SYLLABLES
from .tokenizer import WordSpan, spaced, token_spans, tokenize

MAX_SNIPPET_LENGTH: Final = 200
"""Characters that an excerpt has, about."""

MAX_SCANNED: Final = 8_000
MAX_SCANNED_PER_PAGE: Final = 120_000
"""Characters, and words, of texts that are not all ASCII which are read for one excerpt, and for all on a page: what a
search costs must not grow with all that its results say.
"""

_BLOCK: Final = 250
_BLOCK_OF_ASCII: Final = 2_000
"""Characters of which it is seen at once whether they say something wanted."""

_LONGEST: Final = 8_000
"""Characters that are read word by word."""

_TRIES: Final = 4
"""Terms that are looked for behind what is read, and places that are looked at there."""

_NEAR: Final = 20
"""Characters within which an excerpt would rather begin and end between words."""

_ASCII_OF_WORDS: Final = ascii_lowercase + digits
_space = re.compile(r"\s")
_between = re.compile(rf"[^\w{FOLLOWING}]|_|(?![{FOLLOWING}])[{SPACELESS}{SYLLABLES}{PHRASES}]")
"""Where no piece has begun that goes on."""


class SnippetPart(NamedTuple):
    """A part of a text, and whether it is what was looked for."""

    text: str
    is_match: bool = False


def highlight(text: str, query: SearchQuery) -> tuple[SnippetPart, ...]:
    """The whole text, with what was looked for told apart."""
    return tuple(_parts(text, 0, len(text), _matches(list(token_spans(text)), query)))


def snippet(text: str, query: SearchQuery, *, read: int = MAX_SCANNED) -> tuple[SnippetPart, ...]:
    """So much of a text as fits around the first match, or its beginning, with what was looked for told apart.

    Within the first `read` characters a match is found however it is spelt, and anywhere if the text is all ASCII.
    Behind them one is found that is spelt as it was folded.
    """
    matches = _first_matches(text, query, read)
    first = matches[0].start if matches else 0
    start = _word_start(text, max(0, first - MAX_SNIPPET_LENGTH // 3))
    end = _word_end(text, start + MAX_SNIPPET_LENGTH)
    parts = [SnippetPart("…")] if start > 0 else []
    parts += _parts(text, start, end, matches)
    parts += [SnippetPart("…")] if end < len(text) else []
    return tuple(parts)


def _first_matches(text: str, query: SearchQuery, read: int) -> list[WordSpan]:
    """The matches that an excerpt can show: of a long text, no more is read than has to be."""
    for start, number in _likely_places(text, query, read):
        if matches := _matches(_shown_from(text, start, number), query):
            return matches
    return []


def _likely_places(text: str, query: SearchQuery, most: int) -> Iterator[tuple[int, int]]:
    """Places between words, and which word behind them begins a match, in the order in which they are to be tried."""
    start = _nothing_before(text, query)
    block, limit = (_BLOCK_OF_ASCII, len(text)) if text.isascii() else (_BLOCK, min(len(text), most))
    patterns = [term.pattern for term in query.wanted]
    read: list[tuple[int, list[str]]] = []
    room = limit
    while start < limit and room > 0:
        between = _between.search(text, start + block, limit)
        end = between.start() if between else limit
        read.append((start, tokenize(text[start:end])))
        room -= len(read[-1][1])
        if (number := _first_number([word for _, words in read for word in words], patterns)) is not None:
            yield read[0][0], number
        while sum(len(words) for _, words in read[1:]) >= MAX_WORDS:  # no term is longer
            read.pop(0)
        start = end
    yield from _places_behind(text, query, start)


def _places_behind(text: str, query: SearchQuery, limit: int) -> Iterator[tuple[int, int]]:
    """The first places behind what was read where something wanted is spelt as it was folded."""
    spellings = {gap.join(term.words) for term in query.wanted[:_TRIES] for gap in (" ", "")}
    said = text.lower() if any(spelling.upper() != spelling for spelling in spellings) else text
    if limit == len(text) or len(said) != len(text):
        return
    places = sorted(place for spelling in spellings if (place := said.find(spelling, limit)) >= 0)
    for place in places[:_TRIES]:
        start = max(0, place - _BLOCK)
        starts = [between.start() for between in _between.finditer(text, start, place + 1)] or [place]
        yield starts[-1], 0


def _shown_from(text: str, start: int, number: int) -> list[WordSpan]:
    """The pieces that decide of what an excerpt shows which is a match, where the first one is at a word behind a place
    between words.
    """
    pieces = token_spans(text, start, start + _LONGEST)
    shown: list[WordSpan] = []
    while number >= 0 and (piece := next(pieces, None)):
        number -= len(piece.words)
        shown = [piece]
    end = shown[0].start + MAX_SNIPPET_LENGTH if shown else 0
    while (piece := next(pieces, None)) and piece.start < end:
        shown.append(piece)
    return shown + ([piece, *islice(pieces, MAX_WORDS)] if piece else [])


def _first_number(words: Sequence[str], patterns: Sequence[str]) -> int | None:
    """Which word is the first one that begins something wanted."""
    said = spaced(words)
    places = [place for pattern in patterns if (place := said.find(pattern)) >= 0]
    return said.count(" ", 0, min(places)) if places else None


def _nothing_before(text: str, query: SearchQuery) -> int:
    """A place between words before which no match begins. In ASCII that is seen without reading word by word."""
    if not text.isascii():
        return 0
    said = text.lower()
    places = [said.find(term.words[0]) for term in query.wanted]
    first = min((place for place in places if place >= 0), default=len(text))
    return len(said[:first].rstrip(_ASCII_OF_WORDS))


def _matches(pieces: Sequence[WordSpan], query: SearchQuery) -> list[WordSpan]:
    """The pieces that say something wanted."""
    words, owners = [word for piece in pieces for word in piece.words], _owners(pieces)
    said = spaced(words)
    numbers = {
        owners[place + step]
        for term in query.wanted
        if term.pattern in said
        for place in term.positions_in(words)
        for step in range(len(term.words))
    }
    return [pieces[number] for number in sorted(numbers)]


def _owners(pieces: Sequence[WordSpan]) -> list[int]:
    """Of each word the number of its piece."""
    return [number for number, piece in enumerate(pieces) for _ in piece.words]


def _parts(text: str, start: int, end: int, matches: list[WordSpan]) -> Iterator[SnippetPart]:
    """The text from `start`, where no match has begun yet, to `end`, cut where matches begin and end."""
    for match in matches:
        if match.start >= end:
            break
        if match.start > start:
            yield SnippetPart(text[start : match.start])
        yield SnippetPart(text[match.start : min(end, match.end)], is_match=True)
        start = match.end
    if start < end:
        yield SnippetPart(text[start:end])


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
