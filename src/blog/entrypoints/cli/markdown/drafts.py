"""A post as a file says it is, whichever program the file was written for.

What Jekyll, Hugo, Hexo, Eleventy, Zola and Astro call the members of a post is known here, and where they keep what is
not to be published.
"""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Final, Self, TypeVar

from blog.domain.accounts.user import validate_username
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import CONTENT_FIELDS
from blog.entrypoints.cli.argument_types import whole_number

from .dates import Dated, dated
from .front_matter import HEAD, Kind, Parts
from .members import members_of

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: (name,) for name in CONTENT_FIELDS if name != "body"},
    "author": ("author",),
    "created_at": ("created_at", "date", "created", "pubdate"),
    "updated_at": ("updated_at", "lastmod", "updated", "modified", "last_modified_at", "updateddate"),
    "version": ("version",),
    "ordinal": ("ordinal", "place"),  # files of older exports say `place`
}
"""What each member can be called, whatever its case: of several that a file has, the first one here counts."""

_HIDDEN_IF: Final[Mapping[str, frozenset[str]]] = {
    "draft": frozenset({"true", "yes", "on", "1"}),
    "private": frozenset({"true", "yes", "on", "1"}),
    "published": frozenset({"false", "no", "off", "0"}),
    "publish": frozenset({"false", "no", "off", "0"}),
    "status": frozenset({"draft", "private", "hidden", "pending", "future", "trash"}),
}
"""Members that say whether anybody may read a post, and what they say if nobody may."""
_SHOWN_IF: Final[Mapping[str, frozenset[str]]] = {
    "draft": _HIDDEN_IF["published"] | {""},
    "private": _HIDDEN_IF["published"] | {""},
    "published": _HIDDEN_IF["draft"] | {""},
    "publish": _HIDDEN_IF["draft"] | {""},
    "status": frozenset({"publish", "published", "public", ""}),
}
_CERTAIN: Final = frozenset({"draft", "private"})
"""Those that must say one of the two. `published` can be a date, and a `status` can be anything."""
_DRAFTS: Final = "_drafts"
"""The folder in which Jekyll and Hexo keep drafts."""
_POSTS: Final = "_posts"
"""The folder in which Jekyll and Hexo keep posts. What lies beside it, and has no date, is a page."""
_LAYOUTS_OF_PAGES: Final = frozenset(
    {"home", "page", "index", "about", "archive", "archives", "categories", "tags", "search", "contact", "404"}
)
"""Layouts that no post has. Any other may be one of a post that has lost its date."""
_ANY_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)
_KNOWN: Final = ", ".join(NAMES)
_TOLD_LONGEST: Final = 40
_HEADING_LONGEST: Final = 1000
_Meaning = TypeVar("_Meaning")

