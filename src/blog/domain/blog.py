"""The blog: all its use cases, in one unit of work."""

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias, runtime_checkable

from blog.domain.accounts.administration import UserAdmin
from blog.domain.accounts.deletion import AccountDeletion, DeletedUser
from blog.domain.accounts.invitations import Invitations, InvitationStore, Registration
from blog.domain.accounts.own_account import Accounts
from blog.domain.accounts.passwords import IsCommon, NormalizingHasher, PasswordHasher, PasswordRules, WeaknessOf
from blog.domain.accounts.personal_data import PersonalData
from blog.domain.accounts.throttle import AttemptStore, Throttle
from blog.domain.accounts.tokens import Tokens, TokenStore
from blog.domain.accounts.user import UserRepository
from blog.domain.posts.exporting import PostExporter
from blog.domain.posts.importing import PostImporter
from blog.domain.posts.markdown import Check, MarkdownRenderer, go_on
from blog.domain.posts.previews import Previews, PreviewStore
from blog.domain.posts.repository import PostRepository
from blog.domain.posts.revisions import DEFAULT_REVISIONS, RevisionRecorder, Revisions, RevisionStore
from blog.domain.posts.slug_assignment import Slugs, SlugStore
from blog.domain.posts.trash import Trash
from blog.domain.posts.use_cases import Posts
from blog.domain.posts.working_copies import WorkingCopies, WorkingCopyStore
from blog.domain.search.index import PostIndex
from blog.domain.search.use_cases import Search

from .audit import Audit, AuditLog
from .cancellation import Cancellation
from .errors import Conflict, Unavailable
from .idempotency import Idempotency, IdempotencyStore
from .shared import Clock, SecretGenerator


@dataclass(slots=True)
class Stores:
    """The stores of one unit of work, which one thread uses.

    A store may be shared by several units of work, for example if it holds nothing but a connection pool. Several
    threads call such a store at once, so it must be thread-safe. Each store can be replaced alone, except `posts` and
    `index`: the index finds the posts of the repository beside it, so both are replaced together.
    """

    users: UserRepository
    tokens: TokenStore
    invitations: InvitationStore
    attempts: AttemptStore
    posts: PostRepository
    index: PostIndex
    revisions: RevisionStore
    slugs: SlugStore
    working_copies: WorkingCopyStore
    previews: PreviewStore
    idempotency: IdempotencyStore
    audit: AuditLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """The dependencies of the use cases, besides the stores."""

    hasher: PasswordHasher
    is_common: IsCommon
    weakness_of: WeaknessOf
    now: Clock
    new_secret: SecretGenerator
    markdown: MarkdownRenderer


@dataclass(frozen=True, slots=True, kw_only=True)
class BlogConfig:
    """The configuration of a blog, by its operator. Tokens expire after `token_lifetime`, or unused after `token_idle`.
    The limits on failed attempts are multiplied by `throttle_scale`. `revisions` is the number of earlier versions that
    are kept of a post.
    """

    registration: Registration = Registration.CLOSED
    site: str = "blog"
    throttle_scale: int = 1
    token_lifetime: timedelta = timedelta(days=30)
    token_idle: timedelta = timedelta(days=14)
    revisions: int = DEFAULT_REVISIONS


