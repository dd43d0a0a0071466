"""Posts in requests and responses."""

import html
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, cast

from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.structs import fields

from blog.domain.accounts.actors import Member
from blog.domain.errors import FieldError
from blog.domain.posts.markdown import MAX_SUMMARY_LENGTH
from blog.domain.posts.post import (
    CONTENT_FIELDS,
    LISTED_STATUSES,
    MAX_BODY_LENGTH,
    MAX_TITLE_LENGTH,
    MAX_YEAR,
    MIN_YEAR,
    Post,
    PostChanges,
    Status,
    validate_post,
)
from blog.domain.posts.publication import Publication
from blog.domain.posts.slug import MAX_SLUG_LENGTH
from blog.domain.posts.tags import MAX_TAG_LENGTH, MAX_TAGS
from blog.domain.posts.trash import TRASH_RETENTION
from blog.domain.search.snippets import SnippetPart
from blog.domain.search.use_cases import SearchResult
from blog.domain.validation import CONTROLS, INVISIBLE

from .accounts import READABLE
from .timestamps import Timestamp, to_timestamp


def _text(max_length: int) -> Meta:
    return Meta(extra_json_schema={"minLength": 1, "maxLength": max_length, "pattern": f"^{READABLE}$"})


Title = Annotated[str, _text(MAX_TITLE_LENGTH)]
Text = Annotated[str, _text(MAX_BODY_LENGTH)]
Owner = Annotated[
    int,
    Meta(description="The id of the author. May only be your own id.", extra_json_schema={"minimum": 1}),
]
Slug = Annotated[
    str,
    Meta(
        description="The readable part of the address: lower-case letters and digits of any script, single hyphens "
        "between words. By default it is made from the title when the post is published.",
        extra_json_schema={"minLength": 1, "maxLength": MAX_SLUG_LENGTH, "pattern": "^[^ -,./:-@A-Z\\[-`{-~]+$"},
    ),
]
_END: Final = rf"[^{CONTROLS}\s]"
_INNER: Final = rf"[^{CONTROLS}\n\r\u2028\u2029]*"
TAG_SCHEMA: Final[dict[str, Any]] = {
    "minLength": 1,
    "maxLength": MAX_TAG_LENGTH,
    "pattern": f"^(?:{_END}{_INNER})?[^{CONTROLS}{INVISIBLE}](?:{_INNER}{_END})?$",
}
"""A tag in JSON Schema: one line with a visible character, without spaces at its ends."""
Tag = Annotated[str, Meta(extra_json_schema=TAG_SCHEMA)]
Tags = Annotated[
    tuple[Tag, ...],
    Meta(
        description="The tags, in the order in which they are shown. Case does not tell tags apart.",
        extra_json_schema={"maxItems": MAX_TAGS, "uniqueItems": True},
    ),
]
Summary = Annotated[
    str,
    Meta(
        description="What the post is about, as plain text in one paragraph. By default, and for null, it is the first "
        "paragraph of the body; to send that as it is shown keeps it so.",
        extra_json_schema={
            "minLength": 1,
            "maxLength": MAX_SUMMARY_LENGTH,
            "pattern": f"^{_INNER}[^{CONTROLS}{INVISIBLE}]{_INNER}$",
        },
    ),
]
NewStatus = Annotated[
    Status,
    Meta(
        extra_json_schema={"enum": list(LISTED_STATUSES)},
        description="`draft` creates a draft. By default, the status follows from `published_at`; a token without the "
        "scope `posts:publish` creates a draft.",
    ),
]
PublicationTime = Annotated[
    Timestamp,
    Meta(
        description="The time from which everybody sees the post, by default now. "
        f"In a year from {MIN_YEAR} to {MAX_YEAR}.",
        extra_json_schema={"pattern": "^(?:[1-8]|9[0-8]|99[0-8]|999[0-8])"},
    ),
]

_READ_ONLY: Final = Meta(description="Read-only; may be sent unchanged.", extra_json_schema={"readOnly": True})
_PUBLICATION: Final = Meta(
    description="Read-only; may be sent unchanged. `publish/` and `unpublish/` change it.",
    extra_json_schema={"readOnly": True},
)


class ContentIn(Struct):
    """The fields that an author writes: `PostContent` in JSON."""

    title: Title
    body: Text
    slug: Slug | UnsetType | None = UNSET
    tags: Tags | UnsetType = UNSET
    summary: Summary | UnsetType | None = UNSET


