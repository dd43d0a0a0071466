"""The in-memory store: all tables, and the units of work on them."""

from collections.abc import Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import Lock, RLock

from blog.domain.blog import OpenStores, Stores
from blog.domain.cancellation import Cancellation

from .audit import MemoryAuditLog
from .idempotency import MemoryIdempotencyStore
from .invitations import MemoryInvitationStore
from .login_attempts import MemoryAttemptStore
from .posts import MemoryPostRepository
from .previews import MemoryPreviewStore
from .revisions import MemoryRevisionStore
from .search import MemoryPostIndex
from .slugs import MemorySlugStore
from .tables import Tables
from .tokens import MemoryTokenStore
from .unit_of_work import MemoryUnitOfWork
from .users import MemoryUserRepository
from .working_copies import MemoryWorkingCopyStore


class MemoryStore:
    """Everything that a blog stores, in memory. Call it to open the stores for one unit of work, on any thread.

    Args:
        timeout: seconds that a unit waits for another one that writes, before it raises `Unavailable`.
    """

    def __init__(self, *, timeout: float = 5) -> None:
        self._timeout = timeout
        self._lock, self._writer = RLock(), Lock()
        self._tables = Tables()
        self._commits = 0

    def data_version(self) -> Hashable:
        """Return another value after every commit."""
        return self._commits

    def __call__(self) -> AbstractContextManager[Stores]:
        """Open the stores for one unit of work."""
        return self._open(None)

    def cancellable(self, cancellation: Cancellation) -> OpenStores:
        """Return the same stores for units of work that `cancellation` cancels."""
        return partial(self._open, cancellation)

    @contextmanager
    def _open(self, cancellation: Cancellation | None) -> Iterator[Stores]:
        unit, tables = MemoryUnitOfWork(self._lock, self._writer, self._timeout, cancellation), self._tables
        try:
            yield Stores(
                users=MemoryUserRepository(unit, tables),
                tokens=MemoryTokenStore(unit, tables),
                invitations=MemoryInvitationStore(unit, tables),
                attempts=MemoryAttemptStore(unit, tables),
                posts=MemoryPostRepository(unit, tables),
                index=MemoryPostIndex(unit, tables),
                revisions=MemoryRevisionStore(unit, tables),
                slugs=MemorySlugStore(unit, tables),
                working_copies=MemoryWorkingCopyStore(unit, tables),
                previews=MemoryPreviewStore(unit, tables),
                idempotency=MemoryIdempotencyStore(unit, tables),
                audit=MemoryAuditLog(unit, tables),
            )
            if unit.commit():
                self._commits += 1
        finally:
            unit.close()
