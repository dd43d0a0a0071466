"""Revisions: the saved versions of a post, which its author reads, compares and restores.

The present version is the post itself. A change that makes a new version stores the version before as it was. A
revision is a full copy: a damaged row loses one version, and a version with a secret in it can be deleted alone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from blog.domain.accounts.actors import Actor, Member, OutOfScope, Scope, require_member
from blog.domain.errors import NotFound
from blog.domain.shared import PostId, UserId, check_id, check_limit

from .comparison import Comparison, compare
from .pagination import Position
from .post import NotTheAuthor, Post, PostContent, content_of
from .use_cases import Posts
from .visibility import Own, may_read_own

DEFAULT_REVISIONS: Final = 100
MAX_REVISIONS: Final = 1000


class RevisionNotFound(NotFound):
    """The post has no version with this number, or it is no longer kept."""

    def __init__(self, post_id: PostId, number: int) -> None:
        super().__init__(f"Post {post_id} has no version {number}, or it is no longer kept.")


class ListedRevision(NamedTuple):
    """A version of a post without its content.

    `saved_at` is the time when its content was saved. `published_at` is the publication time that the post had.
    """

    number: int
    saved_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A version of a post. `number` is the version; the times are those of `ListedRevision`."""

    post_id: PostId
    number: int
    saved_at: datetime
    published_at: datetime | None
    content: PostContent

    @classmethod
    def of(cls, post: Post) -> "Revision":
        """Return the present version of a post."""
        return cls(
            post_id=post.id,
            number=post.version,
            saved_at=post.updated_at,
            published_at=post.published_at,
            content=PostContent(**content_of(post)),
        )


class RevisionPosition(NamedTuple):
    """The position of a revision among all revisions of an author: by the creation position of its post, and by its
    number.
    """

    post: Position
    number: int


class PlacedRevision(NamedTuple):
    """A revision, and its position among all revisions of its author."""

    position: RevisionPosition
    revision: Revision


class RevisionStore(Protocol):
    """Stores earlier versions of posts. They are deleted with their post. Use cases check permissions."""

    def add(self, revision: Revision) -> None:
        """Store a revision.

        Raises:
            ConcurrencyConflict: another unit of work deleted the post.
        """

    def trim(self, post_id: PostId, last: int) -> None:
        """Delete the revisions of a post up to the number `last`, if there are any."""

    def find(self, post_id: PostId, number: int) -> Revision | None:
        """Return a revision of a post."""

    def page(self, post_id: PostId, *, limit: int, before: int) -> Sequence[ListedRevision]:
        """Return up to `limit` revisions of a post with numbers below `before`, highest first, without contents."""

    def written_by(
        self, author_id: UserId, *, limit: int, after: RevisionPosition | None = None
    ) -> Sequence[PlacedRevision]:
        """Return up to `limit` revisions of all posts of an author after a position, in the order of positions."""

    def remove_batch(self, sight: Own, *, limit: int) -> int:
        """Delete up to `limit` revisions of posts in this sight. Return how many.

        An account deletion then calls `remove_batch` or `reassign_batch` of `PostRepository` with the same arguments.
        The revisions are those of the posts that these methods choose.
        """

    def remove(self, post_ids: Collection[PostId]) -> None:
        """Delete all revisions of these posts, if there are any."""


@dataclass(slots=True)
class RevisionRecorder:
    """Stores each version that is replaced, and deletes those beyond the limit.

    Args:
        store: the store of revisions.
        limit: the number of earlier versions that are kept of a post. 0 keeps none.
    """

    store: RevisionStore
    limit: int

    def __call__(self, previous: Post) -> None:
        if self.limit:
            self.store.add(Revision.of(previous))
        if previous.version > self.limit:
            self.store.trim(previous.id, previous.version - self.limit)

    def keeps(self, number: int, version: int) -> bool:
        """Return whether a post of this version has a revision with this number."""
        return version - self.limit <= number < version


