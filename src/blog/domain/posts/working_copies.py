"""Working copies: what the author of a post saves without publishing it."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, Protocol, Unpack

from blog.domain.accounts.actors import Member, Scope, require_scope
from blog.domain.errors import FieldError, PreconditionFailed, ValidationFailed
from blog.domain.shared import Clock, PostId, check_id

from .post import NotTheAuthor, Post, PostChanges, PostContent, content_of, validate_unfinished
from .repository import PostRepository
from .visibility import Reader, require_read_own


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingCopy:
    """The content of a post that its author has saved without publishing it. A post has at most one.

    `based_on` is the version of the post with which the author began. `saved_at` is the time of the last save: None if
    nothing is saved, and the content is the post's own.
    """

    post_id: PostId
    based_on: int
    saved_at: datetime | None
    content: PostContent

    @classmethod
    def of(cls, post: Post) -> "WorkingCopy":
        """Return what an author begins with: the content of the post."""
        content = PostContent(**content_of(post))
        return cls(post_id=post.id, based_on=post.version, saved_at=None, content=content)

    @property
    def tag(self) -> str:
        """A digest of the copy: two copies, or one copy at two times, differ in it."""
        values = content_of(self.content).values()
        texts = [value if isinstance(value, str) else repr(value) for value in values]  # to hash a long text is cheap
        saved_at = self.saved_at and self.saved_at.timestamp()
        metadata = repr((self.post_id, self.based_on, saved_at, [*map(len, texts)], [*map(type, values)]))
        return hashlib.sha256("".join([metadata, *texts]).encode()).hexdigest()[:32]


class CopyOfPost(NamedTuple):
    """A working copy, and its post as it is now."""

    copy: WorkingCopy
    post: Post

    @property
    def is_outdated(self) -> bool:
        """Whether the post has changed since the author began."""
        return self.copy.based_on != self.post.version


class WorkingCopyConflict(PreconditionFailed):
    """The stored working copy of a post is not the expected one. `copy`, `post` and `at` are it, its post, and when."""

    def __init__(self, copy: WorkingCopy, post: Post, at: datetime, message: str = "") -> None:
        self.copy, self.post, self.at = copy, post, at
        super().__init__(message or f"The working copy of post {post.id} is another one, based on {_base_of(copy)}.")


class OutdatedWorkingCopy(WorkingCopyConflict):
    """The post has changed since the author began, so the working copy is not applied."""

    def __init__(self, copy: WorkingCopy, post: Post, at: datetime) -> None:
        changed = f"Post {post.id} has changed: its version is {post.version} now."
        super().__init__(copy, post, at, f"{changed} The working copy is based on {_base_of(copy)}.")


class WorkingCopyStore(Protocol):
    """Stores working copies. A deleted post loses its copy. Use cases check permissions, and lock the post first."""

    def find(self, post_id: PostId) -> WorkingCopy | None:
        """Return the working copy of a post."""

    def of_posts(self, post_ids: Collection[PostId]) -> Sequence[WorkingCopy]:
        """Return the working copies of these posts, in the order of the posts' ids."""

    def put(self, copy: WorkingCopy) -> None:
        """Store the working copy of a post, in place of the one that is stored.

        Raises:
            ConcurrencyConflict: another unit of work deleted the post. It may be raised at the end of the unit.
        """

    def remove(self, post_ids: Collection[PostId]) -> None:
        """Delete the working copies of these posts, if there are any."""


