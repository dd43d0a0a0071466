"""Parse the front matter of files of many tools.

This module knows the names that Jekyll, Hugo, Hexo, Eleventy, Zola and Astro give to the members of a post, and how
they mark drafts and scheduled posts.
"""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final, Self, TypeVar, cast

from blog.domain.accounts.user import validate_username
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import CONTENT_FIELDS, StoredFields
from blog.domain.posts.slug import slug_of, validate_slug
from blog.domain.posts.tags import tag_key, tag_keys
from blog.entrypoints.cli.argument_types import whole_number

from .dates import ParsedDate, parse_date
from .front_matter import HEAD, Kind, Parts
from .members import MemberValue, read_members

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: (name,) for name in CONTENT_FIELDS if name not in {"body", "tags", "summary"}},
    "summary": ("summary", "description", "excerpt"),
    "tags": ("tags", "tag", "categories", "category"),
    "author": ("author",),
    "created_at": ("created_at", "date", "created", "pubdate"),
    "updated_at": ("updated_at", "lastmod", "updated", "modified", "last_modified_at", "updateddate"),
    "published_at": ("published_at", "publishdate", "publish_date"),
    "draft": ("draft",),
    "version": ("version",),
    "ordinal": ("ordinal", "place"),  # files of older exports say `place`
}
"""The names of each member, in any case. If a file has several of them, the first one here is used; but tags are
those of all.
"""

_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})
_DRAFT_IF: Final[Mapping[str, frozenset[str]]] = {
    "draft": _TRUE,
    "private": _TRUE,
    "published": _FALSE,
    "publish": _FALSE,
    "status": frozenset({"draft", "private", "hidden", "pending", "trash"}),
}
"""Members that make a draft of a post, with the values that do so. An import publishes nothing that was not public."""
_NO_DRAFT_IF: Final[Mapping[str, frozenset[str]]] = {
    "draft": _FALSE | {""},
    "private": _FALSE | {""},
    "published": _TRUE | {""},
    "publish": _TRUE | {""},
    "status": frozenset({"publish", "published", "public", "future", "scheduled", ""}),
}
_FORMER_ADDRESSES: Final = frozenset({"aliases", "redirect_from"})
"""Members of Hugo, Zola and Jekyll that are always left out, and reported."""
_CERTAIN: Final = frozenset({"draft", "private"})
"""Members that must have one of these values. `published` can also be a date, and `status` can be any text."""
_DRAFTS: Final = "_drafts"
"""The folder of drafts in Jekyll and Hexo."""
_POSTS: Final = "_posts"
"""The folder of posts in Jekyll and Hexo. A file outside of it that has no date is a page."""
_LAYOUTS_OF_PAGES: Final = frozenset(
    {"home", "page", "index", "about", "archive", "archives", "categories", "tags", "search", "contact", "404"}
)
"""Layouts of pages. A file without a date and with another layout may be a post."""
_ANY_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)
_KNOWN: Final = ", ".join(NAMES)
_MAX_NAME_LENGTH: Final = 40
_MAX_HEADING_LENGTH: Final = 1000
_Value = TypeVar("_Value")

