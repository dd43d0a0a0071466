"""Everything that a blog keeps, in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from blog.domain.blog import Stores

from .attempts import AttemptShelves, MemoryAttemptStore
from .audit import AuditShelves, MemoryAuditLog
from .invitations import InvitationShelves, MemoryInvitationStore
from .posts import MemoryPostRepository, PostShelves
from .tokens import MemoryTokenStore, TokenShelves
from .unit import Unit
from .users import MemoryUserRepository, UserShelves


class MemoryStore:
    """Everything a blog keeps. Calling it opens the stores for one unit of work; any number of threads may.

    Args:
        patience: seconds that a unit which would write waits for another to end, before it raises `Unavailable`.
    """

    def __init__(self, *, patience: float = 5) -> None:
        self._patience = patience
        self._guard, self._writer = Lock(), Lock()
        self._users, self._tokens, self._invitations = UserShelves(), TokenShelves(), InvitationShelves()
        self._attempts, self._posts, self._audit = AttemptShelves(), PostShelves(), AuditShelves()

    @contextmanager
    def __call__(self) -> Iterator[Stores]:
        """Open the stores for one unit of work."""
        unit = Unit(self._guard, self._writer, self._patience)
        try:
            yield Stores(
                users=MemoryUserRepository(unit, self._users),
                tokens=MemoryTokenStore(unit, self._tokens),
                invitations=MemoryInvitationStore(unit, self._invitations),
                attempts=MemoryAttemptStore(unit, self._attempts),
                posts=MemoryPostRepository(unit, self._posts, self._users),
                audit=MemoryAuditLog(unit, self._audit),
            )
            unit.keep()
        finally:
            unit.end()
