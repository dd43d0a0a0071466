"""A griffe extension for the API reference: read `Raises:` sections that list exceptions without descriptions.

Google's style wants `Name: description` in each line. A docstring of the project may say `OutOfScope, PostNotFound.`,
because the names say enough; griffe would drop such a line.
"""

import re
from typing import Any

from griffe import Extension, Object

_names = re.compile(r"^( +)([A-Z]\w+(?:, [A-Z]\w+)*)\.$", re.MULTILINE)
_raises = re.compile(r"^Raises:\n(?: +.*(?:\n|\Z))+", re.MULTILINE)


class RaisesWithoutDescription(Extension):
    """Give each exception a line of its own."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = one_exception_a_line(obj.docstring.value)


def one_exception_a_line(docstring: str) -> str:
    """Return the docstring with `A, B.` below `Raises:` as `A:` and `B:`."""

    def split(found: re.Match[str]) -> str:
        return "\n".join(f"{found[1]}{name}:" for name in found[2].split(", "))

    return _raises.sub(lambda section: _names.sub(split, section[0]), docstring)
