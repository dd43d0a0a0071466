"""Posts: the entity, its rules, and its errors."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from operator import attrgetter
from struct import Struct
from typing import Any, Final, NotRequired, TypedDict, Unpack, cast

from blog.domain.accounts.actors import Actor, Member, OutOfScope, Scope
from blog.domain.errors import FieldError, Forbidden, NotFound, PreconditionFailed, ValidationFailed
from blog.domain.search.tokenizer import sort_key
from blog.domain.shared import UNSTORED, PostId, UserId
from blog.domain.validation import validate_text

from .markdown import validate_summary
from .pagination import Position, SortOrder
from .slug import validate_slug
from .tags import validate_tags

MAX_TITLE_LENGTH: Final = 200
MAX_BODY_LENGTH: Final = 100_000

MIN_YEAR: Final = 1000
MAX_YEAR: Final = 9998
"""Times in these years can be formatted and compared in every time zone."""


class Status(StrEnum):
    """The status of a post at a moment. `TRASHED` is stored: a post is in the trash or not. The others are decided when
    the post is read, by its publication time: no job publishes anything.
    """

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    TRASHED = "trashed"


LISTED_STATUSES: Final = tuple(status for status in Status if status is not Status.TRASHED)
"""The statuses of posts outside of the trash."""


class PostNotFound(NotFound):
    """No post has this id, or none at this place."""

    def __init__(self, post_id: PostId, place: str = "") -> None:
        super().__init__(f"There is no post {post_id}{place}.")


class NotTheAuthor(Forbidden):
    """The actor is not the author of the post. `action` is what only the author may do."""

    def __init__(self, post_id: PostId, action: str = "change, publish or delete") -> None:
        super().__init__(f"Only its author may {action} post {post_id}.")


class VersionConflict(PreconditionFailed):
    """The post does not have the expected version.

    `post` is the stored post and `version` its version. `conflicting_fields` are the fields that the refused change
    would have changed.
    """

    def __init__(
        self, post: "Post", conflicting_fields: Sequence[str], expected: Collection[int | str] | None = None
    ) -> None:
        self.version = post.version
        self.conflicting_fields = tuple(conflicting_fields)
        self.post = post
        # The same number with other content: a backup was restored.
        is_same_number = any(str(each).startswith(f"{post.version}-") for each in expected or ())
        change = f"version {post.version} has other content" if is_same_number else f"its version is {post.version}"
        super().__init__(f"Post {post.id} has changed: {change} now.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostContent:
    """The fields that the author writes. A new field also needs a rule in `_RULES`.

    `slug` is the readable part of the post's URL. A draft may have none; a post gets one when it is published.
    Without a `summary`, the first paragraph is shown as summary.
    """

    title: str
    body: str
    slug: str | None = None
    tags: tuple[str, ...] = ()
    summary: str | None = None


class PostFields(TypedDict):
    """The fields of `PostContent`, as keyword arguments: all that are needed to create a post."""

    title: str
    body: str
    slug: NotRequired[str | None]
    tags: NotRequired[Sequence[str]]
    summary: NotRequired[str | None]


class StoredFields(TypedDict):
    """The fields of `PostContent`, as keyword arguments: all of them, as they are stored."""

    title: str
    body: str
    slug: str | None
    tags: tuple[str, ...]
    summary: str | None


class PostChanges(TypedDict, total=False):
    """The fields of `PostContent`, as keyword arguments: some of them, to change a post."""

    title: str
    body: str
    slug: str | None
    tags: Sequence[str]
    summary: str | None


_RULES: Final[Mapping[str, Callable[[str, Any], list[FieldError]]]] = {
    "title": partial(validate_text, max_length=MAX_TITLE_LENGTH),
    "body": partial(validate_text, max_length=MAX_BODY_LENGTH),
    "slug": validate_slug,
    "tags": validate_tags,
    "summary": validate_summary,
}
"""How each field of `PostContent` is validated."""
_UNFINISHED_RULES: Final[Mapping[str, Callable[[str, Any], list[FieldError]]]] = {
    **_RULES,
    "title": partial(validate_text, max_length=MAX_TITLE_LENGTH, may_be_blank=True),
    "body": partial(validate_text, max_length=MAX_BODY_LENGTH, may_be_blank=True),
}
"""How each field is validated while its author is still writing."""

CONTENT_FIELDS: Final = tuple(field.name for field in fields(PostContent))


@dataclass(frozen=True, slots=True, kw_only=True)
class Post(PostContent):
    """A post. `author` is the author's username, `version` counts the changes from 1.

    `created_at` is the time when it was created, `updated_at` the time when its content last changed. `published_at` is
    the time from which everybody sees it: None for a draft, in the future for a scheduled post.

    `first_paragraph` is that of the body as plain text, as a `MarkdownRenderer` returns it. It never equals `summary`:
    a summary that says the same is none.

    `deleted_at` is the time when it was moved to the trash. There `published_at` is None, so that whatever leaves out
    drafts leaves it out too, and `former_published_at` is the publication time that it had.
    """

    id: PostId = PostId(UNSTORED)
    author_id: UserId
    author: str
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    version: int = 1
    first_paragraph: str = ""
    deleted_at: datetime | None = None
    former_published_at: datetime | None = None

    @classmethod
    def create(cls, by: Member, at: datetime, published_at: datetime | None, **content: Unpack[PostFields]) -> "Post":
        """Return a new post by this author.

        Raises:
            ValidationFailed: the content is not valid.
        """
        _check_content(cast(PostChanges, content))
        return cls(
            author_id=by.user_id,
            author=by.name,
            created_at=at,
            updated_at=at,
            published_at=published_at,
            **_frozen(content),
        )

    def with_changes(self, at: datetime, **changes: Unpack[PostChanges]) -> "Post":
        """Return the post after these changes, or the same object if all values are equal.

        Raises:
            ValidationFailed: the changes are not valid.
        """
        _check_content(changes)
        if not self.differences(changes):
            return self
        # `updated_at` never decreases, although the clock may be set back and machines differ.
        return replace(self, updated_at=max(at, self.updated_at), version=self.version + 1, **self.as_stored(changes))

    def with_content(self, at: datetime, first_paragraph: str, **content: Unpack[StoredFields]) -> "Post":
        """Return the post with content that was stored before, such as that of an earlier version, or the same object
        if all values are equal. `first_paragraph` is that of the new body.

        Only the new body can make a summary superfluous, not the body that is replaced.

        Raises:
            ValidationFailed: the content is not valid.
        """
        _check_content(cast(PostChanges, content))
        changed = replace(self, **content).with_first_paragraph(first_paragraph)
        if not differing_fields(self, changed):
            return self
        return replace(changed, updated_at=max(at, self.updated_at), version=self.version + 1)

    def with_publication(self, published_at: datetime | None) -> "Post":
        """Return the post with another publication time (None: as a draft), or the same object if it is equal.

        The content does not change, so `updated_at` stays.
        """
        if published_at == self.published_at:
            return self
        return replace(self, published_at=published_at, version=self.version + 1)

    def with_first_paragraph(self, text: str) -> "Post":
        """Return the post with the first paragraph of its body. A summary that equals it is removed."""
        return replace(self, first_paragraph=text, summary=None if self.summary == text else self.summary)

    def trashed(self, at: datetime) -> "Post":
        """Return the post as it is in the trash. The content does not change, so `updated_at` stays."""
        return replace(
            self,
            deleted_at=at,
            published_at=None,
            former_published_at=self.published_at,
            version=self.version + 1,
        )

    def restored(self) -> "Post":
        """Return the post as it was before it was moved to the trash, with another version."""
        return replace(
            self,
            deleted_at=None,
            published_at=self.former_published_at,
            former_published_at=None,
            version=self.version + 1,
        )

    def with_slug(self, slug: str) -> "Post":
        """Return the post with the slug that it was given, as a part of the same change."""
        return self if slug == self.slug else replace(self, slug=slug)

    def status(self, at: datetime) -> Status:
        """Return the status at this moment."""
        if self.published_at is None:
            return Status.DRAFT if self.deleted_at is None else Status.TRASHED
        return Status.PUBLISHED if self.published_at <= at else Status.SCHEDULED

    @property
    def shown_summary(self) -> str | None:
        """The summary that readers see: the one that the author has written, or the first paragraph."""
        return self.summary or self.first_paragraph or None

    @property
    def changed_at(self) -> datetime:
        """The later of publication and last change: the time by which readers learn of the content."""
        return self.updated_at if self.published_at is None else max(self.updated_at, self.published_at)

    def differences(self, changes: PostChanges) -> list[str]:
        """Return the names of the fields whose values differ from these changes."""
        return [name for name, value in self.as_stored(changes).items() if getattr(self, name) != value]

    def as_stored(self, changes: PostChanges) -> dict[str, Any]:
        """Return the changes as they are stored. To send the first paragraph back as it was shown writes no summary."""
        values = _frozen(changes)
        if "summary" in values and values["summary"] == self.first_paragraph:
            values["summary"] = None
        return values

    def matches(self, expected: Collection[int | str] | None) -> bool:
        """Return whether the post has one of these versions or version tags. None matches every post."""
        return expected is None or self.version in expected or self.version_tag in expected

    @property
    def version_tag(self) -> str:
        """The version and a digest of the post, like CouchDB's `_rev`.

        The version alone is ambiguous after a backup was restored: two states of a post can have the same version. The
        digest leaves out the author's name, because a rename of the author must not change the tag.
        """
        texts = [value if isinstance(value, str) else repr(value) for value in _digested_values(self)]
        created_at, updated_at = self.created_at.timestamp(), self.updated_at.timestamp()
        lengths = map(len, texts[:-1])  # so that ("ab", "c") and ("a", "bc") differ
        metadata = _metadata_format.pack(self.id, self.author_id, created_at, updated_at, *lengths)
        if self.published_at != self.created_at:  # so that tags from before there were drafts stay valid
            metadata += repr(self.published_at and self.published_at.timestamp()).encode() + b"\0"  # no text has it
        if self.tags:
            metadata += "\n".join(self.tags).encode() + b"\0\0"
        if self.summary:
            metadata += self.summary.encode() + b"\0\0\0"
        if self.deleted_at is not None:
            metadata += repr(self.deleted_at.timestamp()).encode() + b"\0\0\0\0"
        digest = hashlib.sha256(metadata + "".join(texts).encode())  # for short texts twice as fast as BLAKE2
        return f"{self.version}-{digest.hexdigest()[:32]}"

    def may_be_changed_by(self, actor: Actor) -> bool:
        """Return whether an actor may change, delete or restore the post: only its author may.

        A token that may not publish may change drafts only: to change a published post publishes the change.
        """
        is_draft = self.published_at is None and self.former_published_at is None
        return self.may_be_edited_by(actor) and (is_draft or actor.has(Scope.POSTS_PUBLISH))

    def may_be_edited_by(self, actor: Actor) -> bool:
        """Return whether an actor may save a working copy and make preview links of the post: only its author may.
        Neither changes what everybody sees, so the token need not be allowed to publish.
        """
        return actor.user_id == self.author_id and may_write(actor)

    def may_be_published_by(self, actor: Actor) -> bool:
        """Return whether an actor may publish, schedule and unpublish the post: only its author may."""
        return isinstance(actor, Member) and actor.user_id == self.author_id and actor.has(Scope.POSTS_PUBLISH)

    def position_in(self, order: SortOrder) -> Position:
        """Return the position of the post in a sort order."""
        match order:
            case SortOrder.TITLE:
                return Position(sort_key(self.title), self.id)
            case SortOrder.UPDATED:
                return Position(self.deleted_at or self.changed_at, self.id)
            case _:  # NEWEST and OLDEST
                return Position(self.published_at or self.deleted_at or self.updated_at, self.id)

    @property
    def creation_position(self) -> Position:
        """The position of the post among all posts of its author, by creation time."""
        return Position(self.created_at, self.id)


_content_values: Final = attrgetter(*CONTENT_FIELDS)
_digested_fields: Final = [name for name in CONTENT_FIELDS if name not in {"slug", "tags", "summary"}]
"""A slug changes with the version alone. Tags and a summary are added if there are some: so older tags stay valid."""
_digested_values: Final = attrgetter(*_digested_fields)
_metadata_format: Final = Struct(f"<qqdd{len(_digested_fields) - 1}q")
"""Encodes id, author id, two times, and the lengths of all texts except the last."""


def may_write(actor: Actor) -> bool:
    """Return whether an actor may write posts: a member whose token has the scope `posts:write`."""
    return isinstance(actor, Member) and Scope.POSTS_WRITE in actor.scopes


def check_author(actor: Member, post: Post, scope: Scope) -> None:
    """Check the ownership rule: only its author changes, publishes, deletes or restores a post.

    Raises:
        NotTheAuthor.
        OutOfScope: the post is not a draft, and the token may not publish.
    """
    is_allowed = post.may_be_published_by if scope is Scope.POSTS_PUBLISH else post.may_be_changed_by
    if not is_allowed(actor):
        raise OutOfScope(Scope.POSTS_PUBLISH) if post.author_id == actor.user_id else NotTheAuthor(post.id)


def check_version(post: Post, expected: Collection[int | str] | None, **changes: Unpack[PostChanges]) -> None:
    """Check that the post has an expected version or version tag, before these changes.

    Raises:
        VersionConflict.
    """
    if expected is not None and not post.matches(expected):
        raise VersionConflict(post, post.differences(changes), expected)


def publication_detail(post: Post, now: datetime) -> str:
    """Return what the audit log says about a new post: nothing, if it is published at once."""
    match post.status(now):
        case Status.DRAFT:
            return "as a draft"
        case Status.SCHEDULED:
            return f"for {post.published_at:%Y-%m-%dT%H:%M:%SZ}"
        case _:  # PUBLISHED
            return ""


def content_of(content: PostContent) -> StoredFields:
    """Return the fields of `PostContent`, as keyword arguments."""
    return cast(StoredFields, dict(zip(CONTENT_FIELDS, _content_values(content), strict=True)))


def differing_fields(one: PostContent, other: PostContent) -> list[str]:
    """Return the names of the fields of `PostContent` in which two of them differ."""
    return [name for name in CONTENT_FIELDS if getattr(one, name) != getattr(other, name)]


def validate_post(**changes: Unpack[PostChanges]) -> list[FieldError]:
    """Return the errors of the fields of a post."""
    return _errors_by(_RULES, changes)


def validate_unfinished(**changes: Unpack[PostChanges]) -> list[FieldError]:
    """Return the errors of the fields of a working copy. The rules are those of a post, but title and body may be
    blank.
    """
    return _errors_by(_UNFINISHED_RULES, changes)


def validate_time(name: str, value: object) -> list[FieldError]:
    """Return the errors of a time that a client sends."""
    if not isinstance(value, datetime):
        return [FieldError(name, "must be a datetime with a time zone")]
    if value.tzinfo is None:
        return [FieldError(name, "must have a time zone")]
    # Also in UTC, in which it is stored: at the end of a year it may be in the next one there.
    if not (MIN_YEAR <= value.year <= MAX_YEAR and MIN_YEAR <= value.astimezone(UTC).year <= MAX_YEAR):
        return [FieldError(name, f"must be in a year from {MIN_YEAR} to {MAX_YEAR}")]
    return []


def _errors_by(rules: Mapping[str, Callable[[str, Any], list[FieldError]]], changes: PostChanges) -> list[FieldError]:
    values: Mapping[str, object] = {**changes}
    errors: list[FieldError] = []
    for name, rule in rules.items():
        if name in values:
            errors += rule(name, values[name])
    return errors


def _frozen(content: PostFields | PostChanges) -> dict[str, Any]:
    """Return the content with a tuple of its tags, which a caller may give as any sequence."""
    values: dict[str, Any] = {**content}
    if "tags" in values:
        values["tags"] = tuple(values["tags"])
    return values


def _check_content(changes: PostChanges) -> None:
    if errors := validate_post(**changes):
        raise ValidationFailed(errors)
