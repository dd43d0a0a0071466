"""The blog: all its rooms, open for one unit of work."""

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from blog.domain.accounts.administration import UserAdmin
from blog.domain.accounts.deletion import AccountDeletion, DeletedUser
from blog.domain.accounts.invitations import Invitations, InvitationStore, Registration
from blog.domain.accounts.own_account import Accounts
from blog.domain.accounts.passwords import IsCommon, NormalizingHasher, PasswordHasher, PasswordRules, WeaknessOf
from blog.domain.accounts.personal_data import PersonalData
from blog.domain.accounts.throttle import AttemptStore, Throttle
from blog.domain.accounts.tokens import Tokens, TokenStore
from blog.domain.accounts.user import UserRepository
from blog.domain.posts.importing import PostImporter
from blog.domain.posts.repository import PostRepository
from blog.domain.posts.use_cases import Posts
from blog.domain.search.index import PostIndex
from blog.domain.search.use_cases import Search

from .audit import Audit, AuditLog
from .cancellation import Cancellation
from .errors import Unavailable
from .idempotency import Idempotency, IdempotencyStore
from .shared import Clock, SecretGenerator


@dataclass(slots=True)
class Stores:
    """The stores of one unit of work, which one thread uses.

    A store may be shared by several units, such as one that keeps nothing but a connection pool. Then several threads
    call it at once, and it has to be thread-safe. Each store can be replaced by itself, but for `posts` and `index`:
    they are replaced together, since the index finds the posts of the repository beside it.
    """

    users: UserRepository
    tokens: TokenStore
    invitations: InvitationStore
    attempts: AttemptStore
    posts: PostRepository
    index: PostIndex
    answers: IdempotencyStore
    audit: AuditLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What else the rooms work with."""

    hasher: PasswordHasher
    is_common: IsCommon
    weakness_of: WeaknessOf
    now: Clock
    new_secret: SecretGenerator


@dataclass(frozen=True, slots=True, kw_only=True)
class BlogConfig:
    """What whoever runs a blog may decide. Tokens end after `token_lifetime`, or unused after `token_idle`; the
    limits on failed attempts are multiplied by `throttle_scale`.
    """

    registration: Registration = Registration.CLOSED
    site: str = "blog"
    throttle_scale: int = 1
    token_lifetime: timedelta = timedelta(days=30)
    token_idle: timedelta = timedelta(days=14)


_Room = TypeVar("_Room")


class _room(Generic[_Room]):  # noqa: N801 - it is read as a decorator
    """A room that is put together when it is first entered. `cached_property` does this under a lock until Python 3.12,
    which costs more than the room, and a unit of work is one thread's.
    """

    def __init__(self, put_together: Callable[["Blog"], _Room]) -> None:
        self._put_together = put_together

    def __get__(self, blog: "Blog", _: type["Blog"]) -> _Room:
        room = blog.__dict__[self._put_together.__name__] = self._put_together(blog)
        return room


class Blog:
    """Everything one can do, within one unit of work. Each room is put together when it is first entered."""

    def __init__(self, stores: Stores, means: Dependencies, terms: BlogConfig) -> None:
        self._stores, self._means, self._terms = stores, means, terms

    @_room
    def posts(self) -> Posts:
        return Posts(self._stores.posts, self._stores.index, self.audit, self._means.now)

    @_room
    def search(self) -> Search:
        return Search(self._stores.index)

    @_room
    def importer(self) -> PostImporter:
        return PostImporter(self._stores.posts, self._stores.index, self._stores.users, self.audit, self._deleted_user)

    @_room
    def accounts(self) -> Accounts:
        return Accounts(
            repository=self._stores.users,
            tokens=self.tokens,
            invitations=self.invitations,
            throttle=self.throttle,
            audit=self.audit,
            hasher=self._hasher,
            rules=self._rules,
            registration=self._terms.registration,
            now=self._means.now,
            deletion=self.deletion,
        )

    @_room
    def users(self) -> UserAdmin:
        return UserAdmin(
            repository=self._stores.users,
            deletion=self.deletion,
            tokens=self.tokens,
            audit=self.audit,
            hasher=self._hasher,
            rules=self._rules,
            now=self._means.now,
        )

    @_room
    def deletion(self) -> AccountDeletion:
        return AccountDeletion(
            users=self._stores.users,
            posts=self._stores.posts,
            index=self._stores.index,
            tokens=self._stores.tokens,
            invitations=self._stores.invitations,
            attempts=self._stores.attempts,
            answers=self._stores.answers,
            audit=self.audit,
            deleted_user=self._deleted_user,
        )

    @_room
    def personal_data(self) -> PersonalData:
        return PersonalData(
            users=self._stores.users,
            tokens=self._stores.tokens,
            attempts=self._stores.attempts,
            invitations=self._stores.invitations,
            posts=self._stores.posts,
            log=self._stores.audit,
        )

    @_room
    def tokens(self) -> Tokens:
        return Tokens(
            store=self._stores.tokens,
            users=self._stores.users,
            audit=self.audit,
            now=self._means.now,
            new_secret=self._means.new_secret,
            lifetime=self._terms.token_lifetime,
            idle=self._terms.token_idle,
        )

    @_room
    def invitations(self) -> Invitations:
        return Invitations(self._stores.invitations, self.audit, self._means.now, self._means.new_secret)

    @_room
    def throttle(self) -> Throttle:
        return Throttle(self._stores.attempts, self._means.now, self._terms.throttle_scale)

    @_room
    def idempotency(self) -> Idempotency:
        return Idempotency(self._stores.answers, self._means.now)

    @_room
    def audit(self) -> Audit:
        return Audit(self._stores.audit, self._means.now)

    @property
    def _rules(self) -> PasswordRules:
        return PasswordRules(self._means.is_common, self._means.weakness_of, self._terms.site)

    @property
    def _deleted_user(self) -> DeletedUser:
        return DeletedUser(self._stores.users, self._hasher, self._means.now)

    @property
    def _hasher(self) -> NormalizingHasher:
        return NormalizingHasher(self._means.hasher)


class ConcurrencyConflict(Unavailable):
    """Two units of work got in each other's way. Nothing of this one was kept; the same may succeed at once."""