_dated_name = re.compile(r"(\d{4}-\d\d-\d\d)(?:[-_ ]+(.*))?", re.ASCII | re.DOTALL)
_fence = re.compile(r" {0,3}(```|~~~)")
_heading = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)[ \t]*(?:[ \t]#+[ \t]*)?")
_underline = re.compile(r" {0,3}(?:=+|-{2,})[ \t]*")


@dataclass(frozen=True, slots=True)
class Draft:
    """A post as a file says it is, but for its body, and what is wrong with that: in its place stands what is right.

    Args:
        manuscript: the post.
        faults: what is wrong with it.
        unknown: the members that a post does not have, where they are left out.
        is_hidden: whether the file says that nobody may read it yet.
        lacks_zone: whether it gives a date without a time zone, which is taken as UTC.
        is_page: whether it is a page of the site, such as "About", and is to be left out.
    """

    manuscript: PortablePost
    errors: tuple[FieldError, ...]
    unknown: tuple[str, ...] = ()
    is_hidden: bool = False
    lacks_zone: bool = False
    is_page: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How files are read.

    Args:
        author: whose the posts are whose files name no author.
        authors: the accounts of authors whom files call otherwise.
        ignore_unknown: whether members that a post does not have are left out, and so are pages.
        has_posts_folder: whether there is a folder `_posts`, so that files without a date outside of it are pages.
    """

    author: str | None = None
    authors: Mapping[str, str] = field(default_factory=dict)
    ignore_unknown: bool = False
    has_posts_folder: bool = False

    @classmethod
    def of(cls, *, author: str | None, authors: Sequence[tuple[str, str]] | None, ignore_unknown: bool) -> Self:
        """What the options of the command line say."""
        return cls(author=author, authors=dict(authors or ()), ignore_unknown=ignore_unknown)


def draft_of(parts: Parts, reading: Reading, file: PurePath) -> Draft:
    """Read what a file says, whose path may say when a post was written, and how it is called.

    Raises:
        ValidationFailed: it is not such that anything can be said about its members.
    """
    said = _Said(parts, reading)
    path_day, path_title, path_fault = _of_path(file)
    is_page = not (path_day or path_fault) and _is_page(said, reading, file)
    if parts.kind is Kind.NONE and reading.author is None and not is_page:
        raise ValidationFailed([FieldError(HEAD, "is missing; --author NAME takes in files without any")])
    created = said.meant("created_at", dated) or (None if said.has("created_at") else path_day)
    updated = said.meant("updated_at", dated)
    version, ordinal = said.meant("version", whole_number), said.meant("ordinal", whole_number)
    title = said.texts.get("title") or ("" if said.is_faulty("title") else _title_in(parts.body) or path_title)
    if not (title or said.is_faulty("title")):
        said.errors.append(FieldError("title", "is missing"))
    name = _author(said, reading)
    if created is None and path_fault and not said.has("created_at"):
        said.errors.append(path_fault)
    elif created is None:
        said.require("created_at", "is missing: a day or a time such as 2026-11-23 or 2026-11-23T09:30")
    ordinal = 1 if ordinal is None else ordinal
    created_at = (created or updated or Dated(_ANY_DAY, has_zone=True, is_day=True)).at
    manuscript = PortablePost(
        **{**dict.fromkeys(CONTENT_FIELDS, ""), **_content(said), "title": title},
        author="" if said.is_faulty("author") else name,
        created_at=created_at,
        updated_at=_updated_at(created_at, updated),
        version=1 if version is None else version,
        ordinal=min(ordinal, 1) if said.errors else ordinal,
    )
    return Draft(
        manuscript,
        tuple(said.errors),
        tuple(said.unknown),
        is_hidden=said.is_hidden or _DRAFTS in file.parts[:-1],
        lacks_zone=not all(each.has_zone for each in (created, updated) if each is not None),
        is_page=is_page,
    )


def _content(said: "_Said") -> dict[str, str]:
    """Return the members that the author of a post writes."""
    return {name: said.texts[name] for name in CONTENT_FIELDS if name in said.texts}


def is_in_posts_folder(file: PurePath) -> bool:
    """Whether a file lies where Jekyll and Hexo keep posts."""
    return _POSTS in file.parts[:-1]


def _is_page(said: "_Said", reading: Reading, file: PurePath) -> bool:
    """Whether a file whose name has no date is a page: it has no date at all, and lies or looks as no post does."""
    if not reading.ignore_unknown or said.has("created_at") or is_in_posts_folder(file) or "post" in said.layout:
        return False
    return reading.has_posts_folder or PurePath(said.layout).stem in _LAYOUTS_OF_PAGES


def _author(said: "_Said", reading: Reading) -> str:
    if reading.author and not said.has("author"):
        return reading.author
    named = said.require("author", "is missing: --author NAME gives one")
    name = reading.authors.get(named, named)
    if name:
        hint = "; --author-is 'NAME=ACCOUNT' says whose account that is" if name == named else ""
        said.errors += (FieldError("author", f"{fault.message}{hint}") for fault in validate_username(name))
    return name


def _updated_at(created_at: datetime, updated: Dated | None) -> datetime:
    """When a post was changed: a day alone may be the one on which it was written, and begins before that."""
    if updated is None:
        return created_at
    is_same_day = updated.is_day and updated.at.date() == created_at.date()
    return created_at if is_same_day else updated.at


class _Said:
    """What front matter says: texts by the names that a post's members have here."""

    def __init__(self, parts: Parts, reading: Reading) -> None:
        self.texts: dict[str, str] = {}
        self.errors: list[FieldError] = []
        self.unknown: list[str] = []
        self.is_hidden = False
        self.layout = ""
        self._called: dict[str, str] = {}
        self._leaves_out = reading.ignore_unknown
        for name, value in members_of(parts):
            self._take(name, value)

    def _take(self, name: str | None, value: str | None) -> None:
        lower = (name or "").lower()
        if lower == "layout":
            self.layout = (value or "").lower()
        member = next((member for member, names in NAMES.items() if lower in names), None)
        if lower in _HIDDEN_IF and value is not None and value.lower() in _HIDDEN_IF[lower] | _SHOWN_IF[lower]:
            self.is_hidden |= value.lower() in _HIDDEN_IF[lower]
        elif name is not None and lower in _CERTAIN:
            self.errors.append(FieldError(name, "must be true or false"))
        elif name is None or member is None:
            self._leave_out(name)
        elif member in self._called:
            self._choose(member, name, value)
        elif value is None:
            self._called[member] = name
            self.errors.append(FieldError(name, "must be one text"))
        else:
            self._called[member] = name
            self.texts[member] = value

    def _choose(self, member: str, name: str, value: str | None) -> None:
        """Take the more telling one of two names of one member."""
        names, former = NAMES[member], self._called[member]
        if name.lower() == former.lower():
            self.errors.append(FieldError(name, "must be there once"))
        elif value and (names.index(name.lower()) < names.index(former.lower()) or not self.texts.get(member)):
            self._leave_out(former)
            self._called[member], self.texts[member] = name, value
        else:
            self._leave_out(name)

    def _leave_out(self, name: str | None) -> None:
        told = HEAD if name is None else name[:_TOLD_LONGEST]
        if self._leaves_out:
            self.unknown.append(told)
        else:
            self.errors.append(FieldError(told, f"is none of {_KNOWN}; --ignore-unknown leaves it out"))

    def has(self, member: str) -> bool:
        """Whether there is anything, even if it is faulty."""
        return bool(self.texts.get(member)) or self.is_faulty(member)

    def is_faulty(self, member: str) -> bool:
        called = self._called.get(member, member)
        return any(fault.field == called for fault in self.errors)

    def require(self, member: str, fault: str) -> str:
        """The text, or the fault that there is none."""
        if not self.has(member):
            self.errors.append(FieldError(member, fault))
        return self.texts.get(member, "")

    def meant(self, member: str, meaning: Callable[[str], _Meaning]) -> _Meaning | None:
        """What the text means; None, if there is none, or it means nothing, which is a fault."""
        try:
            return meaning(self.texts[member]) if self.texts.get(member) else None
        except ArgumentTypeError as error:
            self.errors.append(FieldError(self._called[member], str(error)))
            return None


def _of_path(file: PurePath) -> tuple[Dated | None, str, FieldError | None]:
    """The day and the title in a path, as in `2015-11-20-hello-world.md` or `2015-11-20-hello-world/index.md`; and what
    is wrong with a day such as 2016-02-30.
    """
    named = file.parent.name if file.stem == "index" else file.stem
    found = _dated_name.fullmatch(named)
    words = " ".join(re.split(r"[-_\s]+", (found[2] or "") if found else named)).strip()
    title = words[:1].upper() + words[1:]
    try:
        return (dated(found[1]) if found else None), title, None
    except ArgumentTypeError:
        return None, title, FieldError("file name", f"{named[: len('2016-02-30')]} is no day")


def _title_in(body: str) -> str:
    """The first heading of a text in Markdown, or nothing. It stays in the text."""
    fence, before = "", ""
    for line in body.splitlines():
        if len(line) > _HEADING_LONGEST:
            before = ""
            continue
        fenced = _fence.match(line)
        if fenced and (not fence or fenced[1] == fence):
            fence = "" if fence else fenced[1]
        elif not fence:
            found = _heading.fullmatch(line)
            if found and found[1]:
                return found[1]
            if before.strip() and _underline.fullmatch(line):
                return before.strip()
        before = "" if fence or fenced else line
    return ""
