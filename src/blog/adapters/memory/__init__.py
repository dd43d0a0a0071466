"""The in-memory store: for tests, for demonstrations, and as the oracle of the other stores."""

from .audit import MemoryAuditLog
from .idempotency import MemoryIdempotencyStore
from .invitations import MemoryInvitationStore
from .login_attempts import MemoryAttemptStore
from .posts import MemoryPostRepository
from .search import MemoryPostIndex
from .store import MemoryStore
from .tokens import MemoryTokenStore
from .users import MemoryUserRepository

__all__ = [
    "MemoryAttemptStore",
    "MemoryAuditLog",
    "MemoryIdempotencyStore",
    "MemoryInvitationStore",
    "MemoryPostIndex",
    "MemoryPostRepository",
    "MemoryStore",
    "MemoryTokenStore",
    "MemoryUserRepository",
]