class PartialContentIn(Struct):
    """The fields of `ContentIn`, all optional."""

    title: Title | UnsetType = UNSET
    body: Text | UnsetType = UNSET
    slug: Slug | UnsetType | None = UNSET
    tags: Tags | UnsetType = UNSET
    summary: Summary | UnsetType | None = UNSET


class NewPostIn(ContentIn, kw_only=True):
    """The fields of a new post: its content, and when it is published. By default, that is at once."""

    status: NewStatus | UnsetType = UNSET
    published_at: PublicationTime | UnsetType | None = UNSET


class PostIn(NewPostIn, forbid_unknown_fields=True, kw_only=True):
    """A new post."""

    user: Owner | UnsetType = UNSET


class PublishIn(Struct, forbid_unknown_fields=True):
    """When to publish a post: by default, now."""

    at: PublicationTime | UnsetType = UNSET


class Permissions(Struct):
    """Whether the client may change, delete, and publish or unpublish a post."""

    update: bool
    delete: bool
    publish: bool

    @classmethod
    def of(cls, post: Post, actor: Member | None) -> "Permissions":
        if actor is None:
            return _NO_PERMISSIONS
        may_change = post.may_be_changed_by(actor)
        return cls(update=may_change, delete=may_change, publish=post.may_be_published_by(actor))


_NO_PERMISSIONS: Final = Permissions(update=False, delete=False, publish=False)


class PostPatch(PartialContentIn, forbid_unknown_fields=True, kw_only=True):
    """Changes to a post. Fields that are left out stay unchanged. Read-only fields may be sent unchanged."""

    user: Owner | UnsetType = UNSET
    id: Annotated[int, _READ_ONLY] | UnsetType = UNSET
    author: Annotated[str, _READ_ONLY] | UnsetType = UNSET
    status: Annotated[Status, _PUBLICATION] | UnsetType = UNSET
    created_at: Annotated[Timestamp, _READ_ONLY] | UnsetType = UNSET
    published_at: Annotated[Timestamp | None, _PUBLICATION] | UnsetType = UNSET
    updated_at: Annotated[Timestamp, _READ_ONLY] | UnsetType = UNSET
    version: Annotated[int, _READ_ONLY] | UnsetType = UNSET
    permissions: Annotated[Permissions, _READ_ONLY] | UnsetType = UNSET


class PostPut(PostPatch, forbid_unknown_fields=True, kw_only=True):
    """A whole post. Read-only fields may be sent unchanged."""

    title: Title
    body: Text


class Snippet(Struct):
    """A search result as HTML: the title, and the part of the body around the first match. Matches are in `mark`
    elements; there are no other elements.
    """

    title: str
    body: str

    @classmethod
    def of(cls, found: SearchResult) -> "Snippet":
        return cls(title=_marked(found.title), body=_marked(found.snippet))


Html = Annotated[
    str,
    Meta(
        description="The body as HTML, with `include=html`. Nothing in it can be executed, and every `id` begins with "
        "`post-`. It cannot be sent back."
    ),
]


class PostPart(Struct):
    """A post, or the fields that `fields` selects. `version` begins at 1 and grows by 1 with each change.

    `created_at` is the time when the post was created. `published_at` is the time from which everybody sees it: null
    for a draft, in the future for a scheduled post. `updated_at` is the time when its content last changed.
    `slug` is the readable part of its address, `/api/posts/by-slug/SLUG/`: null for a draft that has none.
    `summary` is the one that the author has written, or the first paragraph as plain text: null if there is no text.
    In the trash, `deleted_at` is the time of the deletion, `expires_at` the time when the post is deleted for good, and
    `published_at` the publication time with which it can be restored.
    """

    id: int | UnsetType = UNSET
    title: str | UnsetType = UNSET
    body: str | UnsetType = UNSET
    slug: str | UnsetType | None = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    summary: str | UnsetType | None = UNSET
    user: int | UnsetType = UNSET
    author: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    created_at: Timestamp | UnsetType = UNSET
    published_at: Timestamp | UnsetType | None = UNSET
    updated_at: Timestamp | UnsetType = UNSET
    version: int | UnsetType = UNSET
    deleted_at: Timestamp | UnsetType = UNSET
    expires_at: Timestamp | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET
    html: Html | UnsetType = UNSET
    snippet: Snippet | UnsetType = UNSET

    def only(self, names: Collection[str]) -> "PostPart":
        """Return a copy with these fields, and with the times of the trash, permissions, HTML and snippet."""
        return PostPart(
            deleted_at=self.deleted_at,
            expires_at=self.expires_at,
            permissions=self.permissions,
            html=self.html,
            snippet=self.snippet,
            **{name: getattr(self, name) for name in FIELDS if name in names},
        )