_dated_name = re.compile(r"(\d{4}-\d\d-\d\d)(?:[-_ ]+(.*))?", re.ASCII | re.DOTALL)
_line_break = re.compile(r"[\n\r\u2028\u2029]")
_fence = re.compile(r" {0,3}(```|~~~)")
_heading = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)[ \t]*(?:[ \t]#+[ \t]*)?")
_underline = re.compile(r" {0,3}(?:=+|-{2,})[ \t]*")


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """The front matter of a file as a post without a body.

    Args:
        post: the post. A valid value stands in for each invalid one.
        errors: the errors in the front matter.
        unknown: the members that a post does not have, if they are ignored.
        changed_slug: the slug in the file, if it is not valid here and another one is made from it.
        lacks_zone: whether a date has no time zone, so that it is taken as UTC.
        ignored_as: "page" for a page of the site, such as "About"; "draft" for a draft without a date; else empty.
    """

    post: PortablePost
    errors: tuple[FieldError, ...]
    unknown: tuple[str, ...] = ()
    changed_slug: str = ""
    lacks_zone: bool = False
    ignored_as: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """The options of an import that concern front matter.

    Args:
        author: the author of files that name none.
        authors: usernames by the names of authors in the files.
        ignore_unknown: whether unknown members and pages are ignored instead of refused.
        has_posts_folder: whether there is a folder `_posts`, so that files without a date outside of it are pages.
    """

    author: str | None = None
    authors: Mapping[str, str] = field(default_factory=dict)
    ignore_unknown: bool = False
    has_posts_folder: bool = False

    @classmethod
    def of(cls, *, author: str | None, authors: Sequence[tuple[str, str]] | None, ignore_unknown: bool) -> Self:
        """Return the options from the command line."""
        return cls(author=author, authors=dict(authors or ()), ignore_unknown=ignore_unknown)


def parse_file(parts: Parts, options: ImportOptions, file: PurePath) -> ParsedFile:
    """Parse the front matter of a file. The path can give the date and the title.

    Raises:
        ValidationFailed: the front matter is missing, or its syntax is wrong.
    """
    members = _Members(parts, options)
    path_day, path_title, path_error = _parse_path(file)
    is_draft = members.is_draft or _DRAFTS in file.parts[:-1]
    has_date = path_day or path_error or members.has("created_at") or members.has("published_at")
    ignored_as = "" if has_date else "draft" if is_draft else "page" if _is_page(members, options, file) else ""
    if parts.kind is Kind.NONE and options.author is None and not ignored_as:
        raise ValidationFailed([FieldError(HEAD, "is missing; --author NAME imports files without any")])
    published = members.parse("published_at", parse_date)
    created = members.parse("created_at", parse_date) or (
        None if members.has("created_at") else path_day or (None if path_error else published)
    )
    updated = members.parse("updated_at", parse_date)
    version, ordinal = members.parse("version", whole_number), members.parse("ordinal", whole_number)
    title = members.texts.get("title") or ("" if members.is_invalid("title") else _title_in(parts.body) or path_title)
    if not (title or members.is_invalid("title")):
        members.errors.append(FieldError("title", "is missing"))
    name = _author(members, options)
    if created is None and path_error and not members.has("created_at"):
        members.errors.append(path_error)
    elif created is None and not members.is_invalid("published_at"):
        members.require("created_at", "is missing: a date or a time such as 2026-11-23 or 2026-11-23T09:30")
    ordinal = 1 if ordinal is None else ordinal
    created_at = (created or updated or ParsedDate(_ANY_DAY, has_zone=True, is_day=True)).at
    slug, changed_slug = _slug_of(members.texts.get("slug", "").strip())
    post = PortablePost(
        **_content(members, title=title, slug=slug, tags=tuple(members.tags), summary=_summary_of(members)),
        author="" if members.is_invalid("author") else name,
        created_at=created_at,
        updated_at=_time_of(updated, created_at),
        published_at=None if is_draft else _time_of(published, created_at),
        version=1 if version is None else version,
        ordinal=min(ordinal, 1) if members.errors else ordinal,
    )
    return ParsedFile(
        post,
        tuple(members.errors),
        tuple(members.unknown),
        changed_slug=changed_slug,
        lacks_zone=not all(each.has_zone for each in (created, updated, published) if each),
        ignored_as=ignored_as,
    )


def _content(members: "_Members", **parsed: Any) -> StoredFields:
    """Return what the author of a post writes: the members that are parsed already, and the texts of the others."""
    return cast(StoredFields, {name: parsed.get(name, members.texts.get(name, "")) for name in CONTENT_FIELDS})


def _summary_of(members: "_Members") -> str | None:
    """Return the summary. Other tools write it on several lines, or leave it empty."""
    text = members.texts.get("summary", "")
    return (" ".join(text.split()) if _line_break.search(text) else text) or None


def _slug_of(text: str) -> tuple[str | None, str]:
    """Return the slug that a file gives, made valid if it is not, and then also what the file says."""
    if not text or validate_slug("slug", text):
        return slug_of(text) or None, text
    return text, ""


def is_in_posts_folder(file: PurePath) -> bool:
    """Return whether a file is in the folder of posts of Jekyll and Hexo."""
    return _POSTS in file.parts[:-1]


def _is_page(members: "_Members", options: ImportOptions, file: PurePath) -> bool:
    """Return whether a file without a date is a page: it has the folder or the layout of a page."""
    if not options.ignore_unknown or is_in_posts_folder(file) or "post" in members.layout:
        return False
    return options.has_posts_folder or PurePath(members.layout).stem in _LAYOUTS_OF_PAGES


def _author(members: "_Members", options: ImportOptions) -> str:
    if options.author and not members.has("author"):
        return options.author
    named = members.require("author", "is missing: --author NAME gives one")
    name = options.authors.get(named, named)
    if name:
        hint = "; --author-is 'NAME=ACCOUNT' names the account" if name == named else ""
        members.errors += (FieldError("author", f"{error.message}{hint}") for error in validate_username(name))
    return name


def _time_of(date: ParsedDate | None, created_at: datetime) -> datetime:
    """Return when a post was updated or published. No date, and the date of `created_at` without a time, mean that
    time.
    """
    if date is None:
        return created_at
    is_same_day = date.is_day and date.at.date() == created_at.date()
    return created_at if is_same_day else date.at


class _Members:
    """The members of front matter as texts, by the names of the members of a post."""

    def __init__(self, parts: Parts, options: ImportOptions) -> None:
        self.texts: dict[str, str] = {}
        self.tags: list[str] = []
        self.errors: list[FieldError] = []
        self.unknown: list[str] = []
        self.is_draft = False
        self.layout = ""
        self._names: dict[str, str] = {}
        self._ignore_unknown = options.ignore_unknown
        for name, value in read_members(parts):
            self._add(name, value)

    def _add(self, name: str | None, value: MemberValue) -> None:
        lower = (name or "").lower()
        if name is not None and lower in NAMES["tags"]:
            self._add_tags(name, value)
        else:
            self._add_text(name, lower, value if isinstance(value, str) else None)

    def _add_text(self, name: str | None, lower: str, value: str | None) -> None:
        if lower == "layout":
            self.layout = (value or "").lower()
        member = next((member for member, names in NAMES.items() if lower in names), None)
        if lower in _DRAFT_IF and value is not None and value.lower() in _DRAFT_IF[lower] | _NO_DRAFT_IF[lower]:
            self.is_draft |= value.lower() in _DRAFT_IF[lower]
        elif name is not None and lower in _FORMER_ADDRESSES:
            self.unknown.append(name)
        elif name is not None and lower in _CERTAIN:
            self.errors.append(FieldError(name, "must be true or false"))
        elif lower in _DRAFT_IF:
            self.is_draft = True  # an unknown value may mean that the post is not public
            self._report_unknown(name)
        elif name is None or member is None:
            self._report_unknown(name)
        elif member in self._names:
            self._choose(member, name, value)
        elif value is None:
            self._names[member] = name
            self.errors.append(FieldError(name, "must be one text"))
        else:
            self._names[member] = name
            self.texts[member] = value

    def _add_tags(self, name: str, value: MemberValue) -> None:
        """Add the tags of a list, or of a text with commas between them. One that is there already is left out."""
        if value is None:
            self.errors.append(FieldError(name, "must be a list of texts"))
            return
        known = set(tag_keys(self.tags))
        for text in value.split(",") if isinstance(value, str) else value:
            tag = text.strip()
            if tag and (key := tag_key(tag)) not in known:
                known.add(key)
                self.tags.append(tag)

    def _choose(self, member: str, name: str, value: str | None) -> None:
        """Use one of two names of the same member, and report the other as unknown."""
        names, former = NAMES[member], self._names[member]
        if name.lower() == former.lower():
            self.errors.append(FieldError(name, "must be there once"))
        elif value and (names.index(name.lower()) < names.index(former.lower()) or not self.texts.get(member)):
            self._report_unknown(former)
            self._names[member], self.texts[member] = name, value
        else:
            self._report_unknown(name)

    def _report_unknown(self, name: str | None) -> None:
        shown = HEAD if name is None else name[:_MAX_NAME_LENGTH]
        if self._ignore_unknown:
            self.unknown.append(shown)
        else:
            self.errors.append(FieldError(shown, f"is not known here: known are {_KNOWN}; --ignore-unknown ignores it"))

    def has(self, member: str) -> bool:
        """Return whether a member has a value, even an invalid one."""
        return bool(self.texts.get(member)) or self.is_invalid(member)

    def is_invalid(self, member: str) -> bool:
        name = self._names.get(member, member)
        return any(error.field == name for error in self.errors)

    def require(self, member: str, message: str) -> str:
        """Return the text of a member. Add an error if it has none."""
        if not self.has(member):
            self.errors.append(FieldError(member, message))
        return self.texts.get(member, "")

    def parse(self, member: str, parse: Callable[[str], _Value]) -> _Value | None:
        """Parse the text of a member. Return None if it has none, or if it is invalid, which adds an error."""
        try:
            return parse(self.texts[member]) if self.texts.get(member) else None
        except ArgumentTypeError as error:
            self.errors.append(FieldError(self._names[member], str(error)))
            return None


def _parse_path(file: PurePath) -> tuple[ParsedDate | None, str, FieldError | None]:
    """Return the date and the title in a path, and the error in a date such as 2016-02-30.

    Such a path is `2015-11-20-hello-world.md` or `2015-11-20-hello-world/index.md`.
    """
    named = file.parent.name if file.stem == "index" else file.stem
    found = _dated_name.fullmatch(named)
    words = " ".join(re.split(r"[-_\s]+", (found[2] or "") if found else named)).strip()
    title = words[:1].upper() + words[1:]
    try:
        return (parse_date(found[1]) if found else None), title, None
    except ArgumentTypeError:
        return None, title, FieldError("file name", f"{named[: len('2016-02-30')]} is not a valid date")


def _title_in(body: str) -> str:
    """Return the first heading of a Markdown text, or an empty text."""
    fence, before = "", ""
    for line in body.splitlines():
        if len(line) > _MAX_HEADING_LENGTH:
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
