"""Comparisons of two versions: no text is lost, small changes are shown small, and the work is bounded."""

import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.domain.posts import comparison as compared
from blog.domain.posts.comparison import (
    MAX_PARTS,
    MAX_STEPS,
    PartKind,
    SetChange,
    TextPart,
    compare,
    compare_sets,
    compare_texts,
)
from blog.domain.posts.post import CONTENT_FIELDS, MAX_BODY_LENGTH, PostContent

EQUAL, REMOVED, ADDED = PartKind

few_letters = st.text("ab \n", max_size=40)
lines = st.lists(st.sampled_from(("one\n", "two three\n", "four, five\n", "\n", "six")), max_size=12).map("".join)
any_texts = st.text(max_size=60) | few_letters | lines


def old_of(parts: Sequence[TextPart]) -> str:
    return "".join(part.text for part in parts if part.kind is not ADDED)


def new_of(parts: Sequence[TextPart]) -> str:
    return "".join(part.text for part in parts if part.kind is not REMOVED)


@given(any_texts, any_texts)
def test_both_texts_can_be_rebuilt_from_their_comparison(old: str, new: str) -> None:
    parts = compare_texts(old, new)
    assert (old_of(parts), new_of(parts)) == (old, new)
    assert all(part.text for part in parts)
    kinds = [part.kind for part in parts]
    assert all(kind is not following for kind, following in pairwise(kinds))
    assert (REMOVED in kinds or ADDED in kinds) is (old != new)


@given(any_texts, any_texts)
def test_a_comparison_backwards_swaps_what_was_removed_and_added(old: str, new: str) -> None:
    forwards, backwards = compare_texts(old, new), compare_texts(new, old)
    assert (old_of(forwards), new_of(forwards)) == (new_of(backwards), old_of(backwards))


@given(any_texts, any_texts)
def test_the_same_texts_always_have_the_same_comparison(old: str, new: str) -> None:
    assert compare_texts(old, new) == compare_texts(old, new)


def common(old: Sequence[int], new: Sequence[int]) -> int:
    """The length of the longest common subsequence, by the textbook."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, left in enumerate(old):
        for j, right in enumerate(new):
            table[i + 1][j + 1] = table[i][j] + 1 if left == right else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


@given(st.lists(st.integers(0, 3), max_size=14), st.lists(st.integers(0, 3), max_size=14))
def test_without_a_limit_nothing_more_than_necessary_changes(old: list[int], new: list[int]) -> None:
    changes = compared._changes(old, new, compared._Steps(10**9))
    removed = sum(end - start for start, end, _, _ in changes)
    added = sum(end - start for _, _, start, end in changes)
    assert len(old) - removed == len(new) - added == common(old, new)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("same\n", "same\n", [(EQUAL, "same\n")]),
        ("", "new", [(ADDED, "new")]),
        ("old", "", [(REMOVED, "old")]),
        ("a\nb\nc\n", "a\nc\n", [(EQUAL, "a\n"), (REMOVED, "b\n"), (EQUAL, "c\n")]),
        (
            "Hello\nthe quick fox\nend\n",
            "Hello\nthe slow fox\nend\n",
            [(EQUAL, "Hello\nthe "), (REMOVED, "quick"), (ADDED, "slow"), (EQUAL, " fox\nend\n")],
        ),
        (
            "the quick brown fox",
            "the slow red fox",
            [(EQUAL, "the "), (REMOVED, "quick brown"), (ADDED, "slow red"), (EQUAL, " fox")],
        ),
        (
            "one\ntwo x\nthree x\nfour\n",
            "one\ntwo y\nthree y\nfour\n",
            [
                (EQUAL, "one\ntwo "), (REMOVED, "x"), (ADDED, "y"), (EQUAL, "\nthree "), (REMOVED, "x"), (ADDED, "y"),
                (EQUAL, "\nfour\n"),
            ],
        ),
        ("no end", "no end\n", [(EQUAL, "no end"), (ADDED, "\n")]),
        ("1\n2\n3\n", "2\n3\n1\n", [(REMOVED, "1\n"), (EQUAL, "2\n3\n"), (ADDED, "1\n")]),
        ("3\n1\n2\n", "1\n2\n3\n", [(REMOVED, "3\n"), (EQUAL, "1\n2\n"), (ADDED, "3\n")]),
        ("one, two", "one; two", [(EQUAL, "one"), (REMOVED, ","), (ADDED, ";"), (EQUAL, " two")]),
    ],
)  # fmt: skip
def test_a_small_change_is_shown_small(old: str, new: str, expected: list[tuple[PartKind, str]]) -> None:
    assert compare_texts(old, new) == expected


def test_many_changes_in_a_long_text_are_shown_one_by_one() -> None:
    random = Random(1)
    words = [f"{random.choice('abcdefgh')}{random.randrange(300)}" for _ in range(12_000)]
    changed = [*words]
    for _ in range(600):
        changed[random.randrange(len(words))] = "CHANGED"
    old, new = ("".join(f"{word}{' ' if place % 12 else chr(10)}" for place, word in enumerate(each))
                for each in (words, changed))  # fmt: skip
    parts = compare_texts(old, new)
    assert (old_of(parts), new_of(parts)) == (old, new)
    assert sum(len(part.text) for part in parts if part.kind is EQUAL) > 0.9 * len(old)


SIZE = 5_000
"""Characters of long texts in these tests, with limits that are as much lower: a trace is slow."""


@pytest.fixture
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "MAX_STEPS", MAX_STEPS * SIZE // MAX_BODY_LENGTH)
    monkeypatch.setattr(compared, "MAX_PARTS", MAX_PARTS * SIZE // MAX_BODY_LENGTH)


def letters(seed: int, after: str) -> str:
    random = Random(seed)
    return "".join(random.choice("ab") + after for _ in range(SIZE // (1 + len(after))))


def numbered(form: str, of: Callable[[int], object] = int) -> str:
    length = len(form.format(0))
    return "".join(form.format(of(number)) for number in range(SIZE // (length + 3)))


LONG = {
    "two letters as lines": (letters(1, "\n"), letters(2, "\n")),
    "two letters as words": (letters(1, " "), letters(2, " ")),
    "two letters in one line": (letters(1, ""), letters(2, "")),
    "punctuation": (letters(1, "").replace("a", ".").replace("b", ","), letters(2, "").replace("a", ".")),
    "empty lines": ("\n" * SIZE, "\n" * (SIZE // 2)),
    "equal lines, moved": ("x\n" + "a\n" * (SIZE // 2 - 2) + "y", "a\n" * (SIZE // 2 - 2) + "z"),
    "equal lines with changes": (
        numbered("{}\n", lambda number: "a" if number % 100 else "b"),
        numbered("{}\n", lambda number: "a" if number % 100 else "c"),
    ),
    "periods of two lengths": (("a\n" * 9 + "b\n") * (SIZE // 20), ("a\n" * 8 + "b\n") * (SIZE // 18)),
    "a word in each line": (numbered("a {} x\n"), numbered("a {} y\n")),
    "one line against many": ("a", numbered("{}\n")),
    "all lines in another order": (numbered("{}\n"), numbered("{}\n", lambda number: SIZE - number)),
}


def steps_of(work: Callable[[], Any]) -> tuple[Any, int]:
    """Do the work. Return its result and the number of executed lines of the module."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace if frame.f_code.co_filename == compared.__file__ else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return work(), count
    finally:
        sys.settrace(before)


