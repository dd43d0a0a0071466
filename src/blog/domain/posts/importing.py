"""The archive: posts that were written elsewhere are taken in as they were, by whom and when included."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple, Self

from blog.domain.accounts.actors import Actor, require_admin
from blog.domain.accounts.deletion import DeletedUser
from blog.domain.accounts.user import User, UserRepository, is_reserved
from blog.domain.audit import Audit, Event
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.search.index import PostIndex

from .pagination import SortOrder
from .post import Post, validate_post
from .repository import PostRepository

MAX_VERSION: Final = 2**53
MAX_ORDINAL: Final = 1000
MIN_YEAR: Final = 1000
MAX_YEAR: Final = 9998
"""Moments of these years can be told, and counted on from, in every zone."""

_MOMENT: Final = timedelta(microseconds=1)


class ImportOutcome(Enum):
    """What became of a post that was to be taken in."""

    ADDED = "added"
    UNCHANGED = "there already"
    CONFLICT = "there already, with another text"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortablePost:
    """A post without its number: it is known by its author and the moment at which it was written, and among those of
    one moment by its ordinal there, counted from 1.
    """

    title: str
    body: str
    author: str
    created_at: datetime
    updated_at: datetime
    version: int = 1
    ordinal: int = 1

    @classmethod
    def of(cls, post: Post, ordinal: int = 1) -> Self:
        """The post as it can be taken in elsewhere."""
        return cls(
            title=post.title,
            body=post.body,
            author=post.author,
            created_at=post.created_at,
            updated_at=post.updated_at,
            version=post.version,
            ordinal=ordinal,
        )

    def to_post(self, author: User) -> Post:
        """The post, to be kept as this author's."""
        return Post(
            title=self.title,
            body=self.body,
            author_id=author.id,
            author=author.username,
            created_at=self.created_at,
            updated_at=self.updated_at,
            version=self.version,
        )


class ImportResult(NamedTuple):
    """A post that was to be taken in, as it is here now, and what became of it."""

    post: Post
    outcome: ImportOutcome


@dataclass(slots=True)
class PostImporter:
    """What is done with posts as a whole."""

    posts: PostRepository
    index: PostIndex
    users: UserRepository
    audit: Audit
    deleted_user: DeletedUser

    def import_post(self, actor: Actor, manuscript: PortablePost) -> ImportResult:
        """Take a post in, unless it is here. One that is here is never changed: only its author may do that.

        Its author is whoever has or had the name that it says. A name that stood for a deleted account still does.

        Raises:
            NotAnAdmin, OutOfScope.
            ValidationFailed: of what the manuscript says; its author has no account here.
        """
        require_admin(actor)
        author, errors = self.users.find_by_any_name(manuscript.author), _faults(manuscript)
        if author is None and not is_reserved(manuscript.author):
            raise ValidationFailed([FieldError("author", "has no account here"), *errors])
        if errors:
            raise ValidationFailed(errors)
        author = author or self.deleted_user.get()
        # Held, so that of two units that take in the same post, the second one finds it here.
        post = manuscript.to_post(self.users.get_for_update(author.id).user)
        here = self._here(post, manuscript.ordinal)
        if here is not None:
            is_same = (here.title, here.body) == (post.title, post.body)
            return ImportResult(here, ImportOutcome.UNCHANGED if is_same else ImportOutcome.CONFLICT)
        post = self.posts.add(post)
        self.index.put(post)
        self.audit.record(Event.POST_IMPORTED, actor, "post", post.id, f"by {post.author}")
        return ImportResult(post, ImportOutcome.ADDED)

    def _here(self, post: Post, ordinal: int) -> Post | None:
        """The post by the same author of the same moment that is here already.

        Raises:
            ValidationFailed: of `ordinal`: those before it are to be taken in first.
        """
        here = self.posts.page(
            SortOrder.OLDEST,
            limit=ordinal,
            authors=[post.author],
            created_after=post.created_at,
            created_before=post.created_at + _MOMENT,
        )
        if len(here) < ordinal - 1:
            raise ValidationFailed([FieldError("ordinal", "the one before it is not here yet")])
        return here[ordinal - 1] if len(here) == ordinal else None


def _faults(manuscript: PortablePost) -> list[FieldError]:
    errors = validate_post(title=manuscript.title, body=manuscript.body)
    for name, at in (("created_at", manuscript.created_at), ("updated_at", manuscript.updated_at)):
        if not MIN_YEAR <= at.year <= MAX_YEAR:
            errors.append(FieldError(name, f"must be in a year from {MIN_YEAR} to {MAX_YEAR}"))
    if manuscript.updated_at < manuscript.created_at:
        errors.append(FieldError("updated_at", "must not be before created_at"))
    if not 1 <= manuscript.version <= MAX_VERSION:
        errors.append(FieldError("version", f"must be from 1 to {MAX_VERSION}"))
    if not 1 <= manuscript.ordinal <= MAX_ORDINAL:
        errors.append(FieldError("ordinal", f"must be from 1 to {MAX_ORDINAL}"))
    return errors
