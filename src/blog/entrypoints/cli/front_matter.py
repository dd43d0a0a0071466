"""A post as a Markdown file: what is said of it in YAML between two lines of `---`, then its body, exactly."""

import math
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

import yaml

from blog.domain.archive import Manuscript
from blog.domain.errors import Fault, Invalid
from blog.domain.users import faults_in_username
from blog.domain.words import folded

from .values import moment, number

HEAD_LONGEST: Final = 10_000
"""Characters of front matter: twice as many as the longest title and name take, however they are written."""
SLUG_LONGEST: Final = 60

_HEAD: Final = "front matter"
_FIELDS: Final = ("title", "author", "created_at", "updated_at", "version", "place")
_ANY_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)
_Meaning = TypeVar("_Meaning")

_front_matter = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_file_name = re.compile(r"\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z(?:-\d{4,})?,[0-9a-z_.@+\-]+,[0-9a-z\-]+\.md")
_word = re.compile("[0-9a-z]+")
_break = re.compile(r"[\t\n\r\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Draft:
    """A post as a file says it is, but for its body, and what is wrong with that: in its place stands what is right."""

    manuscript: Manuscript
    faults: tuple[Fault, ...]


class _Dumper(yaml.SafeDumper):
    """Writes a text such that nobody reads it as anything else, on one line, with its tabs and line breaks in sight."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _break.search(text) else None)


_Dumper.add_representer(str, _represent)


def text_of(manuscript: Manuscript) -> str:
    """The file of a post. Its number is not in it, since that belongs to one blog; its place is, where it is not 1."""
    texts = {"title": manuscript.title, "author": manuscript.author}
    head = yaml.dump(texts, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)
    head += f"created_at: {_utc(manuscript.created_at)}\nupdated_at: {_utc(manuscript.updated_at)}\n"
    head += f"version: {manuscript.version}\n"
    if manuscript.place != 1:
        head += f"place: {manuscript.place}\n"
    return f"---\n{head}---\n{manuscript.body}"


def file_name(manuscript: Manuscript) -> str:
    """What its file is called: unlike any other's, at most 245 characters of ASCII that no file system minds, and
    sorted by when posts were written. No author and no slug has a comma in it.
    """
    at = _utc(manuscript.created_at).replace(":", "")
    place = "" if manuscript.place == 1 else f"-{manuscript.place:04}"
    slug = "-".join(_word.findall(folded(manuscript.title)))[:SLUG_LONGEST].strip("-")
    return f"{at}{place},{manuscript.author.lower()},{slug or 'post'}.md"


def is_file_name(name: str) -> bool:
    """Whether a file could be one that was written for a post."""
    return _file_name.fullmatch(name) is not None


def parted(text: str) -> tuple[str, str]:
    """The front matter and the body. Where all lines of the one end in CRLF, that is how the file is written, and
    its body's are taken for simple line breaks.

    Raises:
        Invalid: there is no front matter.
    """
    found = _front_matter.match(text)
    if not found:
        raise Invalid([Fault(_HEAD, "must begin with a line --- at the top of the file, and end with another")])
    if len(found[1]) > HEAD_LONGEST:
        raise Invalid([Fault(_HEAD, f"must have at most {HEAD_LONGEST} characters")])
    body = text[found.end() :]
    is_crlf = found[0].count("\n") == found[0].count("\r\n")
    return found[1], body.replace("\r\n", "\n") if is_crlf else body


def draft_of(head: str, author: str | None) -> Draft:
    """What the front matter says, whose author is this one if it names none.

    Raises:
        Invalid: it is not such that anything can be said about its fields.
    """
    said = _Said(head)
    created_at = said.meant("created_at", moment)
    updated_at = said.meant("updated_at", moment)
    version, place = said.meant("version", number), said.meant("place", number)
    title = said.given("title", "is missing")
    name = author if author and not said.has("author") else said.given("author", "is missing: --author NAME gives one")
    if name:
        said.faults += (Fault("author", fault.message) for fault in faults_in_username(name))
    if created_at is None:
        said.given("created_at", "is missing: a day or a time such as 2026-11-23 or 2026-11-23T09:30")
    place = 1 if place is None else place
    manuscript = Manuscript(
        title=title,
        body="",
        author="" if said.is_faulty("author") else name,
        created_at=created_at or updated_at or _ANY_DAY,
        updated_at=updated_at or created_at or _ANY_DAY,
        version=1 if version is None else version,
        place=min(place, 1) if said.faults else place,
    )
    return Draft(manuscript, tuple(said.faults))


class _Said:
    """What front matter says: texts by their names, whatever YAML would take them for."""

    def __init__(self, head: str) -> None:
        self.texts: dict[str, str] = {}
        self.faults: list[Fault] = []
        for name, value in _pairs(head):
            if not isinstance(name, yaml.ScalarNode) or name.value not in _FIELDS:
                told = name.value[:40] if isinstance(name, yaml.ScalarNode) else _HEAD
                self.faults.append(Fault(told, f"is none of {', '.join(_FIELDS)}"))
            elif name.value in self.texts or self.is_faulty(name.value):
                self.faults.append(Fault(name.value, "must be there once"))
            elif not isinstance(value, yaml.ScalarNode):
                self.faults.append(Fault(name.value, "must be one text"))
            else:
                self.texts[name.value] = value.value

    def has(self, name: str) -> bool:
        """Whether there is anything, even if it is faulty."""
        return bool(self.texts.get(name)) or self.is_faulty(name)

    def is_faulty(self, name: str) -> bool:
        return any(fault.field == name for fault in self.faults)

    def given(self, name: str, fault: str) -> str:
        """The text, or the fault that there is none."""
        if not self.has(name):
            self.faults.append(Fault(name, fault))
        return self.texts.get(name, "")

    def meant(self, name: str, meaning: Callable[[str], _Meaning]) -> _Meaning | None:
        """What the text means; None, if there is none, or it means nothing, which is a fault."""
        try:
            return meaning(self.texts[name]) if self.texts.get(name) else None
        except ArgumentTypeError as error:
            self.faults.append(Fault(name, str(error)))
            return None


def _pairs(head: str) -> list[tuple[yaml.Node, yaml.Node]]:
    """Names and values, none of which is made into anything.

    Raises:
        Invalid: the front matter is no YAML, or none that has names and values.
    """
    try:
        node = yaml.compose(head, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 2}: "
        raise Invalid([Fault(_HEAD, f"{line}{error.problem}")]) from None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):  # the latter of `[[[…` and "\UFFFFFFFF"
        raise Invalid([Fault(_HEAD, "must be YAML")]) from None
    if not isinstance(node, yaml.MappingNode):
        raise Invalid([Fault(_HEAD, "must have lines such as title: Hello")])
    pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
    return pairs


def _utc(at: datetime) -> str:
    """As RFC 3339 has it, and always of one length."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
