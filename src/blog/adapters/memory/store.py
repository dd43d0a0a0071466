"""Everything that a blog keeps, in memory."""

from collections.abc import Hashable
from contextlib import AbstractContextManager
from threading import Lock

from blog.domain.blog import OpenStores, Stores
from blog.domain.cancellation import Cancellation

from .answers import IdempotencyTables, MemoryIdempotencyStore
from .attempts import LoginAttemptTables, MemoryAttemptStore
from .audit import AuditTables, MemoryAuditLog
from .index import IndexTables, MemoryPostIndex
from .invitations import InvitationTables, MemoryInvitationStore
from .posts import MemoryPostRepository, PostTables
from .tokens import MemoryTokenStore, TokenTables
from .unit import Unit
from .users import MemoryUserRepository, UserTables


class MemoryStore:
    """Everything a blog keeps. Calling it opens the stores for one unit of work; any number of threads may.

    Args:
        patience: seconds that a unit which would write waits for another to end, before it raises `Unavailable`.
    """

    def __init__(self, *, patience: float = 5) -> None:
        self._patience = patience
        self._guard, self._writer = Lock(), Lock()
        self._users, self._tokens, self._invitations = UserTables(), TokenTables(), InvitationTables()
        self._attempts, self._posts, self._audit = LoginAttemptTables(), PostTables(), AuditTables()
        self._index, self._answers = IndexTables(), IdempotencyTables()
        self._edition = 0

    def edition(self) -> Hashable:
        """Another one as soon as anything was kept."""
        return self._edition

    def count_edition(self) -> None:
        """Say that something was kept: by a unit that is still the only one that writes."""
        self._edition += 1

    def __call__(self) -> "MemoryStores":
        """Open the stores for one unit of work."""
        return self._opened(None)

    def cancellable(self, cancellation: Cancellation) -> OpenStores:
        """The same stores, for units of work that are cancelled with this."""
        return lambda: self._opened(cancellation)

    def _opened(self, cancellation: Cancellation | None) -> "MemoryStores":
        unit = Unit(self._guard, self._writer, self._patience, cancellation)
        stores = Stores(
            users=MemoryUserRepository(unit, self._users),
            tokens=MemoryTokenStore(unit, self._tokens),
            invitations=MemoryInvitationStore(unit, self._invitations),
            attempts=MemoryAttemptStore(unit, self._attempts),
            posts=MemoryPostRepository(unit, self._posts, self._users),
            index=MemoryPostIndex(unit, self._index, self._posts, self._users),
            idempotency=MemoryIdempotencyStore(unit, self._answers),
            audit=MemoryAuditLog(unit, self._audit),
        )
        return MemoryStores(self, unit, stores)


class MemoryStores(AbstractContextManager[Stores]):
    """The stores of one unit of work, which is kept unless the block is left by an exception."""

    def __init__(self, store: MemoryStore, unit: Unit, stores: Stores) -> None:
        self._store = store
        self._unit = unit
        self._stores = stores

    def __enter__(self) -> Stores:
        return self._stores

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and self._unit.keep():
                self._store.count_edition()
        finally:
            self._unit.end()
