"""Export of posts, with what identifies them elsewhere: author, creation time and ordinal."""

from collections.abc import Sequence
from dataclasses import dataclass

from blog.domain.accounts.actors import Actor, Operator, OutOfScope, Scope, require_member
from blog.domain.shared import MAX_PAGE_SIZE, UNSTORED, Clock, UserId, check_limit

from .importing import PortablePost
from .pagination import Position
from .repository import PostRepository
from .visibility import Everything, Reader, Reason, may_read_own

_EVERYTHING = Everything(Reason.EXPORT)


@dataclass(frozen=True, slots=True)
class ExportPosition:
    """A position in an export: an author, and the last exported post of this author with its ordinal, if any."""

    author_id: UserId
    last: Position | None = None
    ordinal: int = 0


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Posts of one author. `next` is the `after` of the next page: None on the last page. A page may be empty."""

    posts: Sequence[PortablePost]
    next: ExportPosition | None


@dataclass(slots=True)
class PostExporter:
    """Reads all posts that the actor may read, author by author: each author's posts by creation time."""

    posts: PostRepository
    now: Clock

    def page(self, actor: Actor, *, limit: int = MAX_PAGE_SIZE, after: ExportPosition | None = None) -> ExportPage:
        """Return a page of up to `limit` posts. The operator reads every post, a member published and own posts.

        Raises:
            NotAMember.
            OutOfScope: the token may neither read nor write nor publish posts. Drafts of the actor
                would be left out.
            ValidationFailed: `limit` is not valid.
        """
        sight = self._sight(actor)
        check_limit(limit)
        start = after or self._first_of_next_author(UserId(UNSTORED))
        if start is None:
            return ExportPage((), None)
        found = self.posts.written_by(sight, start.author_id, limit=limit + 1, after=start.last)
        page: list[PortablePost] = []
        position = start
        for post in found[:limit]:
            is_same_time = position.last is not None and position.last.key == post.created_at
            position = ExportPosition(
                start.author_id, post.creation_position, position.ordinal + 1 if is_same_time else 1
            )
            page.append(PortablePost.of(post, position.ordinal))
        return ExportPage(page, position if len(found) > limit else self._first_of_next_author(start.author_id))

    def _sight(self, actor: Actor) -> Reader | Everything:
        if isinstance(actor, Operator):
            return _EVERYTHING
        require_member(actor)
        if not may_read_own(actor):
            raise OutOfScope(Scope.POSTS_READ)
        return Reader(self.now(), actor.user_id)

    def _first_of_next_author(self, after: UserId) -> ExportPosition | None:
        author_id = self.posts.next_author(_EVERYTHING, after)
        return None if author_id is None else ExportPosition(author_id)
