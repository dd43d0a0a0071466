"""Deleting an account: nobody uses it from that moment on, and many posts are deleted or moved in small steps.

What is recorded about an account in the audit stays, and its id and its usernames are never given to anybody else.
"""

from dataclasses import dataclass
from typing import Final

from blog.domain.audit import Audit, Event
from blog.domain.idempotency import IdempotencyStore
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.repository import PostRepository
from blog.domain.search.index import PostIndex
from blog.domain.shared import Clock, UserId

from .actors import Actor
from .invitations import InvitationStore
from .passwords import NormalizingHasher
from .throttle import AttemptStore, account_key, rename_key
from .tokens import TokenStore
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

POSTS_AT_ONCE: Final = 500
"""Posts that are deleted or moved in one unit of work, so that nobody waits long for its lock."""

_DONE: Final = {PostsOnDeletion.DELETE: "deleted", PostsOnDeletion.KEEP: "kept"}


@dataclass(slots=True)
class DeletedUser:
    """The account under which the posts of deleted accounts are kept: a sentinel that nobody can log in to."""

    users: UserRepository
    hasher: NormalizingHasher
    now: Clock

    def get(self) -> User:
        """The account, which is added when it is first needed."""
        found = self.users.find(DELETED_USER)
        if found is not None:
            return found.user
        new = User(username=DELETED_USER, is_active=False, created_at=self.now())
        try:
            return self.users.add(new, self.hasher.decoy)
        except UsernameTaken:  # another unit of work has added it just now
            return self.get()


@dataclass(slots=True)
class AccountDeletion:
    """How accounts are deleted, by whoever has been found to be allowed to."""

    users: UserRepository
    posts: PostRepository
    index: PostIndex
    tokens: TokenStore
    invitations: InvitationStore
    attempts: AttemptStore
    idempotency: IdempotencyStore
    audit: Audit
    deleted_user: DeletedUser

    def delete(self, by: Actor, user_id: UserId, posts: PostsOnDeletion) -> None:
        """Delete an account with all that is kept about it. Its first posts are deleted or moved now, others later.

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
        self.tokens.remove_all_of(user_id)
        self.invitations.remove_all_by(user_id)
        self.idempotency.remove_all_of(user_id)
        for tried in (user_id, rename_key(user_id)):
            self.attempts.remove_all_of(account_key(tried))
        if not self.posts.page(SortOrder.OLDEST, limit=1, authors=[user.username]):
            posts = PostsOnDeletion.DELETE  # so that no sentinel is added for nothing
        self.users.begin_deletion(user_id, posts)
        self._go_on_with(PendingDeletion(user_id, posts), POSTS_AT_ONCE)

    def finish(self, *, limit: int) -> int:
        """Go on with deletions: delete or move up to `limit` posts. How many there were."""
        left = limit
        while left > 0 and (pending := self.users.next_deletion_for_update()) is not None:
            left -= self._go_on_with(pending, left)
        return limit - left

    def _go_on_with(self, pending: PendingDeletion, limit: int) -> int:
        """Delete or move up to `limit` posts, and remove the account if these were all. How many there were."""
        if pending.posts is PostsOnDeletion.KEEP:
            done = self.posts.reassign_some_of(pending.user_id, self.deleted_user.get().id, limit=limit)
        else:
            removed = self.posts.remove_some_of(pending.user_id, limit=limit)
            for post_id in removed:
                self.index.remove(post_id)
            done = len(removed)
        if done < limit:
            self.users.remove(pending.user_id)
        return done
