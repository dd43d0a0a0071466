"""Posts: anybody reads them, somebody logged in writes them, and only its author changes one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol, TypedDict, Unpack

from .actors import Actor, Member, Scope, require
from .audit import Audit, Event
from .clock import Clock
from .errors import Fault, Forbidden, Invalid, NotFound
from .ids import UNSTORED, PostId, UserId
from .pages import check_limit
from .text import faults_in_text

TITLE_LONGEST: Final = 200
BODY_LONGEST: Final = 100_000


class PostNotFound(NotFound):
    """No post has this number, or no longer."""

    def __init__(self, post_id: PostId) -> None:
        super().__init__(f"There is no post {post_id}.")


class NotTheAuthor(Forbidden):
    """Somebody would change a post that is not theirs."""

    def __init__(self, post_id: PostId) -> None:
        super().__init__(f"Only its author may change or delete post {post_id}.")


class PostChanges(TypedDict, total=False):
    """What its author can say anew about a post."""

    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What somebody wrote. `author` is their name, `version` counts the changes from 1."""

    id: PostId = PostId(UNSTORED)
    title: str
    body: str
    author_id: UserId
    author: str
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @classmethod
    def written(cls, by: Member, at: datetime, *, title: str, body: str) -> "Post":
        """A new post, in nobody's name but its writer's.

        Raises:
            Invalid: of `title` and `body`.
        """
        _check(title=title, body=body)
        return cls(title=title, body=body, author_id=by.user_id, author=by.name, created_at=at, updated_at=at)

    def revised(self, at: datetime, **changes: Unpack[PostChanges]) -> "Post":
        """The post after these changes. Changes that say nothing new leave it, version and all, as it is.

        Raises:
            Invalid: of what is changed.
        """
        _check(**changes)
        revised = replace(self, **changes)
        return self if revised == self else replace(revised, updated_at=at, version=self.version + 1)

    def may_be_changed_by(self, actor: Actor) -> bool:
        """Only its author may change or delete a post."""
        return actor.user_id == self.author_id and may_write(actor)


@dataclass(frozen=True, slots=True)
class Page:
    """Some posts, newest first, and the id before which the next page begins: None on the last page."""

    posts: Sequence[Post]
    next_before: PostId | None


class PostRepository(Protocol):
    """Where posts are kept. The author's name is always the one they have now."""

    def add(self, post: Post) -> Post:
        """Keep the post under a new id, and give it back with that id."""

    def get(self, post_id: PostId) -> Post:
        """The post with this id.

        Raises:
            PostNotFound: there is none.
        """

    def get_for_change(self, post_id: PostId) -> Post:
        """The post with this id, which no other unit of work changes before this one ends.

        Raises:
            PostNotFound: there is none.
        """

    def save(self, post: Post) -> None:
        """Put the post in the place of the one with its id.

        Raises:
            PostNotFound: there is none.
        """

    def remove(self, post_id: PostId) -> None:
        """Forget the post with this id.

        Raises:
            PostNotFound: there is none.
        """

    def newest(self, *, limit: int, before: PostId | None = None) -> Sequence[Post]:
        """Up to `limit` posts by descending id, from the first one below `before`."""


@dataclass(frozen=True, slots=True)
class Posts:
    """What people can do with posts."""

    repository: PostRepository
    audit: Audit
    now: Clock

    def create(self, actor: Member, *, title: str, body: str) -> Post:
        """Write a post in one's own name.

        Raises:
            OutOfScope.
            Invalid: of `title` and `body`.
        """
        require(actor, Scope.POSTS_WRITE)
        post = self.repository.add(Post.written(actor, self.now(), title=title, body=body))
        self.audit.record(Event.POST_CREATED, actor, "post", post.id)
        return post

    def get(self, post_id: PostId) -> Post:
        """Read one post.

        Raises:
            PostNotFound.
        """
        return self.repository.get(post_id)

    def newest(self, *, limit: int = 20, before: PostId | None = None) -> Page:
        """Read a page of up to `limit` posts, newest first, on from `before`.

        Raises:
            Invalid: of `limit`.
        """
        check_limit(limit)
        posts = self.repository.newest(limit=limit + 1, before=before)
        page = posts[:limit]
        return Page(page, next_before=page[-1].id if len(posts) > limit else None)

    def update(self, actor: Member, post_id: PostId, **changes: Unpack[PostChanges]) -> Post:
        """Change some or all of a post.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor.
            Invalid: of what is changed.
        """
        post = self.get_for_change(actor, post_id)
        revised = post.revised(self.now(), **changes)
        if revised != post:
            self.repository.save(revised)
            self.audit.record(Event.POST_CHANGED, actor, "post", post_id)
        return revised

    def delete(self, actor: Member, post_id: PostId) -> None:
        """Delete a post, for good.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor.
        """
        self.repository.remove(self.get_for_change(actor, post_id).id)
        self.audit.record(Event.POST_DELETED, actor, "post", post_id)

    def get_for_change(self, actor: Member, post_id: PostId) -> Post:
        """The post, for its author to change: every change passes through here, and so past the ownership rule.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor.
        """
        require(actor, Scope.POSTS_WRITE)
        post = self.repository.get_for_change(post_id)
        if not post.may_be_changed_by(actor):
            raise NotTheAuthor(post_id)
        return post


def may_write(actor: Actor) -> bool:
    """Whoever has an account may write posts, with a token that was made for it."""
    return isinstance(actor, Member) and actor.has(Scope.POSTS_WRITE)


def faults_in(**changes: Unpack[PostChanges]) -> list[Fault]:
    """What is wrong with what somebody would say in a post."""
    faults = []
    if "title" in changes:
        faults += faults_in_text("title", changes["title"], longest=TITLE_LONGEST)
    if "body" in changes:
        faults += faults_in_text("body", changes["body"], longest=BODY_LONGEST)
    return faults


def _check(**changes: Unpack[PostChanges]) -> None:
    if faults := faults_in(**changes):
        raise Invalid(faults)
