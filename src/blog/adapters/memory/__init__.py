"""A blog in this process's memory: gone with the process, and otherwise as good as any."""

from .answers import MemoryIdempotencyStore
from .attempts import MemoryAttemptStore
from .audit import MemoryAuditLog
from .index import MemoryPostIndex
from .invitations import MemoryInvitationStore
from .posts import MemoryPostRepository
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
