"""A post, the rules that hold of it, and the errors that break them."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from struct import Struct
from typing import Final, TypedDict, Unpack

from blog.domain.accounts.actors import Actor, Member, Scope
from blog.domain.errors import FieldError, Forbidden, NotFound, PreconditionFailed, ValidationFailed
from blog.domain.search.tokenizer import sort_key
from blog.domain.shared import UNSTORED, PostId, UserId
from blog.domain.validation import validate_text

from .pagination import Position, SortOrder

MAX_TITLE_LENGTH: Final = 200

MAX_BODY_LENGTH: Final = 100_000

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


class VersionConflict(PreconditionFailed):
    """Somebody would change a version of a post that is no longer the current one.

    `version` is the one that is; `conflicting_fields`, what of their changes the post does not say.
    """

    def __init__(self, post: "Post", conflicting_fields: Sequence[str], expected: Collection[int | str] = ()) -> None:
        self.version = post.version
        self.conflicting_fields = tuple(conflicting_fields)
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
    def create(cls, by: Member, at: datetime, *, title: str, body: str) -> "Post":
        """A new post, in nobody's name but its writer's.

        Raises:
            ValidationFailed: of `title` and `body`.
        """
        _check(title=title, body=body)
        return cls(title=title, body=body, author_id=by.user_id, author=by.name, created_at=at, updated_at=at)

    def with_changes(self, at: datetime, **changes: Unpack[PostChanges]) -> "Post":
        """The post after these changes. Changes that say nothing new leave it, version and all, as it is.

        Raises:
            ValidationFailed: of what is changed.
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

    def position_in(self, order: SortOrder) -> Position:
        """Where the post stands."""
        match order:
            case SortOrder.TITLE:
                return Position(sort_key(self.title), self.id)
            case SortOrder.UPDATED:
                return Position(self.updated_at, self.id)
            case _:
                return Position(self.created_at, self.id)


def may_write(actor: Actor) -> bool:
    """Whoever has an account may write posts, with a token that was made for it."""
    return isinstance(actor, Member) and actor.has(Scope.POSTS_WRITE)


def validate_post(**changes: Unpack[PostChanges]) -> list[FieldError]:
    """What is wrong with what somebody would say in a post."""
    errors = []
    if "title" in changes:
        errors += validate_text("title", changes["title"], max_length=MAX_TITLE_LENGTH)
    if "body" in changes:
        errors += validate_text("body", changes["body"], max_length=MAX_BODY_LENGTH)
    return errors


def _check(**changes: Unpack[PostChanges]) -> None:
    if errors := validate_post(**changes):
        raise ValidationFailed(errors)
