"""Working copies as files, beside the files of their posts."""

from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.post import CONTENT_FIELDS, PostContent
from blog.domain.posts.working_copies import WorkingCopy
from blog.domain.shared import UNSTORED, PostId
from blog.entrypoints.cli.argument_types import whole_number

from .dates import parse_date
from .front_matter import HEAD, Parts, format_content, format_time
from .members import read_members

COPY_SUFFIX: Final = ".working-copy"
"""The suffix of such a file. It is not that of Markdown, so that no tool publishes the file as a post."""

_TEXTS: Final = frozenset(CONTENT_FIELDS) - {"body", "tags"}
_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "based_on": whole_number,
    "saved_at": lambda text: parse_date(text).at,
}
_KNOWN: Final = (*(name for name in CONTENT_FIELDS if name != "body"), *_PARSERS)


def copy_file(file: Path) -> Path:
    """Return the file of the working copy of a post, beside the post's own file."""
    return file.with_suffix(COPY_SUFFIX)


def format_copy(copy: WorkingCopy) -> str:
    """Return the file of a working copy that is saved.

    Raises:
        ValueError: it is not saved.
    """
    if copy.saved_at is None:
        raise ValueError("a working copy that is not saved has no file")
    head = format_content(copy.content)
    head += f"based_on: {copy.based_on}\nsaved_at: {format_time(copy.saved_at)}\n"
    return f"---\n{head}---\n{copy.content.body}"


def parse_copy(parts: Parts) -> WorkingCopy:
    """Return the working copy in a file, of a post that has no id yet. The import checks its content.

    Raises:
        ValidationFailed: the front matter is not that of a working copy.
    """
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in read_members(parts):
        if name not in _KNOWN:
            errors.append(FieldError(HEAD, f"has a member that is not known here: known are {', '.join(_KNOWN)}"))
        elif name in values:
            errors.append(FieldError(name, "must be there once"))
        elif isinstance(value, list) if name == "tags" else isinstance(value, str):
            values[name] = value
        else:
            errors.append(FieldError(name, "must be a list of texts" if name == "tags" else "must be one text"))
    for name, parse in _PARSERS.items():
        try:
            values[name] = parse(values.get(name, ""))
        except ArgumentTypeError as error:
            errors.append(FieldError(name, str(error) if name in values else "is missing"))
    if errors:
        raise ValidationFailed(errors)
    content: dict[str, Any] = {name: values[name] for name in _TEXTS if name in values}
    return WorkingCopy(
        post_id=PostId(UNSTORED),
        based_on=values["based_on"],
        saved_at=values["saved_at"],
        content=PostContent(**{"title": "", **content, "body": parts.body, "tags": tuple(values.get("tags", ()))}),
    )
