"""Snippets: parts of a text around a match, with the matches highlighted."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from string import ascii_lowercase, digits
from typing import Final, NamedTuple

from .query import MAX_WORDS, SearchQuery
from .scripts import FOLLOWING, PHRASES, SPACELESS, SYLLABLES
from .tokenizer import WordSpan, spaced, token_spans, tokenize

MAX_SNIPPET_LENGTH: Final = 200
"""Characters of a snippet, approximately."""

MAX_SCANNED: Final = 8_000
MAX_SCANNED_PER_PAGE: Final = 120_000
"""Characters and words of non-ASCII texts that are scanned for one snippet, and for all snippets of a page. So the cost
of a search does not grow with the length of the posts.
"""

_BLOCK: Final = 250
_BLOCK_OF_ASCII: Final = 2_000
"""Characters that are tokenized at once to look for a match."""

_MAX_READ: Final = 8_000
"""Characters that are read word by word."""

_TRIES: Final = 4
"""Terms that are searched behind the scanned part, and positions that are tried there."""

_NEAR: Final = 20
"""Characters within which a snippet is moved to begin and end between words."""

_ASCII_OF_WORDS: Final = ascii_lowercase + digits
_space = re.compile(r"\s")
_between = re.compile(rf"[^\w{FOLLOWING}]|_|(?![{FOLLOWING}])[{SPACELESS}{SYLLABLES}{PHRASES}]")
"""A position at which no word continues."""


class SnippetPart(NamedTuple):
    """A part of a text, and whether it is a match."""

    text: str
    is_match: bool = False


def highlight(text: str, query: SearchQuery) -> tuple[SnippetPart, ...]:
    """Return a whole text in parts, with its matches."""
    return tuple(_parts(text, 0, len(text), _matches(list(token_spans(text)), query)))


def snippet(text: str, query: SearchQuery, *, max_scanned: int = MAX_SCANNED) -> tuple[SnippetPart, ...]:
    """Return a part of a text around the first match, or its beginning, in parts.

    A match is found in any spelling within the first `max_scanned` characters, and anywhere in an ASCII text. Behind
    them, only a match in its normalized spelling is found.
    """
    matches = _first_matches(text, query, max_scanned)
    first = matches[0].start if matches else 0
    start = _word_start(text, max(0, first - MAX_SNIPPET_LENGTH // 3))
    end = _word_end(text, start + MAX_SNIPPET_LENGTH)
    parts = [SnippetPart("…")] if start > 0 else []
    parts += _parts(text, start, end, matches)
    parts += [SnippetPart("…")] if end < len(text) else []
    return tuple(parts)


def _first_matches(text: str, query: SearchQuery, max_scanned: int) -> list[WordSpan]:
    """Return the matches that a snippet can show. A long text is read only as far as needed."""
    for start, skip in _candidates(text, query, max_scanned):
        if matches := _matches(_spans_from(text, start, skip), query):
            return matches
    return []


def _candidates(text: str, query: SearchQuery, max_scanned: int) -> Iterator[tuple[int, int]]:
    """Return positions between words, and the number of words between each position and a likely match."""
    start = _skip_ascii(text, query)
    block, limit = (_BLOCK_OF_ASCII, len(text)) if text.isascii() else (_BLOCK, min(len(text), max_scanned))
    patterns = [term.pattern for term in query.wanted]
    blocks: list[tuple[int, list[str]]] = []
    remaining = limit
    while start < limit and remaining > 0:
        between = _between.search(text, start + block, limit)
        end = between.start() if between else limit
        blocks.append((start, tokenize(text[start:end])))
        remaining -= len(blocks[-1][1])
        if (skip := _words_before([word for _, words in blocks for word in words], patterns)) is not None:
            yield blocks[0][0], skip
        while sum(len(words) for _, words in blocks[1:]) >= MAX_WORDS:  # no term is longer
            blocks.pop(0)
        start = end
    yield from _candidates_behind(text, query, start)


def _candidates_behind(text: str, query: SearchQuery, limit: int) -> Iterator[tuple[int, int]]:
    """Return the first positions behind the scanned part where a term occurs in its normalized spelling."""
    spellings = {gap.join(term.words) for term in query.wanted[:_TRIES] for gap in (" ", "")}
    lower = text.lower() if any(spelling.upper() != spelling for spelling in spellings) else text
    if limit == len(text) or len(lower) != len(text):
        return
    positions = sorted(at for spelling in spellings if (at := lower.find(spelling, limit)) >= 0)
    for position in positions[:_TRIES]:
        start = max(0, position - _BLOCK)
        starts = [between.start() for between in _between.finditer(text, start, position + 1)] or [position]
        yield starts[-1], 0


def _spans_from(text: str, start: int, skip: int) -> list[WordSpan]:
    """Return the spans that a snippet shows, and as many behind them as a match can have.

    The first span is the one with the word that follows `skip` words after `start`.
    """
    spans = token_spans(text, start, start + _MAX_READ)
    shown: list[WordSpan] = []
    while skip >= 0 and (span := next(spans, None)):
        skip -= len(span.words)
        shown = [span]
    end = shown[0].start + MAX_SNIPPET_LENGTH if shown else 0
    while (span := next(spans, None)) and span.start < end:
        shown.append(span)
    return shown + ([span, *islice(spans, MAX_WORDS)] if span else [])


def _words_before(words: Sequence[str], patterns: Sequence[str]) -> int | None:
    """Return the number of words before the first match, or None."""
    joined = spaced(words)
    positions = [at for pattern in patterns if (at := joined.find(pattern)) >= 0]
    return joined.count(" ", 0, min(positions)) if positions else None


def _skip_ascii(text: str, query: SearchQuery) -> int:
    """Return a position between words before which no match begins. An ASCII text needs no tokenizing for that."""
    if not text.isascii():
        return 0
    lower = text.lower()
    positions = [lower.find(term.words[0]) for term in query.wanted]
    first = min((at for at in positions if at >= 0), default=len(text))
    return len(lower[:first].rstrip(_ASCII_OF_WORDS))


def _matches(spans: Sequence[WordSpan], query: SearchQuery) -> list[WordSpan]:
    """Return the spans that belong to a match."""
    words = [word for span in spans for word in span.words]
    span_of_word = [index for index, span in enumerate(spans) for _ in span.words]
    joined = spaced(words)
    matching = {
        span_of_word[position + offset]
        for term in query.wanted
        if term.pattern in joined
        for position in term.positions_in(words)
        for offset in range(len(term.words))
    }
    return [spans[index] for index in sorted(matching)]


def _parts(text: str, start: int, end: int, matches: list[WordSpan]) -> Iterator[SnippetPart]:
    """Return the text from `start` to `end`, split where matches begin and end."""
    for match in matches:
        if match.start >= end:
            break
        if match.start > start:
            yield SnippetPart(text[start : match.start])
        yield SnippetPart(text[match.start : min(end, match.end)], is_match=True)
        start = match.end
    if start < end:
        yield SnippetPart(text[start:end])


def _word_start(text: str, position: int) -> int:
    """Return the start of the next word, if there is white space soon after a position."""
    if position == 0:
        return 0
    space = _space.search(text, position, position + _NEAR)
    return space.end() if space else position


def _word_end(text: str, position: int) -> int:
    """Return the end of the last word before a position, if there is white space near."""
    if position >= len(text):
        return len(text)
    spaces = [space.start() for space in _space.finditer(text, position - _NEAR, position)]
    return spaces[-1] if spaces else position
