"""Read the members of front matter as texts and lists of texts, from YAML or TOML."""

import tomllib
from collections.abc import Callable, Iterable, Iterator
from datetime import date, time
from itertools import chain
from typing import Any, Final, TypeAlias, TypeVar

import yaml

from blog.domain.errors import FieldError, ValidationFailed

from .front_matter import HEAD, Kind, Parts

MemberValue: TypeAlias = str | list[str] | None
"""A text, a number, a date or a boolean as text; or a list of those. None stands for all else."""
FrontMatterMember: TypeAlias = tuple[str | None, MemberValue]
"""A name, None if it is not a text, and a value."""

_TAXONOMIES: Final = "taxonomies"
"""The member in which Zola has tags and categories."""
MAX_LIST_LENGTH: Final = 1000
"""Texts of a list. Aliases in YAML can repeat a list."""

_Item = TypeVar("_Item")

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
        if isinstance(value, yaml.MappingNode) and _scalar(name) == _TAXONOMIES:
            yield from ((_scalar(taxonomy), _of_node(terms)) for taxonomy, terms in value.value)
        else:
            yield _scalar(name), _of_node(value)


def _of_node(node: yaml.Node) -> MemberValue:
    if not isinstance(node, yaml.SequenceNode):
        return _scalar(node)
    return _flat((item.value if isinstance(item, yaml.SequenceNode) else [item] for item in node.value), _scalar)


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
        if isinstance(value, dict) and name == _TAXONOMIES:
            yield from ((taxonomy, _of_value(terms)) for taxonomy, terms in value.items())
        else:
            yield name, _of_value(value)


def _of_value(value: Any) -> MemberValue:
    if not isinstance(value, list):
        return _text(value)
    return _flat((item if isinstance(item, list) else [item] for item in value), _text)


def _flat(lists: Iterable[Iterable[_Item]], text_of: Callable[[_Item], str | None]) -> list[str] | None:
    """Return the texts of a list, which may hold lists of texts, as Hexo writes categories. None: of anything else, or
    of too many.
    """
    texts: list[str] = []
    for item in chain.from_iterable(lists):
        text = text_of(item)
        if text is None or len(texts) == MAX_LIST_LENGTH:
            return None
        texts.append(text)
    return texts


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (date, time)):  # a datetime is a date
        return value.isoformat()
    return str(value) if isinstance(value, (str, int, float)) else None
