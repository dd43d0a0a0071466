"""The trash: deleted posts, which their authors can restore for 30 days."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from blog.domain.accounts.actors import Member, Operator, Scope, require_scope
from blog.domain.audit import Event
from blog.domain.shared import PostId, check_id

from .pagination import Position
from .post import Post, PostNotFound, Status, check_author, check_version
from .slug_assignment import forget_slugs
from .use_cases import PostPage, Posts
from .visibility import Everything, Own, Reason

TRASH_RETENTION: Final = timedelta(days=30)
"""The time for which a post stays in the trash."""


@dataclass(slots=True)
class Trash:
    """Lists, restores and deletes for good the posts in the trash. `Posts.delete` moves them there.

    To everyone but its author, a post in the trash does not exist.
    """

    posts: Posts
    _locked: dict[PostId, tuple[Post, Member]] = field(default_factory=dict, init=False, repr=False)
    """The posts of the trash that this unit of work has locked, and for whom."""

    def page(self, actor: Member, *, limit: int = 20, after: Position | None = None) -> PostPage:
        """Return a page of up to `limit` posts in the trash of the actor, the last deleted first.

        Raises:
            OutOfScope: the token may neither read nor write nor publish posts.
            ValidationFailed: `limit` is not valid.
        """
        return self.posts.own_page(actor, Status.TRASHED, limit=limit, after=after)

    def get(self, actor: Member, post_id: PostId) -> Post:
        """Return a post in the trash of the actor.

        Raises:
            OutOfScope: the token may neither read nor write nor publish posts.
            PostNotFound.
        """
        sight = self.posts.own_sight(actor, Status.TRASHED)
        check_id(post_id)
        try:
            return self.posts.repository.get(sight, post_id)
        except PostNotFound:
            raise PostNotFound(post_id, " in your trash") from None

    def get_for_update(self, actor: Member, post_id: PostId) -> Post:
        """Lock a post in the trash that this actor may restore or delete for good, until the unit of work ends.

        Raises:
            OutOfScope: the token lacks the scope `posts:write`, or `posts:publish` for a post that was no draft.
            PostNotFound.
        """
        require_scope(actor, Scope.POSTS_WRITE)
        check_id(post_id)
        sight = Own(self.posts.now(), actor.user_id, Status.TRASHED)
        try:
            post = self.posts.repository.get_for_update(sight, post_id)
        except PostNotFound:
            raise PostNotFound(post_id, " in your trash") from None
        check_author(actor, post, Scope.POSTS_WRITE)
        self._locked[post.id] = post, actor
        return post

    def restore(
        self, actor: Member, post: Post | PostId, *, expected_versions: Collection[int | str] | None = None
    ) -> Post:
        """Take a post out of the trash. It is again what it was: a draft, scheduled, or published at the same time.

        A scheduled post whose time has come meanwhile is published. A working copy is outdated only if it was before,
        or if the post lost its slug to another one.

        Args:
            actor: the author of the post.
            post: from `get_for_update` in the same unit of work, or an id. A post from `get` or `page` is locked now;
                VersionConflict is raised if it has changed since it was read.
            expected_versions: versions or version tags. The post must have one of these. None accepts any.

        Raises:
            OutOfScope, PostNotFound: as `get_for_update`.
            VersionConflict.
        """
        current = self._lock(actor, post)
        check_version(current, expected_versions)
        restored = self.posts.put_back(current)
        self._move_copy(current, restored)
        self._locked.pop(current.id, None)
        status = restored.status(self.posts.now())
        self.posts.audit.record(Event.POST_RESTORED, actor, "post", restored.id, f"as {status}")
        return restored

    def delete(
        self, actor: Member, post: Post | PostId, *, expected_versions: Collection[int | str] | None = None
    ) -> None:
        """Delete a post in the trash for good. The arguments are those of `restore`.

        Raises:
            OutOfScope, PostNotFound: as `get_for_update`.
            VersionConflict.
        """
        current = self._lock(actor, post)
        check_version(current, expected_versions)
        self.posts.repository.remove(current.id)
        self._locked.pop(current.id, None)
        self.posts.slugs.store.forget([current.id], current.deleted_at or self.posts.now())
        self.posts.audit.record(Event.POST_PURGED, actor, "post", current.id)

    def purge(self, *, limit: int) -> int:
        """Delete up to `limit` posts for good that were deleted 30 days ago. Return how many. Maintenance calls this.

        Stored responses have none of their text: `Posts.delete` has removed it.
        """
        now = self.posts.now()
        sight = Everything(Reason.MAINTENANCE)
        removed = self.posts.repository.purge_trash(sight, until=now - TRASH_RETENTION, limit=limit)
        forget_slugs(self.posts.slugs.store, removed, now)
        for post in sorted(removed):
            self.posts.audit.record(Event.POST_PURGED, Operator(), "post", post.id, "30 days after its deletion")
        return len(removed)

    def _move_copy(self, trashed: Post, restored: Post) -> None:
        """Base the working copy on the restored post, if it was current when the post was moved to the trash, and the
        post did not lose its slug there to another one.
        """
        copies = self.posts.working_copies
        copy = copies.find(trashed.id)
        if copy is not None and copy.based_on == trashed.version - 1:
            copies.put(replace(copy, based_on=restored.version))

    def _lock(self, actor: Member, post: Post | PostId) -> Post:
        """Return the post as it is stored, locked, after checking the permission.

        Raises:
            OutOfScope, PostNotFound.
            VersionConflict: the post that was passed in is not the stored one.
        """
        if not isinstance(post, Post):
            return self.get_for_update(actor, post)
        locked, permitted = self._locked.get(post.id, (None, None))
        if locked is post and permitted == actor and self.posts.repository.held.get(post.id) is post:
            return post
        current = self.get_for_update(actor, post.id)
        check_version(current, [post.version_tag])
        return current
