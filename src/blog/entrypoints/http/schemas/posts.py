"""Posts in requests and responses."""

import html
from collections.abc import Collection, Sequence
from typing import Annotated, Any, Final, cast

from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.structs import fields

from blog.domain.accounts.actors import Member
from blog.domain.errors import FieldError
from blog.domain.posts.post import (
    CONTENT_FIELDS,
    MAX_BODY_LENGTH,
    MAX_TITLE_LENGTH,
    Post,
    PostChanges,
    validate_post,
)
from blog.domain.search.snippets import SnippetPart
from blog.domain.search.use_cases import SearchResult

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


_READ_ONLY: Final = Meta(description="Read-only; may be sent unchanged.", extra_json_schema={"readOnly": True})


class ContentIn(Struct):
    """The fields that an author writes: `PostContent` in JSON."""

    title: Title
    body: Text


class PartialContentIn(Struct):
    """The fields of `ContentIn`, all optional."""

    title: Title | UnsetType = UNSET
    body: Text | UnsetType = UNSET


class PostIn(ContentIn, forbid_unknown_fields=True, kw_only=True):
    """A new post."""

    user: Owner | UnsetType = UNSET


class Permissions(Struct):
    """Whether the client may change a post."""

    update: bool
    delete: bool

    @classmethod
    def of(cls, post: Post, actor: Member | None) -> "Permissions":
        allowed = actor is not None and post.may_be_changed_by(actor)
        return cls(update=allowed, delete=allowed)


class PostPatch(PartialContentIn, forbid_unknown_fields=True, kw_only=True):
    """Changes to a post. Fields that are left out stay unchanged. Read-only fields may be sent unchanged."""

    user: Owner | UnsetType = UNSET
    id: Annotated[int, _READ_ONLY] | UnsetType = UNSET
    author: Annotated[str, _READ_ONLY] | UnsetType = UNSET
    created_at: Annotated[Timestamp, _READ_ONLY] | UnsetType = UNSET
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


class PostPart(Struct):
    """A post, or the fields that `fields` selects. `version` begins at 1 and grows by 1 with each change."""

    id: int | UnsetType = UNSET
    title: str | UnsetType = UNSET
    body: str | UnsetType = UNSET
    user: int | UnsetType = UNSET
    author: str | UnsetType = UNSET
    created_at: Timestamp | UnsetType = UNSET
    updated_at: Timestamp | UnsetType = UNSET
    version: int | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET
    snippet: Snippet | UnsetType = UNSET

    def only(self, names: Collection[str]) -> "PostPart":
        """Return a copy with these fields, and with the permissions and the snippet."""
        return PostPart(
            permissions=self.permissions,
            snippet=self.snippet,
            **{name: getattr(self, name) for name in FIELDS if name in names},
        )


class PostOut(PostPart):
    """A post. `version` begins at 1 and grows by 1 with each change."""

    id: int
    title: str
    body: str
    user: int
    author: str
    created_at: Timestamp
    updated_at: Timestamp
    version: int
    permissions: Permissions | UnsetType = UNSET
    snippet: Snippet | UnsetType = UNSET

    @classmethod
    def of(cls, post: Post) -> "PostOut":
        return cls(
            id=post.id,
            title=post.title,
            body=post.body,
            user=post.author_id,
            author=post.author,
            created_at=to_timestamp(post.created_at),
            updated_at=to_timestamp(post.updated_at),
            version=post.version,
        )


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


FIELDS: Final = tuple(member.name for member in fields(PostOut) if member.required)
"""The fields of every post, which `fields` can select."""


def _marked(parts: Sequence[SnippetPart]) -> str:
    return "".join(f"<mark>{html.escape(text)}</mark>" if is_match else html.escape(text) for text, is_match in parts)


def take_changes(members: dict[str, Any]) -> tuple[PostChanges, list[FieldError]]:
    """Remove the content of a post from the members of a body. Return it, and the errors in it."""
    changes = cast(PostChanges, {name: members.pop(name) for name in CONTENT_FIELDS if name in members})
    return changes, validate_post(**changes)
