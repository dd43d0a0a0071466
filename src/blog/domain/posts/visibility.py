"""Visibility: who sees which post at which moment. One rule, which every store and every entrypoint obeys."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, TypeAlias, assert_never

from blog.domain.accounts.actors import Member, OutOfScope, Scope, require_member
from blog.domain.shared import PostId, UserId

from .post import Post, Status


@dataclass(frozen=True, slots=True)
class Public:
    """The sight of everybody: posts that are published at this moment."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Reader:
    """The sight of a reader who may also be an author: published posts, and all of their own outside of the trash."""

    at: datetime
    user_id: UserId


@dataclass(frozen=True, slots=True)
class Own:
    """The sight of authors on their own posts that have this status at this moment. `TRASHED` shows their trash."""

    at: datetime
    user_id: UserId
    status: Status


@dataclass(frozen=True, slots=True)
class Holder:
    """The sight of everybody who has a preview link of this post: that post alone, at every moment. In the trash
    it is hidden.
    """

    post_id: PostId


class Reason(Enum):
    """A reason to see every post. No client of the HTTP API has one."""

    EXPORT = "export"
    IMPORT = "import"
    PERSONAL_DATA = "personal data"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Everything:
    """The sight of every post, also in the trash, for a reason."""

    reason: Reason


Sight: TypeAlias = Public | Reader | Own | Holder | Everything
"""The viewer of posts, and the moment. Every method of a port that returns posts, or numbers about posts,
takes one as its first argument, without a default. So no store can forget to ask who looks.
"""


def sees(sight: Sight, post: Post) -> bool:
    """Return whether a post is visible: the rule that every store must implement."""
    match sight:
        case Public(at):
            return post.status(at) is Status.PUBLISHED
        case Reader(at, user_id):
            is_own = post.author_id == user_id and post.deleted_at is None
            return is_own or post.status(at) is Status.PUBLISHED
        case Own(at, user_id, status):
            return post.author_id == user_id and post.status(at) is status
        case Holder(post_id):
            return post.id == post_id and post.deleted_at is None
        case Everything():
            return True
        case _:
            assert_never(sight)


def sight_of(actor: Member | None, at: datetime) -> Public | Reader:
    """Return the sight of a client. A token sees the unpublished posts of its user if it may read, write or publish
    posts.
    """
    if actor is not None and may_read_own(actor):
        return Reader(at, actor.user_id)
    return Public(at)


def may_read_own(actor: Member) -> bool:
    """Return whether the token of an actor may read their own unpublished posts."""
    return not _READING.isdisjoint(actor.scopes)


def require_read_own(actor: Member) -> None:
    """Check that an actor may read their own unpublished posts.

    Raises:
        NotAMember.
        OutOfScope: the token may neither read nor write nor publish posts.
    """
    require_member(actor)
    if not may_read_own(actor):
        raise OutOfScope(Scope.POSTS_READ)


_READING: Final = frozenset({Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH})
