"""Comparison of two contents of a post: texts by lines, changed lines by words, tags as sets.

The shortest list of changes takes time that grows with the square of their number. So each text has a limit of steps,
for lines and for words. A part of a text that would take more is shown as replaced. Nothing depends on a clock: the
same texts always have the same comparison.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

from .post import PostContent, content_of

MAX_STEPS: Final = 200_000
"""Steps for the lines of a text, and again for the words of its changed lines."""
MAX_PARTS: Final = 4_000
"""Parts of a text, after which changed lines are no longer compared by words."""

_ROUND_COST: Final = 4
"""Steps that one diagonal costs, beside one for each equal line or word."""
_PAIR_COST: Final = 20
"""Steps that a pair of lines costs, beside the steps for its words."""

_line = re.compile(r"[^\n]*\n|[^\n]+")
_word = re.compile(r"\w+|\s+|[^\w\s]")


class PartKind(StrEnum):
    """Whether a part of a text is in both versions, only in the old one, or only in the new one."""

    EQUAL = "equal"
    REMOVED = "removed"
    ADDED = "added"


class TextPart(NamedTuple):
    """A part of a compared text."""

    kind: PartKind
    text: str


class SetChange(NamedTuple):
    """A comparison of tags: those in both versions, only in the old one, and only in the new one."""

    kept: tuple[str, ...]
    removed: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of two contents: of each text, and of each set of tags, by the name of the field.

    The parts of a text that are not added are the old text. Those that are not removed are the new text. A missing text
    counts as an empty one.
    """

    texts: Mapping[str, Sequence[TextPart]]
    sets: Mapping[str, SetChange]


def compare(old: PostContent, new: PostContent) -> Comparison:
    """Compare two contents of a post."""
    texts: dict[str, Sequence[TextPart]] = {}
    sets: dict[str, SetChange] = {}
    after = {**content_of(new)}
    for name, before in {**content_of(old)}.items():
        if isinstance(before, tuple):
            sets[name] = compare_sets(before, _as_tuple(after[name]))
        else:
            texts[name] = compare_texts(_as_text(before), _as_text(after[name]))
    return Comparison(texts, sets)