class Blog:
    """All use cases, in one unit of work. Entering the block opens the stores; leaving it commits or rolls back.

    Args:
        open_stores: opens the stores for one unit of work.
        dependencies: what the use cases need beside the stores.
        config: what the operator of a blog can configure.
        check: stops long work outside of the stores, by an exception, if nobody waits for it any longer.
    """

    def __init__(
        self, open_stores: "OpenStores", dependencies: Dependencies, config: BlogConfig, *, check: Check = go_on
    ) -> None:
        self._unit_of_work = open_stores()
        self._dependencies, self._config, self._check = dependencies, config, check

    if not TYPE_CHECKING:  # pragma: no branch

        def __getattr__(self, name: str) -> object:  # called where an attribute is missing
            if name == "_stores":
                raise UnitOfWorkNotOpen(
                    "The unit of work has not begun: use the blog in a block, with open_blog() as blog."
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __enter__(self) -> Self:
        self._stores = self._unit_of_work.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._unit_of_work.__exit__(kind, error, traceback)

    @cached_property
    def posts(self) -> Posts:
        """`Posts`: read, write, publish and delete posts."""
        return Posts(
            repository=self._stores.posts,
            index=self._stores.index,
            slugs=self._slugs,
            working_copies=self._stores.working_copies,
            previews=self._stores.previews,
            record_version=self._record_version,
            responses=self._stores.idempotency,
            audit=self.audit,
            now=self._dependencies.now,
            markdown=self._dependencies.markdown,
            check=self._check,
        )

    @cached_property
    def working_copies(self) -> WorkingCopies:
        """`WorkingCopies`: save changes of a post without publishing them."""
        return WorkingCopies(self._stores.working_copies, self._stores.posts, self._dependencies.now)

    @cached_property
    def revisions(self) -> Revisions:
        """`Revisions`: read, compare and restore the versions of one's own posts."""
        return Revisions(self.posts, self._stores.revisions)

    @cached_property
    def previews(self) -> Previews:
        """`Previews`: preview links, which show one post to everybody who has the link."""
        return Previews(
            store=self._stores.previews,
            posts=self._stores.posts,
            working_copies=self._stores.working_copies,
            markdown=self._dependencies.markdown,
            users=self._stores.users,
            audit=self.audit,
            now=self._dependencies.now,
            new_secret=self._dependencies.new_secret,
        )

    @cached_property
    def trash(self) -> Trash:
        """`Trash`: list, restore and delete for good what was deleted."""
        return Trash(self.posts)

    @cached_property
    def search(self) -> Search:
        """`Search`: full-text search in posts."""
        return Search(self._stores.index, self._dependencies.now)

    @cached_property
    def importer(self) -> PostImporter:
        """`PostImporter`: import posts from elsewhere."""
        return PostImporter(
            posts=self._stores.posts,
            index=self._stores.index,
            slugs=self._slugs,
            users=self._stores.users,
            audit=self.audit,
            deleted_user=self._deleted_user,
            record_version=self._record_version,
            working_copies=self._stores.working_copies,
            markdown=self._dependencies.markdown,
        )

    @cached_property
    def exporter(self) -> PostExporter:
        """`PostExporter`: export posts, with drafts and scheduled posts."""
        return PostExporter(
            self._stores.posts, self._stores.revisions, self._stores.working_copies, self._dependencies.now
        )

    @cached_property
    def accounts(self) -> Accounts:
        """`Accounts`: log in, register, and change one's own account."""
        return Accounts(
            repository=self._stores.users,
            tokens=self.tokens,
            invitations=self.invitations,
            throttle=self.throttle,
            audit=self.audit,
            hasher=self._hasher,
            rules=self._rules,
            registration=self._config.registration,
            now=self._dependencies.now,
            deletion=self.deletion,
        )

    @cached_property
    def users(self) -> UserAdmin:
        """`UserAdmin`: administer the accounts of others."""
        return UserAdmin(
            repository=self._stores.users,
            deletion=self.deletion,
            tokens=self.tokens,
            previews=self._stores.previews,
            audit=self.audit,
            hasher=self._hasher,
            rules=self._rules,
            now=self._dependencies.now,
        )

    @cached_property
    def deletion(self) -> AccountDeletion:
        """`AccountDeletion`: delete an account step by step."""
        return AccountDeletion(
            users=self._stores.users,
            posts=self._stores.posts,
            index=self._stores.index,
            revisions=self._stores.revisions,
            slugs=self._stores.slugs,
            working_copies=self._stores.working_copies,
            attempts=self._stores.attempts,
            owned=(self._stores.tokens, self._stores.invitations, self._stores.previews, self._stores.idempotency),
            audit=self.audit,
            deleted_user=self._deleted_user,
            now=self._dependencies.now,
        )

    @cached_property
    def personal_data(self) -> PersonalData:
        """`PersonalData`: download all personal data of an account."""
        return PersonalData(
            users=self._stores.users,
            tokens=self._stores.tokens,
            attempts=self._stores.attempts,
            invitations=self._stores.invitations,
            previews=self._stores.previews,
            posts=self._stores.posts,
            working_copies=self._stores.working_copies,
            revisions=self._stores.revisions,
            log=self._stores.audit,
        )

    @cached_property
    def tokens(self) -> Tokens:
        """`Tokens`: issue, check and revoke tokens."""
        return Tokens(
            store=self._stores.tokens,
            users=self._stores.users,
            audit=self.audit,
            now=self._dependencies.now,
            new_secret=self._dependencies.new_secret,
            lifetime=self._config.token_lifetime,
            idle=self._config.token_idle,
        )

    @cached_property
    def invitations(self) -> Invitations:
        """`Invitations`: create and redeem invitations."""
        return Invitations(self._stores.invitations, self.audit, self._dependencies.now, self._dependencies.new_secret)

    @cached_property
    def throttle(self) -> Throttle:
        """`Throttle`: limit the rate of failed log-ins."""
        return Throttle(self._stores.attempts, self._dependencies.now, self._config.throttle_scale)

    @cached_property
    def idempotency(self) -> Idempotency:
        """`Idempotency`: replay the response to a repeated request."""
        return Idempotency(self._stores.idempotency, self._dependencies.now, self._stores.posts.held)

    @cached_property
    def audit(self) -> Audit:
        """`Audit`: record and read audit entries."""
        return Audit(self._stores.audit, self._dependencies.now)

    @cached_property  # one for all use cases: it knows which posts this unit of work has given other slugs
    def _slugs(self) -> Slugs:
        return Slugs(self._stores.slugs, self._stores.posts, self._record_version, self._dependencies.now)

    @property
    def _record_version(self) -> RevisionRecorder:
        return RevisionRecorder(self._stores.revisions, self._config.revisions)

    @property
    def _rules(self) -> PasswordRules:
        return PasswordRules(self._dependencies.is_common, self._dependencies.weakness_of, self._config.site)

    @property
    def _deleted_user(self) -> DeletedUser:
        return DeletedUser(self._stores.users, self._hasher, self._dependencies.now)

    @property
    def _hasher(self) -> NormalizingHasher:
        return NormalizingHasher(self._dependencies.hasher)


class UnitOfWorkNotOpen(Conflict):
    """A blog, or a use case of it, was used outside of the block of its unit of work."""

    def __init__(self, message: str = "The unit of work has ended: with open_blog() as blog begins another.") -> None:
        super().__init__(message)


class ConcurrencyConflict(Unavailable):
    """Two units of work conflicted, such as in a deadlock. This one stored nothing and can be tried again at once."""


OpenBlog: TypeAlias = Callable[[], AbstractContextManager[Blog]]
"""Opens the blog for one unit of work, on the calling thread.

    with open_blog() as blog:
        actor = blog.tokens.authenticate(secret)
        post = blog.posts.update(actor, post_id, title="A better title")

Leaving the block commits everything done in it. An exception that leaves the block rolls everything back. Until it
first writes, or first reads something for update, a unit of work holds no lock, and each read sees what is committed at
that time. After that it also sees its own writes. No other unit of work sees uncommitted writes, and two units of work
that change one thing run one after the other.

Raises:
    ConcurrencyConflict: nothing was stored, because another unit of work interfered.
    Unavailable: the store does not respond, or the commit may have failed.
"""

OpenStores: TypeAlias = Callable[[], AbstractContextManager[Stores]]
"""Opens the stores for one unit of work. It has the same contract as `OpenBlog`."""


@runtime_checkable
class CancellableBlog(Protocol):
    """An `OpenBlog` whose units of work can be cancelled. A server uses the second method if there is one."""

    def __call__(self) -> AbstractContextManager[Blog]:
        """Open the blog for a unit of work that nobody cancels."""

    def cancellable(self, cancellation: Cancellation) -> OpenBlog:
        """Return the same blog, for units of work that this cancellation cancels.

        A cancelled unit of work raises `Cancelled` soon, also while it reads much or waits for a lock, and stores
        nothing. Leaving its block commits or raises: once the commit has begun, cancelling has no effect. Other units
        of work are not affected.
        """


@runtime_checkable
class CancellableStores(Protocol):
    """An `OpenStores` whose units of work can be cancelled. It has the same contract as `CancellableBlog`."""

    def __call__(self) -> AbstractContextManager[Stores]:
        """Open the stores for a unit of work that nobody cancels."""

    def cancellable(self, cancellation: Cancellation) -> OpenStores:
        """Return the same stores, for units of work that this cancellation cancels."""


GroupCommit: TypeAlias = Callable[[], AbstractContextManager[None]]
"""Commits several units of work at once: those that this thread opens within the block.

Each unit of work sees those before it. One that fails stores nothing and does not affect the others. Nothing is stored,
or visible to others, before the block is left. If the commit fails, or an exception leaves the block, all are rolled
back. Such blocks, and the units of work within, run one after the other.

Raises:
    Unavailable: the store does not respond, or the commit may have failed.
"""

DataVersion: TypeAlias = Callable[[], Hashable]
"""Returns a value that changes with every commit, by whichever process. One thread calls it at a time.

Raises:
    Unavailable: it cannot be read just now.
"""
