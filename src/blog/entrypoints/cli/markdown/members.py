"""Read the members of front matter as texts, from YAML or TOML."""

import tomllib
from collections.abc import Iterator
from datetime import date, time
from typing import Any, Final, TypeAlias

import yaml

from blog.domain.errors import FieldError, ValidationFailed

from .front_matter import HEAD, Kind, Parts

FrontMatterMember: TypeAlias = tuple[str | None, str | None]
"""A name and a value as text. None stands for what is neither a text, a number, a date nor a boolean."""

_SHAPE: Final = "must have lines such as title: Hello"


def read_members(parts: Parts) -> list[FrontMatterMember]:
    """Read the front matter.

    Raises:
        ValidationFailed: its syntax is wrong, or it has no members.
    """
    if parts.kind is Kind.NONE:
        return []
    return list(_toml(parts.head) if parts.kind is Kind.TOML else _yaml(parts.head))


def _yaml(head: str) -> Iterator[FrontMatterMember]:
    """Return names and values. No value is constructed, so that nested aliases take no memory."""
    try:
        node = yaml.compose(head, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 2}: "
        raise ValidationFailed([FieldError(HEAD, f"{line}{error.problem}")]) from None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):  # the latter of `[[[…` and "\\UFFFFFFFF"
        raise ValidationFailed([FieldError(HEAD, "must be YAML")]) from None
    if not isinstance(node, yaml.MappingNode):
        raise ValidationFailed([FieldError(HEAD, _SHAPE)])
    for name, value in node.value:
        yield _scalar(name), _scalar(value)


def _scalar(node: yaml.Node) -> str | None:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def _toml(head: str) -> Iterator[FrontMatterMember]:
    try:
        table = tomllib.loads(head.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        raise ValidationFailed([FieldError(HEAD, f"must be TOML: {error}, counted from the line after +++")]) from None
    except (RecursionError, ValueError):  # of `a = [[[…`, and of a number with thousands of digits
        raise ValidationFailed([FieldError(HEAD, "must be TOML")]) from None
    for name, value in table.items():
        yield name, _text(value)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (date, time)):  # a datetime is a date
        return value.isoformat()
    return str(value) if isinstance(value, (str, int, float)) else None
