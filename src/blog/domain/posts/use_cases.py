"""What people do with posts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from blog.domain.accounts.actors import Member, Scope, require_scope
from blog.domain.audit import Audit, Event
from blog.domain.shared import Clock, PostId, check_limit

from .pagination import Position, PostFilter, SortOrder
from .post import NotTheAuthor, Post, PostChanges, VersionConflict
from .repository import PostRepository

if TYPE_CHECKING:  # to find posts, one must know what a post is
    from blog.domain.search.index import PostIndex


@dataclass(frozen=True, slots=True)
class Page:
    """Some posts, and after which place the next ones come: None on the last page."""

    posts: Sequence[Post]
    next: Position | None


@dataclass(slots=True)
class Posts:
    """What people can do with posts."""

    repository: PostRepository
    index: "PostIndex"
    audit: Audit
    now: Clock

    def create(self, actor: Member, *, title: str, body: str) -> Post:
        """Write a post in one's own name.

        Raises:
            OutOfScope.
            Invalid: of `title` and `body`.
        """
        require_scope(actor, Scope.POSTS_WRITE)
        post = self.repository.add(Post.create(actor, self.now(), title=title, body=body))
        self.index.put(post)
        self.audit.record(Event.POST_CREATED, actor, "post", post.id)
        return post

    def get(self, post_id: PostId) -> Post:
        """Read one post.

        Raises:
            PostNotFound.
        """
        return self.repository.get(post_id)

    def page(
        self,
        order: SortOrder = SortOrder.NEWEST,
        *,
        limit: int = 20,
        after: Position | None = None,
        **those: Unpack[PostFilter],
    ) -> Page:
        """Read a page of up to `limit` of those posts, on from `after`.

        Whoever goes through all pages sees every post once that was there all the while and kept its place.

        Raises:
            Invalid: of `limit`.
        """
        check_limit(limit)
        posts = self.repository.page(order, limit=limit + 1, after=after, **those)
        page = posts[:limit]
        return Page(page, next=page[-1].position_in(order) if len(posts) > limit else None)

    def count(self, **those: Unpack[PostFilter]) -> int:
        """How many of those posts there are, which costs the more the more there are."""
        return self.repository.count(**those)

    def update(
        self,
        actor: Member,
        post_id: PostId,
        *,
        expected_versions: Collection[int | str] | None = None,
        **changes: Unpack[PostChanges],
    ) -> Post:
        """Change some or all of a post, if it is in one of `expected_versions`: versions or revisions. None is any.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor, VersionConflict.
            Invalid: of what is changed.
        """
        post = self.get_for_update(actor, post_id)
        _check_version(post, expected_versions, changes)
        revised = post.with_changes(self.now(), **changes)
        if revised is not post:
            self.repository.save(revised, over=post)
            self.index.put(revised)
            self.audit.record(Event.POST_CHANGED, actor, "post", post_id)
        return revised

    def delete(self, actor: Member, post_id: PostId, *, expected_versions: Collection[int | str] | None = None) -> None:
        """Delete a post, for good; `expected_versions` it is in one of these versions or revisions, if that matters.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor, VersionConflict.
        """
        _check_version(self.get_for_update(actor, post_id), expected_versions, {})
        self.repository.remove(post_id)
        self.index.remove(post_id)
        self.audit.record(Event.POST_DELETED, actor, "post", post_id)

    def get_for_update(self, actor: Member, post_id: PostId) -> Post:
        """The post, for its author to change: every change passes through here, and so past the ownership rule.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor.
        """
        require_scope(actor, Scope.POSTS_WRITE)
        post = self.repository.get_for_update(post_id)
        if not post.may_be_changed_by(actor):
            raise NotTheAuthor(post_id)
        return post


def _check_version(post: Post, expected: Collection[int | str] | None, changes: PostChanges) -> None:
    """Nobody changes what they have not seen, if they say what they have seen: by its version, or by its revision.

    Raises:
        VersionConflict.
    """
    if expected is not None and post.version not in expected and post.revision not in expected:
        raise VersionConflict(
            post, [field for field, value in changes.items() if getattr(post, field) != value], expected
        )
