"""Tags: the words by which authors group posts."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from blog.domain.errors import FieldError
from blog.domain.validation import validate_text

MAX_TAGS: Final = 20
"""Tags of a post."""

MAX_TAG_LENGTH: Final = 50


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag, and how many posts have it. `name` is spelled as in the post that was published first of those."""

    key: str
    name: str
    posts: int


@dataclass(frozen=True, slots=True)
class TagPage:
    """A page of tags, by ascending key. `next` is the `after` of the next page: None on the last page."""

    tags: Sequence[TagCount]
    next: str | None


def tag_key(tag: str) -> str:
    """Return the key of a tag. Tags with equal keys are one tag: case does not matter, nor how characters are composed
    (caseless matching by compatibility, Unicode Standard, definition D146).
    """
    if tag.isascii():
        return tag.lower()
    folded = unicodedata.normalize("NFD", tag).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())


def tag_keys(tags: Iterable[str]) -> list[str]:
    """Return the keys of tags, each once, in the order of the tags."""
    return list(dict.fromkeys(map(tag_key, tags)))


def validate_tag(name: str, tag: object) -> list[FieldError]:
    """Return the errors of one tag."""
    if not isinstance(tag, str):
        return [FieldError(name, "must be text")]
    errors = validate_text(name, tag, max_length=MAX_TAG_LENGTH)
    if not errors and (tag != tag.strip() or len(tag.splitlines()) > 1):
        errors.append(FieldError(name, "must be one line, without spaces at its ends"))
    return errors


def validate_tags(name: str, value: object) -> list[FieldError]:
    """Return the errors of the tags of a post."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return [FieldError(name, "must be a list of texts")]
    if len(value) > MAX_TAGS:
        return [FieldError(name, f"must have at most {MAX_TAGS} tags")]
    errors = [error for number, tag in enumerate(value) for error in validate_tag(f"{name}[{number}]", tag)]
    first: dict[str, int] = {}
    for number, tag in enumerate(() if errors else value):
        if (earlier := first.setdefault(tag_key(tag), number)) != number:
            errors.append(FieldError(f"{name}[{number}]", f"is the same tag as {name}[{earlier}]"))
    return errors
