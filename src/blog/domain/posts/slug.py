"""Slugs: the readable part of a post's URL. From the title by default, unique, and never given to another post."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from blog.domain.errors import FieldError

MAX_SLUG_LENGTH: Final = 80

MAX_MARKS: Final = 4
"""Combining marks that a letter keeps. No script needs more; more of them only make a slug unreadable."""

RESERVED_SLUGS: Final = frozenset(
    """about account admin api archive assets author authors by-slug docs drafts edit events favicon feed feeds health
    help images invitations login logout media new next page pages posts preview previous robots rss search settings
    sitemap static studio tag tags users""".split()  # noqa: SIM905 - easier to read than a list
)
"""Words that pages of a blog have as addresses, or may have one day."""

_DROPPED: Final = frozenset("'\u2019\u02bc`\u00ad\u200b\u200c\u200d\u2060\ufe0e\ufe0f\u20e3")
"""Apostrophes, joiners, variation selectors and keycaps: they are within words, and separate nothing."""

_digits = re.compile(r"\d+")
_hyphens = re.compile("-+")
_ascii = re.compile("[^a-z0-9]+")


def slug_of(title: str) -> str:
    """Return the slug of a title: lower-case letters and digits of every script, with the marks on them, and a hyphen
    for everything between. It has at most `MAX_SLUG_LENGTH` characters, and is empty if the title has no letter or
    digit.

    Marks stay, because words of Hindi, Thai, Tamil or pointed Hebrew cannot be read without them. The text is in the
    normal form NFKC (Unicode Standard Annex 15), so two ways to type one title have one slug.
    """
    if title.isascii():
        words = _ascii.sub("-", title.lower().replace("'", "").replace("`", ""))
    else:
        lower = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", title).lower())
        words = unicodedata.normalize("NFKC", _hyphens.sub("-", "".join(_kept(lower))))
    slug = _cut(words.strip("-"))
    return f"post-{slug}"[:MAX_SLUG_LENGTH] if _digits.fullmatch(slug) or slug in RESERVED_SLUGS else slug


def numbered(slug: str, number: int) -> str:
    """Return a slug with a number at its end, within the maximum length."""
    suffix = f"-{number}"
    return _cut(slug, MAX_SLUG_LENGTH - len(suffix)) + suffix


def normalize_slug(text: str) -> str:
    """Return the form in which a slug is stored, from the form in which a client sends it."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def validate_slug(name: str, value: object) -> list[FieldError]:
    """Return the errors of a slug that an author chooses. None leaves the choice to the title."""
    if value is None:
        return []
    if not isinstance(value, str):
        return [FieldError(name, "must be text")]
    if len(value) > MAX_SLUG_LENGTH:
        return [FieldError(name, f"must have at most {MAX_SLUG_LENGTH} characters")]
    if value in RESERVED_SLUGS or _digits.fullmatch(value):
        return [FieldError(name, "must be neither a number nor a word that the blog uses itself")]
    if not value or slug_of(value) != value:
        return [FieldError(name, "must be lower-case letters and digits, with single hyphens between words")]
    return []


def _kept(text: str) -> Iterator[str]:
    marks = MAX_MARKS  # a mark without a letter is not kept
    for character in text:
        category = unicodedata.category(character)
        if category[0] in "LN":
            marks = 0
            yield character
        elif category[0] == "M" and character not in _DROPPED:
            if marks < MAX_MARKS:
                marks += 1
                yield character
        elif character not in _DROPPED:
            marks = MAX_MARKS
            yield "-"


def _cut(slug: str, length: int = MAX_SLUG_LENGTH) -> str:
    """Shorten a slug: at a hyphen in its last third, or else never between a letter and its marks."""
    if len(slug) <= length:
        return slug
    end = length
    while end > 1 and unicodedata.category(slug[end])[0] == "M":
        end -= 1
    hyphen = slug.rfind("-", 2 * length // 3, end + 1)
    return slug[: hyphen if hyphen > 0 else end].rstrip("-")
