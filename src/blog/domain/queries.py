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

from .words import words_of

TERMS_MOST: Final = 32
"""How many terms of a query count."""
PHRASE_LONGEST: Final = 64
"""How many words of a term count: what is looked for is held against every place of a text."""

_term = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to be found: words in a row, of which the last may be but the start of one."""

    words: tuple[str, ...]
    is_prefix: bool = False

    def places_in(self, words: Sequence[str]) -> Iterator[int]:
        """From where on these words say it."""
        *whole, last = self.words
        for end in range(len(whole), len(words)):
            word = words[end]
            is_last = word.startswith(last) if self.is_prefix else word == last
            if is_last and whole == [*words[end - len(whole) : end]]:
                yield end - len(whole)

    def is_in(self, words: Sequence[str]) -> bool:
        """Whether these words say it."""
        return any(True for _ in self.places_in(words))


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody looks for: posts that say all that is wanted, each in title or body, and nothing unwanted."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """What a text asks for. Of very many terms the first ones count, and of a very long one its first words."""
        terms = list(islice(_terms_in(text), TERMS_MOST))
        wanted = tuple(dict.fromkeys(term for is_wanted, term in terms if is_wanted))
        return cls(wanted, tuple(dict.fromkeys(term for is_wanted, term in terms if not is_wanted)))

    def finds(self, title: Sequence[str], body: Sequence[str]) -> bool:
        """Whether a post with these words is looked for."""
        return (
            bool(self.wanted)
            and all(term.is_in(title) or term.is_in(body) for term in self.wanted)
            and not any(term.is_in(title) or term.is_in(body) for term in self.unwanted)
        )

    def is_titled(self, title: Sequence[str]) -> bool:
        """Whether a title alone says all that is wanted."""
        return all(term.is_in(title) for term in self.wanted)


def _terms_in(text: str) -> Iterator[tuple[bool, Term]]:
    for sign, quoted, plain in _term.findall(text):
        said = quoted or plain
        if words := words_of(said):
            is_prefix = said.endswith("*") and len(words) <= PHRASE_LONGEST
            yield not sign, Term(tuple(words[:PHRASE_LONGEST]), is_prefix)
