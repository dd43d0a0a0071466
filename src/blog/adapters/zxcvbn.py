"""Password strength by the lists, matchers and scoring of zxcvbn (Wheeler, USENIX Security 2016)."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from itertools import chain
from typing import Any, Final, TypeAlias

Match: TypeAlias = dict[str, Any]
"""A part of a password that matches a pattern, as zxcvbn describes it."""

GUESSES: Final = 10**10
"""The guesses that a strong password needs at least: zxcvbn's highest score, 4."""
WINDOW: Final = 72
"""Characters that are scored together: the time grows with their square. Of a longer password the first and the last
characters are scored, and the password is strong if either part is.
"""

_REASONS: Final = {
    "repeat": "something repeated",
    "sequence": "characters in sequence",
    "spatial": "keys in a row",
    "dictionary": "a common password or word with a little added",
    "date": "a date",
    "regex": "a date",
}
_LETTERS: Final = [
    str.maketrans("@483610$57", "aabegiosst"),
    str.maketrans("@483910$57", "aabeglosst"),
]
"""Symbols for letters, in two readings. zxcvbn itself tries all combinations: 72 characters can take 12 s."""
_KEYS: Final = [
    str.maketrans("yzYZ", "zyZY"),
    str.maketrans("aqzwmAQZWM", "qawz;QAWZ:"),
    str.maketrans("йцукенгшщзхъфывапролджэячсмитьбю", "qwertyuiop[]asdfghjkl;'zxcvbnm,."),
]
"""The characters on the same keys of a QWERTY keyboard: for QWERTZ, AZERTY and ЙЦУКЕН."""

_repeats = (re.compile(r"(.+?)\1+", re.DOTALL), re.compile(r"(.+)\1+", re.DOTALL))
"""The shortest and the longest repeated part: `1.1.20011.1.2001` repeats both `1.` and `1.1.2001`."""


def is_common(password: str) -> bool:
    """Return whether a password, in any case, is one of the 30 000 most common ones, or a repetition of one."""
    return any(part in _common() for part in _parts_of(password))


def weakness_of(password: str) -> str:
    """Return what an easily guessed password mainly consists of, such as "keys in a row"; else an empty text."""
    period = _period_of(password)
    if 0 < 2 * period <= WINDOW:  # the remainder of the last repetition must not count as another part
        return _weakness_in(password[:period] * (WINDOW // period))
    weakness = _weakness_in(password[:WINDOW])
    if weakness and len(password) > WINDOW:
        return _weakness_in(password[-WINDOW:])
    return weakness


def _period_of(password: str) -> int:
    """Return the length of the part that the password repeats at least twice, or 0."""
    sizes = range(1, len(password) // 2 + 1)
    return next((size for size in sizes if password[size:] == password[:-size]), 0)


def _weakness_in(password: str) -> str:
    if not password:
        return ""
    guesses, matches = _scored(password)
    if guesses >= GUESSES:
        return ""
    explained: Counter[str] = Counter()
    for match in matches:
        if match["pattern"] in _REASONS:
            explained[_REASONS[match["pattern"]]] += len(match["token"])
    return explained.most_common(1)[0][0] if explained else "so few characters"


def _scored(password: str) -> tuple[Decimal, Sequence[Match]]:
    """Return the number of guesses that the password needs, and the patterns of the best attack."""
    from zxcvbn import matching, scoring  # type: ignore[import-untyped] # noqa: PLC0415 - 17 MB that only new passwords need

    matches = [
        *matching.dictionary_match(password),
        *matching.reverse_dictionary_match(password),
        *matching.spatial_match(password),
        *matching.sequence_match(password),
        *matching.regex_match(password),
        *matching.date_match(password),
        *_repeated(password),
    ]
    for table in _LETTERS:
        if (read := password.translate(table)) != password:
            matches += (_spelled(match, password, read) for match in matching.dictionary_match(read))
    for table in _KEYS:
        if (typed := password.translate(table)) != password:
            matches += matching.spatial_match(typed)
    scored = scoring.most_guessable_match_sequence(password, matches)
    return Decimal(scored["guesses"]), scored["sequence"]


def _repeated(password: str) -> Iterator[Match]:
    """Yield each part that is a repetition. The repeated part is at most half as long, so the recursion ends."""
    for found in chain.from_iterable(pattern.finditer(password) for pattern in _repeats):
        guesses, matches = _scored(found[1])
        yield {
            "pattern": "repeat",
            "i": found.start(),
            "j": found.end() - 1,
            "token": found[0],
            "base_token": found[1],
            "base_guesses": guesses,
            "base_matches": matches,
            "repeat_count": len(found[0]) // len(found[1]),
        }


def _spelled(match: Match, password: str, read: str) -> Match:
    """Return the word of a spelling with symbols for letters."""
    token = password[match["i"] : match["j"] + 1]
    word = read[match["i"] : match["j"] + 1]
    signs = {sign: letter for sign, letter in zip(token, word, strict=True) if sign != letter}
    return {**match, "token": token, "l33t": bool(signs), "sub": signs}


def _parts_of(password: str) -> Iterator[str]:
    """Yield the password, and the parts of which it is a repetition."""
    for size in range(1, len(password) + 1):
        times, rest = divmod(len(password), size)
        if not rest and password[:size] * times == password:
            yield password[:size]


@cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped] # noqa: PLC0415 - as above

    return frozenset(FREQUENCY_LISTS["passwords"])