class PostOut(PostPart):
    """A post. `version` begins at 1 and grows by 1 with each change.

    `created_at` is the time when the post was created. `published_at` is the time from which everybody sees it: null
    for a draft, in the future for a scheduled post. `updated_at` is the time when its content last changed.
    `slug` is the readable part of its address, `/api/posts/by-slug/SLUG/`: null for a draft that has none.
    `summary` is the one that the author has written, or the first paragraph as plain text: null if there is no text.
    In the trash, `deleted_at` is the time of the deletion, `expires_at` the time when the post is deleted for good, and
    `published_at` the publication time with which it can be restored.
    """

    id: int
    title: str
    body: str
    slug: str | None
    tags: tuple[str, ...]
    summary: str | None
    user: int
    author: str
    status: Status
    created_at: Timestamp
    published_at: Timestamp | None
    updated_at: Timestamp
    version: int
    deleted_at: Timestamp | UnsetType = UNSET
    expires_at: Timestamp | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET
    html: Html | UnsetType = UNSET
    snippet: Snippet | UnsetType = UNSET

    @classmethod
    def of(cls, post: Post, at: datetime) -> "PostOut":
        """Return the representation at this moment, which decides the status."""
        shown = cls(
            id=post.id,
            title=post.title,
            body=post.body,
            slug=post.slug,
            tags=post.tags,
            summary=post.shown_summary,
            user=post.author_id,
            author=post.author,
            status=post.status(at),
            created_at=to_timestamp(post.created_at),
            published_at=None if post.published_at is None else to_timestamp(post.published_at),
            updated_at=to_timestamp(post.updated_at),
            version=post.version,
        )
        if post.deleted_at is not None:
            shown.add_trash(post, post.deleted_at)
        return shown

    def add_trash(self, post: Post, deleted_at: datetime) -> None:
        """Add the times of a post in the trash. It is shown with the publication time that it had."""
        self.deleted_at = to_timestamp(deleted_at)
        self.expires_at = to_timestamp(deleted_at + TRASH_RETENTION)
        former = post.former_published_at
        self.published_at = None if former is None else to_timestamp(former)


class PageOut(Struct):
    """A page of posts. `next` is the URL of the next page, or null on the last one. `count`, on request, is the
    total number of posts.
    """

    results: Sequence[PostPart]
    next: str | None
    count: int | UnsetType = UNSET


class EncodedPage(Struct):
    """A `PageOut` whose posts are encoded already."""

    results: Sequence[Raw]
    next: str | None
    count: int | UnsetType = UNSET


class TagOut(Struct):
    """A tag, and how many published posts have it. It is spelled as in the post that was published first of those."""

    tag: str
    posts: int


class TagsOut(Struct):
    """A page of tags, in the order of their letters. `next` is the URL of the next page, or null on the last one."""

    results: list[TagOut]
    next: str | None


FIELDS: Final = tuple(member.name for member in fields(PostOut) if member.required)
"""The fields of every post, which `fields` can select."""


def _marked(parts: Sequence[SnippetPart]) -> str:
    return "".join(f"<mark>{html.escape(text)}</mark>" if is_match else html.escape(text) for text, is_match in parts)


def take_changes(members: dict[str, Any]) -> tuple[PostChanges, list[FieldError]]:
    """Remove the content of a post from the members of a body. Return it, and the errors in it."""
    changes = take_content(members)
    return changes, validate_post(**changes)


def take_content(members: dict[str, Any]) -> PostChanges:
    """Remove the content of a post from the members of a body. Return it, not validated."""
    return cast(PostChanges, {name: members.pop(name) for name in CONTENT_FIELDS if name in members})


def take_publication(members: dict[str, Any], at: datetime) -> tuple[Publication, list[FieldError]]:
    """Remove the publication of a new post from the members of a body. Return it, and the errors in it at this moment.

    A null for `published_at` asks for a draft, as it is shown.
    """
    status = members.pop("status", None)
    published_at = members.pop("published_at", UNSET)
    if published_at is UNSET:
        publication = Publication(status)
    elif published_at is None:
        if status not in {None, Status.DRAFT}:
            return Publication(status), [FieldError("published_at", "must not be null, unless the post is a draft")]
        publication = Publication(Status.DRAFT)
    else:
        publication = Publication(status, published_at)
    return publication, publication.validate(at)
