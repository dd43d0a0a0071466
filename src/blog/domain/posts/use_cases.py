"""Use cases of posts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Unpack

from blog.domain.accounts.actors import Member, Scope, require_scope
from blog.domain.audit import Audit, Event
from blog.domain.search.index import PostIndex
from blog.domain.shared import Clock, PostId, check_id, check_limit

from .pagination import Position, PostFilter, SortOrder
from .post import NotTheAuthor, Post, PostChanges, PostFields, VersionConflict
from .repository import PostRepository


@dataclass(frozen=True, slots=True)
class PostPage:
    """A page of posts. `next` is the `after` of the next page: None on the last page."""

    posts: Sequence[Post]
    next: Position | None


@dataclass(slots=True)
class Posts:
    """Creates, reads, changes and deletes posts."""

    repository: PostRepository
    index: PostIndex
    audit: Audit
    now: Clock
    _locked: dict[PostId, tuple[Post, Member]] = field(default_factory=dict, init=False, repr=False)
    """The posts that this unit of work has locked, in their current state, and an actor who may change them, by id."""

    def create(self, actor: Member, **content: Unpack[PostFields]) -> Post:
        """Create a post of the actor.

        Raises:
            OutOfScope: the token lacks the scope `posts:write`.
            ValidationFailed: the content is not valid.
        """
        require_scope(actor, Scope.POSTS_WRITE)
        post = self.repository.add(Post.create(actor, self.now(), **content))
        self.index.put(post)
        self.audit.record(Event.POST_CREATED, actor, "post", post.id)
        return post

    def get(self, post_id: PostId) -> Post:
        """Return a post.

        Raises:
            PostNotFound.
        """
        check_id(post_id)
        return self.repository.get(post_id)

    def page(
        self,
        order: SortOrder = SortOrder.NEWEST,
        *,
        limit: int = 20,
        after: Position | None = None,
        **filters: Unpack[PostFilter],
    ) -> PostPage:
        """Return a page of up to `limit` posts, after the position `after`.

        Reading all pages returns each post once, if it was not created, deleted or moved meanwhile.

        Raises:
            ValidationFailed: `limit` is not valid.
        """
        check_limit(limit)
        posts = self.repository.page(order, limit=limit + 1, after=after, **filters)
        page = posts[:limit]
        return PostPage(page, next=page[-1].position_in(order) if len(posts) > limit else None)

    def count(self, **filters: Unpack[PostFilter]) -> int:
        """Return the number of posts. The cost grows with the number."""
        return self.repository.count(**filters)

    def update(
        self,
        actor: Member,
        post: Post | PostId,
        *,
        expected_versions: Collection[int | str] | None = None,
        **changes: Unpack[PostChanges],
    ) -> Post:
        """Change some or all fields of a post.

        Args:
            actor: the author of the post.
            post: from `get_for_update` in the same unit of work, or an id. A post from `get` or `page` is locked now;
                VersionConflict is raised if it has changed since it was read.
            expected_versions: versions or revisions. The post must have one of these. None accepts any.
            changes: the new values.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor, VersionConflict.
            ValidationFailed: the changes are not valid.
        """
        current = self._lock(actor, post)
        _check_version(current, expected_versions, changes)
        updated = current.with_changes(self.now(), **changes)
        if updated is not current:
            self.repository.save(updated, previous=current)
            self._locked[updated.id] = updated, actor
            self.index.put(updated)
            self.audit.record(Event.POST_CHANGED, actor, "post", updated.id)
        return updated

    def delete(
        self, actor: Member, post: Post | PostId, *, expected_versions: Collection[int | str] | None = None
    ) -> None:
        """Delete a post for good. The arguments are those of `update`.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor, VersionConflict.
        """
        current = self._lock(actor, post)
        _check_version(current, expected_versions, {})
        self.repository.remove(current.id)
        self._locked.pop(current.id, None)
        self.index.remove(current.id)
        self.audit.record(Event.POST_DELETED, actor, "post", current.id)

    def get_for_update(self, actor: Member, post_id: PostId) -> Post:
        """Lock a post that this actor may change, until the unit of work ends.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor.
        """
        require_scope(actor, Scope.POSTS_WRITE)
        check_id(post_id)
        post = self.repository.get_for_update(post_id)
        _check_author(actor, post)
        self._locked[post.id] = post, actor
        return post

    def _lock(self, actor: Member, post: Post | PostId) -> Post:
        """Return the post as it is stored, locked, after checking the ownership rule. `update` and `delete` call this.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor.
            VersionConflict: the post that was passed in is not the stored one.
        """
        if not isinstance(post, Post):
            return self.get_for_update(actor, post)
        locked, checked = self._locked.get(post.id, (None, None))
        # Identity, not equality: only the object that this unit of work returned to this actor is trusted.
        if locked is post and checked is actor:
            return post
        current = self.get_for_update(actor, post.id)
        _check_version(current, [post.revision], {})
        return current


def _check_author(actor: Member, post: Post) -> None:
    """Check the ownership rule: only its author changes or deletes a post.

    Raises:
        NotTheAuthor.
    """
    if not post.may_be_changed_by(actor):
        raise NotTheAuthor(post.id)


def _check_version(post: Post, expected: Collection[int | str] | None, changes: PostChanges) -> None:
    """Check that the post has an expected version or revision.

    Raises:
        VersionConflict.
    """
    if expected is not None and not post.matches(expected):
        raise VersionConflict(post, post.differences(changes), expected)
