"""Which words posts say, in memory: each word with the posts that say it."""

import sys
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, takewhile
from typing import Final, NamedTuple, TypeAlias

from sortedcontainers import SortedList

from blog.domain.posts.post import Post
from blog.domain.search.index import SearchPosition
from blog.domain.search.query import SearchQuery, Term
from blog.domain.search.tokenizer import tokenize
from blog.domain.shared import PostId

from .derived import Derived
from .unit import Table

_NARROW: Final = 10_000
"""How many posts the words of one beginning may lead to for these to be put together; else all are looked through."""

Each: TypeAlias = Callable[[Iterable[PostId]], Iterable[PostId]]
"""Goes through ids, and stops where the unit of work is cancelled."""

_NOTHING: Final = ""
"""A word that every post says."""


class Said(NamedTuple):
    """The words of a post."""

    title: Sequence[str]
    body: Sequence[str]

    @classmethod
    def by(cls, post: Post) -> "Said":
        """What a post says; each word is kept once, however many posts say it."""
        return cls(*(tuple(map(sys.intern, tokenize(text))) for text in (post.title, post.body)))


class Concordance:
    """The ascending ids of the posts that say a word."""

    def __init__(self) -> None:
        self._ids: dict[str, list[PostId]] = {}
        self._words: SortedList[str] = SortedList()

    def add(self, post_id: PostId, words: Iterable[str]) -> None:
        """Note that a post says these words."""
        for word in {_NOTHING, *words}:
            if word not in self._ids:
                self._ids[word] = []
                self._words.add(word)
            insort(self._ids[word], post_id)

    def remove(self, post_id: PostId, words: Iterable[str]) -> None:
        """Note that a post no longer says these words."""
        for word in {_NOTHING, *words}:
            ids = self._ids[word]
            del ids[bisect_left(ids, post_id)]
            if not ids:
                del self._ids[word]
                self._words.remove(word)

    def candidates(self, terms: Iterable[Term], *, below: PostId | None, each: Each) -> Iterator[PostId]:
        """By descending id, the posts that say every word of these terms, among which are all that say the terms."""
        shortest, *others = sorted((self._saying(word) for word in _words_of(terms)), key=len)
        end = len(shortest) if below is None else bisect_left(shortest, below)
        ids = (shortest[place] for place in range(end - 1, -1, -1))
        return (post_id for post_id in each(ids) if all(_has(other, post_id) for other in others))

    def _saying(self, word: tuple[str, bool]) -> Sequence[PostId]:
        text, is_prefix = word
        if not is_prefix:
            return self._ids.get(text, [])
        words = takewhile(lambda other: other.startswith(text), self._words.irange(text))
        ids = list(islice(chain.from_iterable(self._ids[word] for word in words), _NARROW + 1))
        return sorted(set(ids)) if len(ids) <= _NARROW else self._ids[_NOTHING]


class WordIndex(Derived[PostId, Post]):
    """The words of all posts, those of titles apart."""

    def __init__(self, shelf: Table[PostId, Post]) -> None:
        super().__init__(shelf)
        self._said: dict[PostId, Said] = {}
        self._titles, self._texts = Concordance(), Concordance()

    def found_by(self, query: SearchQuery, *, after: SearchPosition | None, each: Each) -> Iterator[SearchPosition]:
        """Where the posts stand that the query finds, in their order. `each` goes through all that are looked at."""
        if not query.wanted:
            return
        for in_title, concordance in ((True, self._titles), (False, self._texts)):
            if after is None or in_title <= after.in_title:
                below = after.id if after is not None and in_title == after.in_title else None
                for post_id in concordance.candidates(query.wanted, below=below, each=each):
                    if standing_of(post_id, self._said[post_id], query) == (in_title, post_id):
                        yield SearchPosition(in_title, post_id)

    def _take(self, rows: Iterable[Post]) -> None:
        for post in rows:
            said = self._said[post.id] = Said.by(post)
            self._titles.add(post.id, said.title)
            self._texts.add(post.id, chain(*said))

    def _forget(self, rows: Iterable[Post]) -> None:
        for post in rows:
            said = self._said.pop(post.id)
            self._titles.remove(post.id, said.title)
            self._texts.remove(post.id, chain(*said))


def standing_of(post_id: PostId, said: Said, query: SearchQuery) -> tuple[bool, PostId] | None:
    """Where a post stands among those that the query finds, the first highest; None if it is not among them."""
    return (query.matches_title(said.title), post_id) if query.matches(*said) else None


def _words_of(terms: Iterable[Term]) -> Iterator[tuple[str, bool]]:
    """Every word, and whether it may be but the start of one."""
    for term in terms:
        *first, last = term.words
        yield from ((word, False) for word in first)
        yield last, term.is_prefix


def _has(ids: Sequence[PostId], post_id: PostId) -> bool:
    place = bisect_left(ids, post_id)
    return place < len(ids) and ids[place] == post_id
