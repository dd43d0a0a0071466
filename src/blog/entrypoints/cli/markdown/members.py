"""The members of front matter, as texts, whichever language it is written in."""

import tomllib
from collections.abc import Iterator
from datetime import date, time
from typing import Any, Final, TypeAlias

import yaml

from blog.domain.errors import FieldError, ValidationFailed

from .front_matter import HEAD, Kind, Parts

FrontMatterMember: TypeAlias = tuple[str | None, str | None]
"""A name and a text; None in the place of what is neither a text nor a number, a date, or true or false."""

_SHAPE: Final = "must have lines such as title: Hello"


def members_of(parts: Parts) -> list[FrontMatterMember]:
    """Read the front matter.

    Raises:
        ValidationFailed: it is not in its language, or has no members.
    """
    if parts.kind is Kind.NONE:
        return []
    return list(_toml(parts.head) if parts.kind is Kind.TOML else _yaml(parts.head))


def _yaml(head: str) -> Iterator[FrontMatterMember]:
    """Names and values, none of which is made into anything: an alias of an alias of a list takes no memory."""
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
    if isinstance(value, (date, time)):  # of which a datetime is one
        return value.isoformat()
    return str(value) if isinstance(value, (str, int, float)) else None
