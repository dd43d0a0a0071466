"""Import of posts that were written elsewhere, with their authors and times."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final, NamedTuple, Self

from blog.domain.accounts.actors import Actor, require_admin
from blog.domain.accounts.deletion import DeletedUser
from blog.domain.accounts.user import User, UserRepository, is_reserved
from blog.domain.audit import Audit, Event
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.search.index import PostIndex
from blog.domain.shared import PostId

from .markdown import MarkdownRenderer
from .pagination import Position
from .post import Post, PostContent, content_of, validate_post, validate_time, validate_unfinished
from .repository import PostRepository
from .revisions import Revision, RevisionRecorder
from .slug_assignment import Slugs
from .visibility import Everything, Reader, Reason
from .working_copies import WorkingCopy, WorkingCopyStore

MAX_VERSION: Final = 2**53
MAX_ORDINAL: Final = 1000


class ImportOutcome(Enum):
    """The outcome of importing one post."""

    ADDED = "added"
    UNCHANGED = "already there"
    CONFLICT = "already there, with different content"
    TRASHED = "already there, in the trash of its author"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortablePost(PostContent):
    """A post without ids, which differ between blogs.

    Author and creation time identify it. `ordinal`, from 1, distinguishes posts with the same author and time. A post
    without `published_at` is a draft.
    """

    author: str
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
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
            published_at=post.published_at,
            version=post.version,
            ordinal=ordinal,
        )

    def as_revision(self, revision: Revision) -> Self:
        """Return an earlier version of this post in this form. The time of its last change is when it was saved."""
        return replace(
            self,
            **content_of(revision.content),
            updated_at=revision.saved_at,
            published_at=revision.published_at,
            version=revision.number,
        )

    def to_revision(self, post_id: PostId) -> Revision:
        """Return this version of a stored post as a revision."""
        return Revision(
            post_id=post_id,
            number=self.version,
            saved_at=self.updated_at,
            published_at=self.published_at,
            content=PostContent(**content_of(self)),
        )

    def to_post(self, author: User) -> Post:
        """Return a new post of this author, to be stored."""
        return Post(
            **content_of(self),
            author_id=author.id,
            author=author.username,
            created_at=self.created_at,
            updated_at=self.updated_at,
            published_at=self.published_at,
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
    slugs: Slugs
    users: UserRepository
    audit: Audit
    deleted_user: DeletedUser
    record_version: RevisionRecorder
    working_copies: WorkingCopyStore
    markdown: MarkdownRenderer

    def import_post(
        self,
        actor: Actor,
        portable: PortablePost,
        *,
        revisions: Iterable[PortablePost] = (),
        working_copy: WorkingCopy | None = None,
    ) -> ImportResult:
        """Import a post, unless it is stored already. A stored post is never changed: only its author may do that.

        The author is the user who has or had the username. A name of a deleted user maps to the account "deleted user".

        Args:
            actor: an administrator.
            portable: the post.
            revisions: its earlier versions, which are read only if the post is added. As many are stored as this blog
                keeps.
            working_copy: its working copy, which is stored if the post is added.

        Raises:
            NotAnAdmin, OutOfScope.
            ValidationFailed: the post, an earlier version or the working copy is not valid, or the author has no
                account.
        """
        require_admin(actor)
        author = self._author_of(portable)
        # The author is locked: a parallel import of the same post waits, and then finds the post of the first.
        post = portable.to_post(self.users.get_for_update(author.id).user)
        post = post.with_first_paragraph(self.markdown.first_paragraph(post.body))
        stored = self._find(post, portable.ordinal)
        if stored is not None and stored.deleted_at is not None:
            return ImportResult(stored, ImportOutcome.TRASHED)
        if stored is not None:
            return ImportResult(stored, ImportOutcome.UNCHANGED if _is_same(stored, post) else ImportOutcome.CONFLICT)
        earlier = self._check_revisions(post, revisions)
        if working_copy is not None and (errors := _validate_copy(working_copy, post)):
            raise ValidationFailed([FieldError(f"working copy, {error.field}", error.message) for error in errors])
        post = self._add(post)
        if working_copy is not None:
            self.working_copies.put(replace(working_copy, post_id=post.id))
        for each in earlier:
            self.record_version.store.add(each.to_revision(post.id))
        self.audit.record(Event.POST_IMPORTED, actor, "post", post.id, f"by {post.author}")
        return ImportResult(post, ImportOutcome.ADDED)

    def _add(self, post: Post) -> Post:
        """Store a new post. A slug that is taken gets a number."""
        if post.published_at is None:
            return self.posts.add(post)
        named = self.slugs.add_post(post, may_number=True)
        self.index.put(named)
        return named

    def _check_revisions(self, post: Post, revisions: Iterable[PortablePost]) -> list[PortablePost]:
        """Check the earlier versions of a new post. Return those that this blog keeps.

        Raises:
            ValidationFailed: one of them is not valid.
        """
        known: set[int] = set()
        kept: list[PortablePost] = []
        for portable in revisions:
            errors = _validate(portable)
            if portable.version >= post.version or portable.version in known:
                errors.append(FieldError("version", "must be lower than that of the post, and of no other revision"))
            if errors:
                name = f"revision {portable.version}"
                raise ValidationFailed([FieldError(f"{name}, {error.field}", error.message) for error in errors])
            known.add(portable.version)
            if self.record_version.keeps(portable.version, post.version):
                kept.append(portable)
        return kept

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
        """Return the stored post with the same author, time and ordinal. An export does not count posts in the trash,
        so they come last. If it was made before a post was moved there, it has counted that one at its place: the
        content tells.

        Raises:
            ValidationFailed: a post with a lower ordinal must be imported first.
        """
        shown = self._of_time(Reader(post.created_at, post.author_id), post, ordinal)
        if len(shown) >= ordinal and _is_same(shown[ordinal - 1], post):
            return shown[ordinal - 1]
        every = self._of_time(Everything(Reason.IMPORT), post, ordinal)
        stored = shown + [each for each in every if each.deleted_at is not None]
        if len(stored) < ordinal - 1:
            raise ValidationFailed([FieldError("ordinal", f"import ordinal {ordinal - 1} first")])
        if len(stored) < ordinal:
            return None
        found = [stored[ordinal - 1], *every[ordinal - 1 :]]
        return next((each for each in found if _is_same(each, post)), found[0])

    def _of_time(self, sight: Reader | Everything, post: Post, limit: int) -> list[Post]:
        """Return up to `limit` posts with the author and the creation time of a post, by their ids."""
        before = Position(post.created_at, PostId(0))
        later = self.posts.written_by(sight, post.author_id, limit=limit, after=before)
        return [each for each in later if each.created_at == post.created_at]


def _is_same(stored: Post, post: Post) -> bool:
    """Return whether a stored post has the content and the publication time of a post to import."""
    compared = replace(post, slug=stored.slug)  # the stored post may have got a number
    published_at = stored.published_at if stored.deleted_at is None else stored.former_published_at
    return content_of(stored) == content_of(compared) and published_at == post.published_at


def _validate(portable: PortablePost) -> list[FieldError]:
    errors = validate_post(**content_of(portable))
    times = [*validate_time("created_at", portable.created_at), *validate_time("updated_at", portable.updated_at)]
    errors += times
    if portable.published_at is not None:
        errors += validate_time("published_at", portable.published_at)
    if not times and portable.updated_at < portable.created_at:
        errors.append(FieldError("updated_at", "must not be before created_at"))
    if not 1 <= portable.version <= MAX_VERSION:
        errors.append(FieldError("version", f"must be from 1 to {MAX_VERSION}"))
    if not 1 <= portable.ordinal <= MAX_ORDINAL:
        errors.append(FieldError("ordinal", f"must be from 1 to {MAX_ORDINAL}"))
    return errors


def _validate_copy(copy: WorkingCopy, post: Post) -> list[FieldError]:
    errors = validate_unfinished(**content_of(copy.content))
    if not 1 <= copy.based_on <= post.version:
        errors.append(FieldError("based_on", f"must be from 1 to {post.version}, the version of the post"))
    if copy.saved_at is None:
        return [*errors, FieldError("saved_at", "is missing")]
    return [*errors, *validate_time("saved_at", copy.saved_at)]