def _as_tuple(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def compare_sets(old: Sequence[str], new: Sequence[str]) -> SetChange:
    """Compare tags without regard to their order."""
    before, after = frozenset(old), frozenset(new)
    return SetChange(
        kept=tuple(tag for tag in new if tag in before),
        removed=tuple(tag for tag in old if tag not in after),
        added=tuple(tag for tag in new if tag not in before),
    )


def compare_texts(old: str, new: str) -> list[TextPart]:
    """Compare two texts by lines, and changed lines by words."""
    parts: list[TextPart] = []
    steps_for_words = _Steps(MAX_STEPS)
    for lines in _runs(_line.findall(old), _line.findall(new), _Steps(MAX_STEPS)):
        words = [] if lines.is_equal else _compare_words(lines, steps_for_words)
        for run in words if words and len(parts) + 2 * len(words) <= MAX_PARTS else [lines]:
            if run.is_equal:
                parts.append(TextPart(PartKind.EQUAL, run.old))
            else:
                sides = (TextPart(PartKind.REMOVED, run.old), TextPart(PartKind.ADDED, run.new))
                parts += (part for part in sides if part.text)
    return [
        TextPart(kind, "".join(part.text for part in group)) for kind, group in groupby(parts, key=attrgetter("kind"))
    ]


class _Run(NamedTuple):
    """A part of both texts: the same in both, or replaced."""

    is_equal: bool
    old: str
    new: str


@dataclass(slots=True)
class _Steps:
    """The steps that a comparison may still take."""

    left: int


def _compare_words(lines: _Run, steps: _Steps) -> list[_Run]:
    """Compare changed lines by words: line by line, if as many were added as removed. Return nothing if that is too
    much, or if there is nothing to compare.
    """
    old, new = _line.findall(lines.old), _line.findall(lines.new)
    if not (old and new):
        return []
    pairs = zip(old, new, strict=True) if len(old) == len(new) else [(lines.old, lines.new)]
    runs: list[_Run] = []
    for before, after in pairs:
        if steps.left < 0:
            return []
        steps.left -= _PAIR_COST
        if before == after:
            runs.append(_Run(is_equal=True, old=before, new=after))
        else:
            runs += _runs(_word.findall(before), _word.findall(after), steps)
    joined = _join(runs)
    inner = range(1, len(joined) - 1)
    # Spaces between two changed words are changed with them: nobody reads them as something that stayed.
    return _join(
        run._replace(is_equal=run.is_equal and not (place in inner and run.old.isspace()))
        for place, run in enumerate(joined)
    )


def _join(runs: Iterable[_Run]) -> list[_Run]:
    """Join neighbours that are both equal, or both replaced."""
    return [
        _Run(is_equal, "".join(run.old for run in some), "".join(run.new for run in some))
        for is_equal, group in groupby(runs, key=attrgetter("is_equal"))
        for some in [[*group]]
    ]


def _runs(old: Sequence[str], new: Sequence[str], steps: _Steps) -> list[_Run]:
    """Return the runs of two lists of lines or words, alternately equal and replaced."""
    numbers: dict[str, int] = {}
    before = [numbers.setdefault(text, len(numbers)) for text in old]
    after = [numbers.setdefault(text, len(numbers)) for text in new]
    shorter = min(len(before), len(after))
    start = next((place for place in range(shorter) if before[place] != after[place]), shorter)
    shorter -= start
    end = next((place for place in range(shorter) if before[-1 - place] != after[-1 - place]), shorter)
    middle = _anchored_changes(before[start : len(before) - end], after[start : len(after) - end], steps)
    runs: list[_Run] = []
    at_old = at_new = 0
    for old_from, old_to, new_from, new_to in middle:
        if start + old_from > at_old:
            same = "".join(old[at_old : start + old_from])
            runs.append(_Run(is_equal=True, old=same, new=same))
        at_old, at_new = start + old_to, start + new_to
        removed, added = old[start + old_from : at_old], new[start + new_from : at_new]
        runs.append(_Run(is_equal=False, old="".join(removed), new="".join(added)))
    if at_old < len(old):
        rest = "".join(old[at_old:])
        runs.append(_Run(is_equal=True, old=rest, new=rest))
    return runs


_Change: TypeAlias = tuple[int, int, int, int]
"""The begin and the end of a change in the old list, and then those in the new list."""


def _anchored_changes(old: Sequence[int], new: Sequence[int], steps: _Steps) -> list[_Change]:
    """Return the changes between two lists. Items that are in each of them once, in the same order, divide them first:
    so a text with many changes falls into short pieces.
    """
    changes: list[_Change] = []
    at_old = at_new = 0
    for to_old, to_new in [*_anchors(old, new), (len(old), len(new))]:
        changes += (
            (at_old + old_from, at_old + old_to, at_new + new_from, at_new + new_to)
            for old_from, old_to, new_from, new_to in _changes(old[at_old:to_old], new[at_new:to_new], steps)
        )
        at_old, at_new = to_old + 1, to_new + 1
    return changes


def _anchors(old: Sequence[int], new: Sequence[int]) -> list[tuple[int, int]]:
    """Return the places of items that are once in each list: the longest sequence of them that has the same order."""
    count_old, count_new = Counter(old), Counter(new)
    places = {item: place for place, item in enumerate(new) if count_new[item] == 1 == count_old[item]}
    ends: list[int] = []  # the least place in the new list at which a sequence of each length ends
    best: list[tuple[int, int, int]] = []  # place in both lists, and the length of the longest sequence up to there
    for place, item in enumerate(old):
        if item in places:
            length = bisect_left(ends, places[item])
            ends[length : length + 1] = [places[item]]
            best.append((place, places[item], length))
    wanted, anchors = len(ends) - 1, list[tuple[int, int]]()
    for place, place_new, length in reversed(best):
        if length == wanted and (not anchors or place_new < anchors[-1][1]):
            anchors.append((place, place_new))
            wanted -= 1
    return anchors[::-1]


def _changes(old: Sequence[int], new: Sequence[int], steps: _Steps) -> list[_Change]:
    """Return the shortest list of changes; all as one change if it would take too many steps.

    This is the greedy algorithm of Myers (1986). A diagonal is the difference between the places in both lists. After
    each round, which allows one more removed or added item, `reached` has the furthest place in the old list on each
    diagonal.
    """
    size_old, size_new = len(old), len(new)
    zero = size_new + 1  # where the diagonal 0 stands in `reached`
    reached = [-1] * (size_old + size_new + 3)
    reached[zero + 1] = 0
    rounds: list[_Round] = []
    while True:
        number = len(rounds)
        first = 2 * max(0, number - size_new) - number
        last = number - 2 * max(0, number - size_old)
        for diagonal in range(first, last + 1, 2):
            left, right = reached[zero + diagonal - 1], reached[zero + diagonal + 1]
            at = begin = right if left < right else left + 1
            at_new = at - diagonal
            while at < size_old and at_new < size_new and old[at] == new[at_new]:
                at += 1
                at_new += 1
            reached[zero + diagonal] = at
            steps.left -= at - begin + _ROUND_COST
            if at >= size_old and at_new >= size_new:
                return _path(rounds, size_old, size_new)
            if steps.left < 0:
                return [(0, size_old, 0, size_new)]
        rounds.append((first, reached[zero + first : zero + last + 1 : 2]))


_Round: TypeAlias = tuple[int, list[int]]
"""The first diagonal of a round, and the places reached on each second diagonal from it on."""


def _path(rounds: Sequence[_Round], at_old: int, at_new: int) -> list[_Change]:
    """Return the changes of the way to the ends of both lists, joined where nothing equal is between them."""
    changes: list[_Change] = []
    for first, reached in reversed(rounds):
        diagonal = at_old - at_new
        left, right = (_place_on(diagonal + side - first, reached) for side in (-1, 1))
        is_added = left < right
        from_old = right if is_added else left
        from_new = from_old - diagonal - (1 if is_added else -1)
        end_old, end_new = (from_old, from_new + 1) if is_added else (from_old + 1, from_new)
        if changes and (changes[-1][0], changes[-1][2]) == (end_old, end_new):
            _, end_old, _, end_new = changes.pop()
        changes.append((from_old, end_old, from_new, end_new))
        at_old, at_new = from_old, from_new
    return changes[::-1]


def _place_on(offset: int, reached: Sequence[int]) -> int:
    """Return the place on the diagonal that is so many diagonals after the first one; -1 if the round had it not."""
    return reached[offset // 2] if 0 <= offset < 2 * len(reached) else -1
