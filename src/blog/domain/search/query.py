"""Queries: what somebody looks for, in their words.

Any text is a query. Words are looked for wherever they stand; `"words between quotes"` in this order, and so what has
signs within, like world-wide; `-without` keeps away what says it; `pre*` is any word that starts so. Case and accents
do not matter. Where nothing is asked for but what is not to be there, nothing is found.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Self

from .tokenizer import spaced, tokenize

MAX_TERMS: Final = 32
"""How many terms of a query count."""
MAX_WORDS: Final = 64
"""How many words of all terms count: what is looked for is held against every place of a text."""

_term = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to be found: words in a row, of which the last may be but the start of one."""

    words: tuple[str, ...]
    is_prefix: bool = False

    @property
    def pattern(self) -> str:
        """The part that every text has, of words with spaces between (`words.spaced`), which says it."""
        return f" {' '.join(self.words)}{'' if self.is_prefix else ' '}"

    def positions_in(self, words: Sequence[str]) -> Iterator[int]:
        """From where on these words say it."""
        *whole, last = self.words
        for end in range(len(whole), len(words)):
            word = words[end]
            is_last = word.startswith(last) if self.is_prefix else word == last
            if is_last and whole == [*words[end - len(whole) : end]]:
                yield end - len(whole)

    def is_in(self, words: Sequence[str]) -> bool:
        """Whether these words say it."""
        return self.pattern in spaced(words)


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What somebody looks for: posts that say all that is wanted, each in title or body, and nothing unwanted."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """What a text asks for. Of very many terms the first ones count, and of very many words likewise."""
        terms = list(islice(_terms_in(text), MAX_TERMS))
        wanted = tuple(dict.fromkeys(term for is_wanted, term in terms if is_wanted))
        return cls(wanted, tuple(dict.fromkeys(term for is_wanted, term in terms if not is_wanted)))

    def matches(self, title: Sequence[str], body: Sequence[str]) -> bool:
        """Whether a post with these words is looked for."""
        said = spaced(title) + spaced(
            body
        )  # two spaces between: nothing that is found begins in one and ends in the other
        return (
            bool(self.wanted)
            and all(term.pattern in said for term in self.wanted)
            and not any(term.pattern in said for term in self.unwanted)
        )

    def matches_title(self, title: Sequence[str]) -> bool:
        """Whether a title alone says all that is wanted."""
        said = spaced(title)
        return all(term.pattern in said for term in self.wanted)


def _terms_in(text: str) -> Iterator[tuple[bool, Term]]:
    """Each term, and whether it is wanted. Only what is wanted is cut short: what is unwanted would keep away more."""
    room = MAX_WORDS
    for sign, quoted, plain in _term.findall(text):
        said = quoted or plain
        words = tokenize(said)
        fits = len(words) <= room
        if words and room and (fits or not sign):
            yield not sign, Term(tuple(words[:room]), is_prefix=said.endswith("*") and fits)
            room -= len(words[:room])
