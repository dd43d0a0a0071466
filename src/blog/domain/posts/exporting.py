"""Export of posts, with what identifies them elsewhere: author, creation time and ordinal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from blog.domain.accounts.actors import Actor, Operator
from blog.domain.shared import MAX_PAGE_SIZE, UNSTORED, Clock, PostId, UserId, check_limit

from .importing import PortablePost
from .pagination import Position
from .post import PostNotFound
from .repository import PostRepository
from .revisions import RevisionStore
from .visibility import Everything, Reader, Reason, require_read_own
from .working_copies import WorkingCopy, WorkingCopyStore

_EVERYTHING = Everything(Reason.EXPORT)


@dataclass(frozen=True, slots=True)
class ExportPosition:
    """A position in an export: an author, and the last exported post of this author with its ordinal, if any."""

    author_id: UserId
    last: Position | None = None
    ordinal: int = 0


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Posts of one author, the ids that they have here, and on request their working copies by id. `next` is the
    `after` of the next page: None on the last page. A page may be empty.
    """

    posts: Sequence[PortablePost]
    next: ExportPosition | None
    post_ids: Sequence[PostId] = ()
    working_copies: Mapping[PostId, WorkingCopy] = field(default_factory=dict)


@dataclass(slots=True)
class PostExporter:
    """Reads all posts that the actor may read, author by author: each author's posts by creation time. Posts in the
    trash are left out.
    """

    posts: PostRepository
    revisions: RevisionStore
    working_copies: WorkingCopyStore
    now: Clock

    def page(
        self,
        actor: Actor,
        *,
        limit: int = MAX_PAGE_SIZE,
        after: ExportPosition | None = None,
        working_copies: bool = False,
    ) -> ExportPage:
        """Return a page of up to `limit` posts. The operator reads what each author reads, a member published and own
        posts.

        With `working_copies`, the operator also reads the working copies of the posts, a member those of own posts.

        Raises:
            NotAMember.
            OutOfScope: the token may neither read nor write nor publish posts. Drafts of the actor
                would be left out.
            ValidationFailed: `limit` is not valid.
        """
        reader = self._reader(actor)
        check_limit(limit)
        start = after or self._first_of_next_author(UserId(UNSTORED))
        if start is None:
            return ExportPage((), None)
        sight = Reader(self.now(), reader or start.author_id)
        found = self.posts.written_by(sight, start.author_id, limit=limit + 1, after=start.last)
        page: list[PortablePost] = []
        position = start
        for post in found[:limit]:
            is_same_time = position.last is not None and position.last.key == post.created_at
            position = ExportPosition(
                start.author_id, post.creation_position, position.ordinal + 1 if is_same_time else 1
            )
            page.append(PortablePost.of(post, position.ordinal))
        following = position if len(found) > limit else self._first_of_next_author(start.author_id)
        post_ids = [post.id for post in found[:limit]]
        is_allowed = isinstance(actor, Operator) or actor.user_id == start.author_id
        copies = self.working_copies.of_posts(post_ids) if working_copies and is_allowed else ()
        return ExportPage(page, following, post_ids, {copy.post_id: copy for copy in copies})

    def earlier_versions(self, actor: Actor, post_id: PostId, exported: PortablePost) -> Iterator[PortablePost]:
        """Yield the versions before the exported one, newest first, each when it is asked for. A member gets those of
        own posts only.

        Raises:
            NotAMember.
            OutOfScope: the token may neither read nor write nor publish posts.
        """
        reader = self._reader(actor)
        sight = _EVERYTHING if reader is None else Reader(self.now(), reader)
        try:
            post = self.posts.get(sight, post_id)
        except PostNotFound:  # it was deleted meanwhile
            return
        if post.deleted_at is not None or reader not in {None, post.author_id}:
            return
        before = exported.version
        while listed := self.revisions.page(post_id, limit=MAX_PAGE_SIZE, before=before):
            before = listed[-1].number
            for each in listed:
                revision = self.revisions.find(post_id, each.number)
                if revision is not None:
                    yield exported.as_revision(revision)

    def _reader(self, actor: Actor) -> UserId | None:
        """Return who reads the posts. None stands for the operator, who reads the posts of each author as this author.

        Raises:
            NotAMember.
            OutOfScope: the token may neither read nor write nor publish posts.
        """
        if isinstance(actor, Operator):
            return None
        require_read_own(actor)
        return actor.user_id

    def _first_of_next_author(self, after: UserId) -> ExportPosition | None:
        author_id = self.posts.next_author(_EVERYTHING, after)
        return None if author_id is None else ExportPosition(author_id)