@dataclass(slots=True)
class WorkingCopies:
    """Reads, saves and discards working copies. Only the author of a post does so. `Posts` applies them."""

    store: WorkingCopyStore
    posts: PostRepository
    now: Clock
    _locked: dict[PostId, CopyOfPost] = field(default_factory=dict, init=False, repr=False)

    def get(self, actor: Member, post_id: PostId) -> CopyOfPost:
        """Return the working copy of a post of the actor, or the content of the post if there is none.

        Raises:
            OutOfScope: the token may neither read nor write nor publish posts.
            PostNotFound, NotTheAuthor.
        """
        require_read_own(actor)
        check_id(post_id)
        post = _own(actor, self.posts.get(Reader(self.now(), actor.user_id), post_id))
        return CopyOfPost(self.store.find(post_id) or WorkingCopy.of(post), post)

    def get_for_update(self, actor: Member, post_id: PostId) -> CopyOfPost:
        """Return the same as `get`, and lock it until the unit of work ends.

        Raises:
            OutOfScope: the token lacks the scope `posts:write`.
            PostNotFound, NotTheAuthor.
        """
        return self._lock(actor, post_id)

    def save(
        self,
        actor: Member,
        post: CopyOfPost | PostId,
        *,
        based_on: int,
        expected_tags: Collection[str] | None = None,
        **changes: Unpack[PostChanges],
    ) -> CopyOfPost:
        """Save the working copy of a post, in place of the one that is stored. To save the same again writes nothing.

        It is stored also if it is outdated: the author decides then what becomes of both texts.

        Args:
            actor: the author of the post.
            post: from `get_for_update` in the same unit of work, or the id of the post.
            based_on: the version of the post with which the author began.
            expected_tags: the stored copy must have one of these tags. None: it must be based on the same version.
            changes: the content. It may be unfinished: title and body may be blank. A field that is left out stays as
                `get` returns it.

        Raises:
            OutOfScope: the token lacks the scope `posts:write`.
            PostNotFound, NotTheAuthor.
            ValidationFailed: the content is not valid, or the post never had the version.
            WorkingCopyConflict: the stored copy is not the expected one.
        """
        found = self._lock(actor, post)
        shown, current = found
        errors = validate_unfinished(**changes)
        if not 1 <= based_on <= current.version:
            errors.append(FieldError("based_on", f"must be from 1 to {current.version}, the version of the post"))
        if errors:
            raise ValidationFailed(errors)
        stored = current.as_stored(changes)
        if "summary" in changes and changes["summary"] == shown.content.summary:
            stored["summary"] = shown.content.summary  # as `get` returns it: it is the author's, whatever the post says
        content = replace(shown.content, **stored)
        if (shown.based_on, shown.content) == (based_on, content):
            return found
        now = self.now()
        if expected_tags is None:
            is_expected = shown.saved_at is None or shown.based_on == based_on
        else:
            is_expected = shown.tag in expected_tags
        if not is_expected:
            raise WorkingCopyConflict(shown, current, now)
        copy = WorkingCopy(post_id=current.id, based_on=based_on, saved_at=now, content=content)
        self.store.put(copy)
        return self._remember(CopyOfPost(copy, current))

    def discard(
        self, actor: Member, post: CopyOfPost | PostId, *, expected_tags: Collection[str] | None = None
    ) -> None:
        """Delete the working copy of a post, if there is one.

        Args:
            actor: the author of the post.
            post: as in `save`.
            expected_tags: the stored copy must have one of these tags. None: any.

        Raises:
            OutOfScope: the token lacks the scope `posts:write`.
            PostNotFound, NotTheAuthor, WorkingCopyConflict.
        """
        copy, current = self._lock(actor, post)
        if expected_tags is not None and copy.tag not in expected_tags:
            raise WorkingCopyConflict(copy, current, self.now())
        if copy.saved_at is not None:
            self.store.remove([current.id])
            self._remember(CopyOfPost(WorkingCopy.of(current), current))

    def _lock(self, actor: Member, post: CopyOfPost | PostId) -> CopyOfPost:
        """Return a post of the actor with its working copy, as they are stored. It is locked.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor.
        """
        require_scope(actor, Scope.POSTS_WRITE)
        if isinstance(post, CopyOfPost):
            # Identity, not equality: only what this unit of work returned is trusted, unless the post, or who locked it
            # last, is another one since.
            if self._locked.get(post.post.id) is post and self.posts.held.get(post.post.id) is post.post:
                _own(actor, post.post)
                return post
            post = post.post.id
        check_id(post)
        current = _own(actor, self.posts.get_for_update(Reader(self.now(), actor.user_id), post))
        return self._remember(CopyOfPost(self.store.find(post) or WorkingCopy.of(current), current))

    def _remember(self, found: CopyOfPost) -> CopyOfPost:
        self._locked[found.post.id] = found
        return found


def check_base(
    copy: WorkingCopy, post: Post, at: datetime, expected_versions: Collection[int | str] | None = None
) -> None:
    """Check that a working copy may be applied to its post at this moment.

    Args:
        copy: the working copy.
        post: its post, locked.
        at: the moment.
        expected_versions: versions or version tags, of which the post must have one. None: the version on which the
            copy is based.

    Raises:
        OutdatedWorkingCopy.
    """
    is_current = copy.based_on == post.version if expected_versions is None else post.matches(expected_versions)
    if not is_current:
        raise OutdatedWorkingCopy(copy, post, at)


def _own(actor: Member, post: Post) -> Post:
    """Check that the actor is the author of a post. Return the post.

    Raises:
        NotTheAuthor.
    """
    if post.author_id != actor.user_id:
        raise NotTheAuthor(post.id, "read or change the working copy of")
    return post


def _base_of(copy: WorkingCopy) -> str:
    return f"version {copy.based_on}"
