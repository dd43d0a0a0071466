"""The passwords that attackers try first, from the lists that zxcvbn carries."""

from collections.abc import Iterator
from functools import cache


def is_common(password: str) -> bool:
    """Whether a password, in folded case, is one of the 30 000 most common ones, or one of them again and again."""
    return any(part in _common() for part in _parts_of(password))


def _parts_of(password: str) -> Iterator[str]:
    """The password, and whatever makes it by being repeated."""
    for size in range(1, len(password) + 1):
        times, rest = divmod(len(password), size)
        if not rest and password[:size] * times == password:
            yield password[:size]


@cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped] # noqa: PLC0415 - 5 MB that only new passwords need

    return frozenset(FREQUENCY_LISTS["passwords"])
