"""Revisions of posts in responses."""

from collections.abc import Sequence

from msgspec import Struct

from blog.domain.posts.comparison import PartKind
from blog.domain.posts.post import content_of
from blog.domain.posts.revisions import ListedRevision, Revision, RevisionComparison

from .posts import ContentIn
from .timestamps import Timestamp, to_timestamp


class ListedRevisionOut(Struct):
    """A version of a post, without its content. `number` is the version.

    `saved_at` is the time when its content was saved. `published_at` is the publication time that the post had.
    """

    number: int
    saved_at: Timestamp
    published_at: Timestamp | None

    @classmethod
    def of(cls, revision: ListedRevision | Revision) -> "ListedRevisionOut":
        return cls(
            number=revision.number,
            saved_at=to_timestamp(revision.saved_at),
            published_at=None if revision.published_at is None else to_timestamp(revision.published_at),
        )


class RevisionsOut(Struct):
    """A page of versions, newest first. `next` is the URL of the next page, or null on the last one."""

    results: list[ListedRevisionOut]
    next: str | None


class RevisionOut(ContentIn, kw_only=True):
    """A version of a post. `post` is the id of the post, and `number` the version.

    `saved_at` is the time when the content was saved. `published_at` is the publication time that the post had.
    """

    post: int
    number: int
    saved_at: Timestamp
    published_at: Timestamp | None

    @classmethod
    def of(cls, revision: Revision) -> "RevisionOut":
        listed = ListedRevisionOut.of(revision)
        return cls(
            **content_of(revision.content),
            post=revision.post_id,
            number=listed.number,
            saved_at=listed.saved_at,
            published_at=listed.published_at,
        )


class TextPartOut(Struct):
    """A part of a text: in both versions (`equal`), only in the old (`removed`), or only in the new one (`added`)."""

    kind: PartKind
    text: str


class TextChangeOut(Struct):
    """A text of both versions, by the name of its field. All parts that are not added are the old text. All parts that
    are not removed are the new one.
    """

    field: str
    parts: list[TextPartOut]


class SetChangeOut(Struct):
    """Tags of both versions, by the name of their field."""

    field: str
    kept: Sequence[str]
    removed: Sequence[str]
    added: Sequence[str]


class ComparisonOut(Struct):
    """A comparison of two versions of a post, by their numbers."""

    old: int
    new: int
    texts: list[TextChangeOut]
    sets: list[SetChangeOut]

    @classmethod
    def of(cls, compared: RevisionComparison) -> "ComparisonOut":
        comparison = compared.comparison
        return cls(
            old=compared.old,
            new=compared.new,
            texts=[
                TextChangeOut(name, [TextPartOut(*part) for part in parts]) for name, parts in comparison.texts.items()
            ],
            sets=[SetChangeOut(name, *change) for name, change in comparison.sets.items()],
        )
