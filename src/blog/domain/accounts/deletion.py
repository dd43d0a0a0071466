"""Deletion of accounts. The account is unusable at once; its posts are deleted or reassigned in small steps. Drafts,
scheduled posts and those in the trash are always deleted.

Audit entries about the account stay. Its id and its usernames are never reused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from blog.domain.audit import Audit, Event
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import Status
from blog.domain.posts.repository import PostRepository
from blog.domain.posts.revisions import RevisionStore
from blog.domain.posts.slug_assignment import SlugStore, forget_slugs
from blog.domain.posts.visibility import Everything, Own, Reason
from blog.domain.posts.working_copies import WorkingCopyStore
from blog.domain.search.index import PostIndex
from blog.domain.shared import Clock, UserId

from .actors import Actor
from .passwords import NormalizingHasher
from .throttle import AttemptStore, account_key, rename_key
from .user import (
    DELETED_USER,
    LastAdmin,
    PendingDeletion,
    PostsOnDeletion,
    ReservedUser,
    User,
    UsernameTaken,
    UserRepository,
)

POSTS_PER_STEP: Final = 500
"""Posts that one unit of work deletes or reassigns, so that no other waits long for its lock."""

_DONE: Final = {PostsOnDeletion.DELETE: "deleted", PostsOnDeletion.KEEP: "kept"}


@dataclass(slots=True)
class DeletedUser:
    """The sentinel account that becomes the author of posts of deleted accounts. Nobody can log in to it."""

    users: UserRepository
    hasher: NormalizingHasher
    now: Clock

    def get(self) -> User:
        """Return the sentinel account. It is created at the first use."""
        found = self.users.find(DELETED_USER)
        if found is not None:
            return found.user
        new = User(username=DELETED_USER, is_active=False, created_at=self.now())
        try:
            return self.users.add(new, self.hasher.decoy)
        except UsernameTaken:  # another unit of work has just created it
            return self.get()


class OwnedStore(Protocol):
    """A store whose rows belong to one user each, and are deleted with the account."""

    def remove_all_of(self, user_id: UserId) -> None:
        """Delete all rows of this user, if there are any."""


@dataclass(slots=True)
class AccountDeletion:
    """Deletes accounts. The callers have checked the permission. `owned` are the stores that are emptied of the user's
    rows; posts and log-in attempts are treated apart.
    """

    users: UserRepository
    posts: PostRepository
    index: PostIndex
    revisions: RevisionStore
    slugs: SlugStore
    working_copies: WorkingCopyStore
    attempts: AttemptStore
    owned: Iterable[OwnedStore]
    audit: Audit
    deleted_user: DeletedUser
    now: Clock

    def delete(self, by: Actor, user_id: UserId, posts: PostsOnDeletion) -> None:
        """Delete an account and its data. The first posts are deleted or reassigned now, the others by `finish`.

        Raises:
            UserNotFound, LastAdmin, ReservedUser.
        """
        admins = self.users.active_admins_for_update()
        user = self.users.get_for_update(user_id).user
        if user.is_reserved:
            raise ReservedUser
        if user.is_active_admin and len(admins) == 1:
            raise LastAdmin
        self.audit.record(Event.USER_DELETED, by, "user", user_id, f"{user.username}, posts {_DONE[posts]}")
        for store in self.owned:
            store.remove_all_of(user_id)
        for tried in (user_id, rename_key(user_id)):
            self.attempts.remove_all_of(account_key(tried))
        self.users.begin_deletion(user_id, posts)
        self._continue(PendingDeletion(user_id, posts), POSTS_PER_STEP)

    def finish(self, *, limit: int) -> int:
        """Continue pending deletions: delete or reassign up to `limit` posts and revisions. Return how many."""
        left = limit
        while left > 0 and (pending := self.users.next_deletion_for_update()) is not None:
            left -= self._continue(pending, left)
        return limit - left

    def _continue(self, pending: PendingDeletion, limit: int) -> int:
        """Delete or reassign up to `limit` posts, and remove the account if none is left. Return how many.

        The revisions of these posts are deleted before them, and count like posts: there may be many.
        """
        now, left = self.now(), limit
        # Again if a post is left: another unit of work has just given it a status that was done before.
        while self.posts.written_by(Everything(Reason.MAINTENANCE), pending.user_id, limit=1):
            for status in Status:
                sight = Own(now, pending.user_id, status)
                left -= self.revisions.remove_batch(sight, limit=left)
                if not left:
                    return limit
                if status is Status.PUBLISHED and pending.posts is PostsOnDeletion.KEEP:
                    left -= self._reassign_batch(sight, left)
                else:
                    left -= self._remove_batch(sight, left)
                if not left:
                    return limit
        self.users.remove(pending.user_id)
        return limit - left

    def _reassign_batch(self, sight: Own, limit: int) -> int:
        """Reassign up to `limit` posts, and delete what their author had not published of them. Return how many."""
        if not self.posts.page(sight, SortOrder.OLDEST, limit=1):
            return 0  # so that the sentinel is not created without need
        reassigned = self.posts.reassign_batch(sight, self.deleted_user.get().id, limit=limit)
        self.working_copies.remove(reassigned)
        self.revisions.remove(reassigned)  # of a post that another unit of work has published a moment ago
        return len(reassigned)

    def _remove_batch(self, sight: Own, limit: int) -> int:
        """Delete up to `limit` posts. Return how many."""
        removed = self.posts.remove_batch(sight, limit=limit)
        forget_slugs(self.slugs, removed, sight.at)
        if sight.status in {Status.SCHEDULED, Status.PUBLISHED}:
            for post in removed:
                self.index.remove(post.id)
        return len(removed)
