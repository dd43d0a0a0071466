"""The query language of the search.

Any text is a query. All words must occur, in any order. `"words in quotes"` are a phrase, and so are words with a
punctuation mark inside, such as world-wide. `-word` excludes posts with this word. `pre*` matches words by a prefix.
Case and accents do not matter. A query that only excludes words matches nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Self

from .tokenizer import spaced, tokenize

MAX_TERMS: Final = 32
"""Terms of a query at most. Further terms are ignored."""
MAX_WORDS: Final = 64
"""Words of all terms together at most, because each is compared with every position of a text."""

_term = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')


@dataclass(frozen=True, slots=True)
class Term:
    """A term: a word or a phrase. The last word may be a prefix."""

    words: tuple[str, ...]
    is_prefix: bool = False

    @property
    def pattern(self) -> str:
        """The substring of `tokenizer.spaced` words that matches this term."""
        return f" {' '.join(self.words)}{'' if self.is_prefix else ' '}"

    def positions_in(self, words: Sequence[str]) -> Iterator[int]:
        """Return the positions at which the term begins in these words."""
        *whole, last = self.words
        for end in range(len(whole), len(words)):
            word = words[end]
            is_last = word.startswith(last) if self.is_prefix else word == last
            if is_last and whole == [*words[end - len(whole) : end]]:
                yield end - len(whole)

    def is_in(self, words: Sequence[str]) -> bool:
        """Return whether the term occurs in these words."""
        return self.pattern in spaced(words)


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A parsed query. A post matches if every wanted term occurs in its title or body, and no unwanted term."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse a query. Terms and words beyond the maximum are ignored."""
        terms = list(islice(_terms_in(text), MAX_TERMS))
        wanted = tuple(dict.fromkeys(term for is_wanted, term in terms if is_wanted))
        return cls(wanted, tuple(dict.fromkeys(term for is_wanted, term in terms if not is_wanted)))

    def matches(self, title: Sequence[str], body: Sequence[str]) -> bool:
        """Return whether a post with these words matches."""
        # Two spaces lie between title and body, so that no match begins in one and ends in the other.
        words = spaced(title) + spaced(body)
        return (
            bool(self.wanted)
            and all(term.pattern in words for term in self.wanted)
            and not any(term.pattern in words for term in self.unwanted)
        )

    def matches_title(self, title: Sequence[str]) -> bool:
        """Return whether all wanted terms occur in a title."""
        words = spaced(title)
        return all(term.pattern in words for term in self.wanted)


def _terms_in(text: str) -> Iterator[tuple[bool, Term]]:
    """Return each term and whether it is wanted. A truncated unwanted term would exclude more."""
    remaining = MAX_WORDS
    for sign, quoted, plain in _term.findall(text):
        text_of_term = quoted or plain
        words = tokenize(text_of_term)
        fits = len(words) <= remaining
        if words and remaining and (fits or not sign):
            yield not sign, Term(tuple(words[:remaining]), is_prefix=text_of_term.endswith("*") and fits)
            remaining -= len(words[:remaining])
