"""Import of posts that were written elsewhere, with their authors and times."""

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
from .post import Post, PostContent, content_of, validate_post
from .repository import PostRepository

MAX_VERSION: Final = 2**53
MAX_ORDINAL: Final = 1000
MIN_YEAR: Final = 1000
MAX_YEAR: Final = 9998
"""Times in these years can be formatted and compared in every time zone."""

_SHORTEST_INTERVAL: Final = timedelta(microseconds=1)


class ImportOutcome(Enum):
    """The outcome of importing one post."""

    ADDED = "added"
    UNCHANGED = "already there"
    CONFLICT = "already there, with different content"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortablePost(PostContent):
    """A post without ids, which differ between blogs.

    Author and creation time identify it. `ordinal`, from 1, distinguishes posts with the same author and time.
    """

    author: str
    created_at: datetime
    updated_at: datetime
    version: int = 1
    ordinal: int = 1

    @classmethod
    def of(cls, post: Post, ordinal: int = 1) -> Self:
        """Return a stored post in this form."""
        return cls(
            **content_of(post),
            author=post.author,
            created_at=post.created_at,
            updated_at=post.updated_at,
            version=post.version,
            ordinal=ordinal,
        )

    def to_post(self, author: User) -> Post:
        """Return a new post of this author, to be stored."""
        return Post(
            **content_of(self),
            author_id=author.id,
            author=author.username,
            created_at=self.created_at,
            updated_at=self.updated_at,
            version=self.version,
        )


class ImportResult(NamedTuple):
    """The stored post, and the outcome of its import."""

    post: Post
    outcome: ImportOutcome


@dataclass(slots=True)
class PostImporter:
    """Imports posts."""

    posts: PostRepository
    index: PostIndex
    users: UserRepository
    audit: Audit
    deleted_user: DeletedUser

    def import_post(self, actor: Actor, portable: PortablePost) -> ImportResult:
        """Import a post, unless it is stored already. A stored post is never changed: only its author may do that.

        The author is the user who has or had the username. A name of a deleted user maps to the account "deleted user".

        Raises:
            NotAnAdmin, OutOfScope.
            ValidationFailed: the post is not valid, or its author has no account.
        """
        require_admin(actor)
        author = self._author_of(portable)
        # The author is locked: a parallel import of the same post waits, and then finds the post of the first.
        post = portable.to_post(self.users.get_for_update(author.id).user)
        stored = self._find(post, portable.ordinal)
        if stored is not None:
            is_same = content_of(stored) == content_of(post)
            return ImportResult(stored, ImportOutcome.UNCHANGED if is_same else ImportOutcome.CONFLICT)
        post = self.posts.add(post)
        self.index.put(post)
        self.audit.record(Event.POST_IMPORTED, actor, "post", post.id, f"by {post.author}")
        return ImportResult(post, ImportOutcome.ADDED)

    def _author_of(self, portable: PortablePost) -> User:
        """Validate the post, and return the account of its author.

        Raises:
            ValidationFailed: the post is not valid, or its author has no account.
        """
        author, errors = self.users.find_by_any_name(portable.author), _validate(portable)
        if author is None and not is_reserved(portable.author):
            errors = [FieldError("author", "has no account here"), *errors]
        if errors:
            raise ValidationFailed(errors)
        return author or self.deleted_user.get()

    def _find(self, post: Post, ordinal: int) -> Post | None:
        """Return the stored post with the same author, time and ordinal.

        Raises:
            ValidationFailed: a post with a lower ordinal must be imported first.
        """
        stored = self.posts.page(
            SortOrder.OLDEST,
            limit=ordinal,
            authors=[post.author],
            created_after=post.created_at,
            created_before=post.created_at + _SHORTEST_INTERVAL,
        )
        if len(stored) < ordinal - 1:
            raise ValidationFailed([FieldError("ordinal", f"import ordinal {ordinal - 1} first")])
        return stored[ordinal - 1] if len(stored) == ordinal else None


def _validate(portable: PortablePost) -> list[FieldError]:
    errors = validate_post(**content_of(portable))
    for name, at in (("created_at", portable.created_at), ("updated_at", portable.updated_at)):
        if not MIN_YEAR <= at.year <= MAX_YEAR:
            errors.append(FieldError(name, f"must be in a year from {MIN_YEAR} to {MAX_YEAR}"))
    if portable.updated_at < portable.created_at:
        errors.append(FieldError("updated_at", "must not be before created_at"))
    if not 1 <= portable.version <= MAX_VERSION:
        errors.append(FieldError("version", f"must be from 1 to {MAX_VERSION}"))
    if not 1 <= portable.ordinal <= MAX_ORDINAL:
        errors.append(FieldError("ordinal", f"must be from 1 to {MAX_ORDINAL}"))
    return errors
