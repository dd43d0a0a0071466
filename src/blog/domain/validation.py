"""Validation of texts. The domain enforces these rules; entrypoints describe them, for example in OpenAPI."""

import re
from enum import StrEnum
from typing import Final, TypeVar, cast

from .errors import FieldError, ValidationFailed

CONTROLS: Final = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
"""The C0 and C1 control characters except tab and line breaks, for use inside `[]` of a regular expression."""

INVISIBLE: Final = r"\s\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""White space and other invisible characters, for use inside `[]` of a regular expression."""

find_unsafe_character: Final = re.compile(rf"[{CONTROLS}\ud800-\udfff]").search
"""Returns the match of the first character of a text that may not be in it: a control character or a lone surrogate."""

_visible = re.compile(f"[^{INVISIBLE}]")

_Member = TypeVar("_Member", bound=StrEnum)


def validate_text(field: str, text: str, *, max_length: int, may_be_blank: bool = False) -> list[FieldError]:
    """Return the errors of a text that people will read. Its length is counted in code points."""
    errors = []
    if not may_be_blank and not _visible.search(text):
        errors.append(FieldError(field, "must not be blank"))
    if len(text) > max_length:
        errors.append(FieldError(field, f"must have at most {max_length} characters"))
    if (unsafe := find_unsafe_character(text)) is not None:
        errors.append(FieldError(field, describe_unsafe_character(unsafe)))
    return errors


def member_of(kind: type[_Member], field: str, value: object) -> _Member:
    """Return the member of an enumeration that a value is, or names: a caller may pass text.

    Raises:
        ValidationFailed: there is no such member.
    """
    try:
        return kind(cast(str, value))
    except ValueError:
        raise ValidationFailed([FieldError(field, f"must be {' or '.join(kind)}")]) from None


def describe_unsafe_character(found: re.Match[str]) -> str:
    """Return an error message about a match of `find_unsafe_character`.

    The message has the code point and the position, because the character is invisible.
    """
    before = found.string[: found.start()]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    where = f"U+{ord(found[0]):04X} is at line {line}, column {column}"
    return f"must not contain control characters or lone surrogates: {where}"