@dataclass(frozen=True, slots=True)
class RevisionPage:
    """A page of versions. `next` is the `before` of the next page: None on the last page."""

    revisions: Sequence[ListedRevision]
    next: int | None


@dataclass(frozen=True, slots=True)
class RevisionComparison:
    """A comparison of two versions of a post, by their numbers."""

    old: int
    new: int
    comparison: Comparison


@dataclass(slots=True)
class Revisions:
    """Reads, compares and restores the versions of the actor's own posts, the present one included."""

    posts: Posts
    store: RevisionStore

    def page(self, actor: Member, post_id: PostId, *, limit: int = 20, before: int | None = None) -> RevisionPage:
        """Return a page of up to `limit` versions of a post, newest first, with numbers below `before`.

        Raises:
            PostNotFound, NotTheAuthor.
            OutOfScope: the token may neither read nor write nor publish posts.
            ValidationFailed: `limit` is not valid.
        """
        post = self._get_post(actor, post_id)
        check_limit(limit)
        top = post.version + 1 if before is None else before
        found = [*self.store.page(post.id, limit=limit + 1, before=min(top, post.version))]
        if top > post.version:
            found.insert(0, ListedRevision(post.version, post.updated_at, post.published_at))
        page = found[:limit]
        return RevisionPage(page, page[-1].number if len(found) > limit else None)

    def get(self, actor: Member, post_id: PostId, number: int) -> Revision:
        """Return a version of a post.

        Raises:
            PostNotFound, NotTheAuthor, RevisionNotFound.
            OutOfScope: the token may neither read nor write nor publish posts.
        """
        return self._get(self._get_post(actor, post_id), number)

    def compare(self, actor: Member, post_id: PostId, number: int, other: int | None = None) -> RevisionComparison:
        """Compare a version of a post with another one, by default the present one.

        Raises:
            PostNotFound, NotTheAuthor, RevisionNotFound.
            OutOfScope: the token may neither read nor write nor publish posts.
        """
        post = self._get_post(actor, post_id)
        old = self._get(post, number)
        new = self._get(post, post.version if other is None else other)
        return RevisionComparison(old.number, new.number, compare(old.content, new.content))

    def restore(
        self,
        actor: Member,
        post: Post | PostId,
        number: int,
        *,
        expected_versions: Collection[int | str] | None = None,
    ) -> Post:
        """Give a post the content of an earlier version. This is a change as by `Posts.update`, with the next version.

        The slug and the publication time stay as they are. An equal content changes nothing.

        Args:
            actor: the author of the post.
            post: as in `Posts.update`.
            number: the version whose content is restored.
            expected_versions: as in `Posts.update`.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor, VersionConflict, RevisionNotFound.
            ValidationFailed: the content is not valid by present rules.
        """
        current = self.posts.get_for_update(actor, post)
        content = replace(self._get(current, number).content, slug=current.slug)
        return self.posts.replace_content(
            actor, current, content, expected_versions=expected_versions, detail=f"from version {number}"
        )

    def _get_post(self, actor: Member, post_id: PostId) -> Post:
        """Return a post whose versions this actor may read.

        Raises:
            PostNotFound, NotTheAuthor.
            OutOfScope: the token may neither read nor write nor publish posts.
        """
        require_member(actor)
        post = self.posts.get(post_id, actor)
        if not may_read_revisions(post, actor):
            if post.author_id == actor.user_id:
                raise OutOfScope(Scope.POSTS_READ)
            raise NotTheAuthor(post.id, "read the versions of")
        return post

    def _get(self, post: Post, number: int) -> Revision:
        """Return a version of a post.

        Raises:
            RevisionNotFound.
        """
        check_id(number)
        if number == post.version:
            return Revision.of(post)
        found = self.store.find(post.id, number) if number < post.version else None
        if found is None:
            raise RevisionNotFound(post.id, number)
        return found


def may_read_revisions(post: Post, actor: Actor) -> bool:
    """Return whether an actor may read the earlier versions of a post: only its author may."""
    return isinstance(actor, Member) and actor.user_id == post.author_id and may_read_own(actor)