@pytest.mark.usefixtures("low_limits")
@pytest.mark.parametrize("name", LONG)
def test_the_work_and_the_result_are_bounded_whatever_the_texts(name: str) -> None:
    old, new = LONG[name]
    parts, count = steps_of(lambda: compare_texts(old, new))
    assert (old_of(parts), new_of(parts)) == (old, new)
    # Changes of lines are not counted: each takes a round, and the rounds use up the steps long before.
    assert len(parts) <= 3 * compared.MAX_PARTS
    assert count <= 5 * compared.MAX_STEPS + 15 * SIZE


@pytest.mark.usefixtures("low_limits")
def test_what_takes_too_many_steps_is_replaced_as_a_whole() -> None:
    old, new = LONG["two letters as words"]
    assert [part.kind for part in compare_texts(old, new) if part.kind is not EQUAL] == [REMOVED, ADDED]


def test_lines_are_not_compared_by_words_where_that_gives_too_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = LONG["a word in each line"]
    assert len(compare_texts(old[:90], new[:90])) > 20
    monkeypatch.setattr(compared, "MAX_PARTS", 20)
    assert [part.kind for part in compare_texts(old[:90], new[:90]) if part.kind is not EQUAL] == [REMOVED, ADDED]


def test_equal_lines_are_shown_equal_also_where_lines_take_too_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "MAX_STEPS", 2000)
    old, new = ("".join(f"{letter}\n" for letter in Random(seed).choices("ab", k=80)) for seed in (1, 2))
    parts = compare_texts(old, new)
    assert sum(len(part.text) for part in parts if part.kind is EQUAL) > len(old) / 3
    assert (old_of(parts), new_of(parts)) == (old, new)


def test_lines_are_not_compared_by_words_where_that_takes_too_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = ("".join(f"line {number} {word}\n" for number in range(9)) for word in ("before", "after"))
    assert len(compare_texts(old, new)) > 20
    monkeypatch.setattr(compared, "MAX_STEPS", 60)
    assert [part.kind for part in compare_texts(old, new)] == [REMOVED, ADDED]


def test_tags_are_compared_without_their_order() -> None:
    assert compare_sets(("a", "b"), ("b", "a")) == SetChange(("b", "a"), (), ())
    assert compare_sets(("a", "b"), ("c", "b")) == SetChange(("b",), ("a",), ("c",))
    assert compare_sets((), ()) == SetChange((), (), ())


def test_every_field_of_a_content_is_compared() -> None:
    old = PostContent(title="A title", body="A body", slug=None, tags=("a",))
    new = PostContent(title="A title", body="A new body", slug="a-slug", tags=("b",))
    comparison = compare(old, new)
    assert comparison.texts == {
        "title": [(EQUAL, "A title")],
        "body": [(EQUAL, "A "), (ADDED, "new "), (EQUAL, "body")],
        "slug": [(ADDED, "a-slug")],
        "summary": [],
    }
    assert comparison.sets == {"tags": ((), ("a",), ("b",))}
    assert {*comparison.texts, *comparison.sets} == set(CONTENT_FIELDS)