OpenBlog: TypeAlias = Callable[[], AbstractContextManager[Blog]]
"""Opens the blog for one unit of work, on the thread that calls it.

    with open_blog() as blog:
        actor = blog.tokens.authenticate(secret)
        post = blog.posts.update(actor, post_id, title="A better title")

Leaving the block keeps everything done in it; leaving it by an exception keeps nothing. Until it first writes, or
first gets something for change, a unit holds no lock, and each read sees what is stored at that moment; from then on
it sees its own writes too. Nobody sees the unfinished writes of another unit, and two units that change one thing do
so one after the other.

Raises:
    ConcurrencyConflict: nothing was kept, since another unit came between.
    Unavailable: the store does not answer, or may not have kept the unit.
"""

OpenStores: TypeAlias = Callable[[], AbstractContextManager[Stores]]
"""Opens the stores for one unit of work: what `OpenBlog` promises, it promises on their behalf."""


@runtime_checkable
class CancellableBlog(Protocol):
    """An `OpenBlog` whose units of work can be cancelled. A server uses it where there is one; nobody has to."""

    def __call__(self) -> AbstractContextManager[Blog]:
        """Open the blog for a unit of work that nobody cancels."""

    def cancellable(self, cancellation: Cancellation) -> OpenBlog:
        """The same blog, for units of work that are cancelled with this.

        A unit that is cancelled raises `Cancelled` soon, also while it reads much or waits for a lock, and stores
        nothing. Leaving its block stores everything or raises: once storing has begun, it is not cancelled any more.
        Other units are left as they are.
        """


@runtime_checkable
class CancellableStores(Protocol):
    """An `OpenStores` whose units of work can be cancelled: what `CancellableBlog` promises, it promises on its
    behalf.
    """

    def __call__(self) -> AbstractContextManager[Stores]:
        """Open the stores for a unit of work that nobody cancels."""

    def cancellable(self, cancellation: Cancellation) -> OpenStores:
        """The same stores, for units of work that are cancelled with this."""


GroupCommit: TypeAlias = Callable[[], AbstractContextManager[None]]
"""Keeps several units of work at once: those that this thread opens within the block.

Each sees those before it. One that fails keeps nothing, and leaves the others as they are. Nothing of any is kept, or
seen by others, before the block is left; if it cannot be kept then, or the block is left by an exception, nothing of
all is. Such blocks, and the units within, come one after the other.

Raises:
    Unavailable: the store does not answer, or may not have kept the units.
"""

DataVersion: TypeAlias = Callable[[], Hashable]
"""Tells one edition of the blog from another: while it says the same, nothing has been kept meanwhile, by whichever
process. It is asked by one thread at a time.

Raises:
    Unavailable: that cannot be told just now.
"""
