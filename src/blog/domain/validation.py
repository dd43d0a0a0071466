"""What a text may hold, said once for the rules and for every door that describes them."""

import re
from typing import Final

from .errors import FieldError

CONTROLS: Final = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
"""The C0 and C1 controls but for tab and line breaks, as the inside of a regular expression's class."""

INVISIBLE: Final = r"\s\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""White space, and what shows as nothing though it is none, likewise."""

_unsafe = re.compile(rf"[{CONTROLS}\ud800-\udfff]")
_visible = re.compile(f"[^{INVISIBLE}]")


def validate_text(field: str, text: str, *, max_length: int) -> list[FieldError]:
    """What is wrong with a text that people will read. Its length counts in code points."""
    errors = []
    if not _visible.search(text):
        errors.append(FieldError(field, "must not be blank"))
    if len(text) > max_length:
        errors.append(FieldError(field, f"must have at most {max_length} characters"))
    if (unsafe := describe_unsafe_character(text)) is not None:
        errors.append(FieldError(field, unsafe))
    return errors


def describe_unsafe_character(text: str) -> str | None:
    """What is wrong with a text that has a character it must not have: which one, and where the first one is, since it
    cannot be seen. None if it has none.
    """
    found = _unsafe.search(text)
    if found is None:
        return None
    before = text[: found.start()]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    where = f"U+{ord(found[0]):04X} is at line {line}, column {column}"
    return f"must not contain control characters or lone surrogates: {where}"
