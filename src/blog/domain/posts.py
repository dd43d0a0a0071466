"""Posts: anybody reads them, somebody logged in writes them, and only its author changes one."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from struct import Struct
from typing import TYPE_CHECKING, Final, Protocol, TypedDict, Unpack

from .actors import Actor, Member, Scope, require
from .audit import Audit, Event
from .clock import Clock
from .errors import Fault, Forbidden, Invalid, NotFound, Stale
from .ids import UNSTORED, PostId, UserId
from .lists import Order, Place, PostFilter
from .pages import check_limit
from .text import faults_in_text
from .words import sort_key

if TYPE_CHECKING:  # to find posts, one must know what a post is
    from .search import PostIndex

TITLE_LONGEST: Final = 200
BODY_LONGEST: Final = 100_000

_facts: Final = Struct("<qqddq")
"""The facts of a post beside its texts, in bytes: its id, its author's id, when it was created and updated, and the
length of its title.
"""


class PostNotFound(NotFound):
    """No post has this number, or no longer."""

    def __init__(self, post_id: PostId) -> None:
        super().__init__(f"There is no post {post_id}.")


class NotTheAuthor(Forbidden):
    """Somebody would change a post that is not theirs."""

    def __init__(self, post_id: PostId) -> None:
        super().__init__(f"Only its author may change or delete post {post_id}.")


class PostHasChanged(Stale):
    """Somebody would change a version of a post that is no longer the current one.

    `version` is the one that is; `differing`, what of their changes the post does not say.
    """

    def __init__(self, post: "Post", differing: Sequence[str], expected: Collection[int | str] = ()) -> None:
        self.version = post.version
        self.differing = tuple(differing)
        self.post = post
        same_version = any(str(each).startswith(f"{post.version}-") for each in expected)
        change = f"it has another version {post.version}" if same_version else f"its version is {post.version}"
        super().__init__(f"Post {post.id} has changed: {change} now.")


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
        title, body = changes.get("title", self.title), changes.get("body", self.body)
        if (title, body) == (self.title, self.body):
            return self
        return Post(  # `replace` takes twice the time
            id=self.id,
            title=title,
            body=body,
            author_id=self.author_id,
            author=self.author,
            created_at=self.created_at,
            updated_at=max(at, self.updated_at),  # a clock may be set back, and machines differ
            version=self.version + 1,
        )

    @property
    def revision(self) -> str:
        """The version and a digest of all that the post says, as in CouchDB's `_rev`.

        A version alone names two states where a backup was restored: the one before it, and the one written since. The
        author's name is left out: it changes without the post.
        """
        created_at, updated_at = self.created_at.timestamp(), self.updated_at.timestamp()
        facts = _facts.pack(self.id, self.author_id, created_at, updated_at, len(self.title))
        digest = hashlib.sha256(facts + f"{self.title}{self.body}".encode())  # half the time of BLAKE2 for a short text
        return f"{self.version}-{digest.hexdigest()[:32]}"

    def may_be_changed_by(self, actor: Actor) -> bool:
        """Only its author may change or delete a post."""
        return actor.user_id == self.author_id and may_write(actor)

    def place_in(self, order: Order) -> Place:
        """Where the post stands."""
        match order:
            case Order.TITLE:
                return Place(sort_key(self.title), self.id)
            case Order.UPDATED:
                return Place(self.updated_at, self.id)
            case _:
                return Place(self.created_at, self.id)


@dataclass(frozen=True, slots=True)
class Page:
    """Some posts, and after which place the next ones come: None on the last page."""

    posts: Sequence[Post]
    next: Place | None


class PostRepository(Protocol):
    """Where posts are kept. The author's name is always the one they have now."""

    def add(self, post: Post) -> Post:
        """Keep the post under a new id, and give it back with that id.

        Raises:
            Contended: its author's account was deleted by another unit of work.
        """

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

    def save(self, post: Post, *, over: Post) -> None:
        """Put the post in the place of `over`, which is how the one with its id was.

        Raises:
            PostNotFound: there is none, or not in that version any more.
        """

    def remove(self, post_id: PostId) -> None:
        """Forget the post with this id.

        Raises:
            PostNotFound: there is none.
        """

    def remove_some_of(self, author_id: UserId, *, limit: int) -> Sequence[PostId]:
        """Forget up to `limit` posts by this author. Which ones were forgotten, in any order."""

    def reassign_some_of(self, author_id: UserId, new_author_id: UserId, *, limit: int) -> int:
        """Make up to `limit` posts by this author another author's. How many there were."""

    def page(
        self, order: Order, *, limit: int, after: Place | None = None, **those: Unpack[PostFilter]
    ) -> Sequence[Post]:
        """Up to `limit` of those posts in this order, from the first one that stands after `after`."""

    def count(self, **those: Unpack[PostFilter]) -> int:
        """How many of those posts there are."""


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
        require(actor, Scope.POSTS_WRITE)
        post = self.repository.add(Post.written(actor, self.now(), title=title, body=body))
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
        order: Order = Order.NEWEST,
        *,
        limit: int = 20,
        after: Place | None = None,
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
        return Page(page, next=page[-1].place_in(order) if len(posts) > limit else None)

    def count(self, **those: Unpack[PostFilter]) -> int:
        """How many of those posts there are, which costs the more the more there are."""
        return self.repository.count(**those)

    def update(
        self,
        actor: Member,
        post_id: PostId,
        *,
        only_if: Collection[int | str] | None = None,
        **changes: Unpack[PostChanges],
    ) -> Post:
        """Change some or all of a post; `only_if` it is in one of these versions or revisions, if that matters.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor, PostHasChanged.
            Invalid: of what is changed.
        """
        post = self.get_for_change(actor, post_id)
        _check_version(post, only_if, changes)
        revised = post.revised(self.now(), **changes)
        if revised is not post:
            self.repository.save(revised, over=post)
            self.index.put(revised)
            self.audit.record(Event.POST_CHANGED, actor, "post", post_id)
        return revised

    def delete(self, actor: Member, post_id: PostId, *, only_if: Collection[int | str] | None = None) -> None:
        """Delete a post, for good; `only_if` it is in one of these versions or revisions, if that matters.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor, PostHasChanged.
        """
        _check_version(self.get_for_change(actor, post_id), only_if, {})
        self.repository.remove(post_id)
        self.index.remove(post_id)
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


def _check_version(post: Post, expected: Collection[int | str] | None, changes: PostChanges) -> None:
    """Nobody changes what they have not seen, if they say what they have seen: by its version, or by its revision.

    Raises:
        PostHasChanged.
    """
    if expected is not None and post.version not in expected and post.revision not in expected:
        raise PostHasChanged(
            post, [field for field, value in changes.items() if getattr(post, field) != value], expected
        )
