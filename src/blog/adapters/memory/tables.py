"""The tables of the in-memory store, and what all repositories over them have in common."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from blog.domain.accounts.invitations import Invitation
from blog.domain.accounts.throttle import LoginAttempt
from blog.domain.accounts.tokens import Token
from blog.domain.accounts.user import Credentials, PendingDeletion
from blog.domain.audit import AuditEntry, Seal
from blog.domain.idempotency import IdempotencyRecord
from blog.domain.posts.post import Post
from blog.domain.posts.previews import Preview
from blog.domain.posts.revisions import Revision
from blog.domain.posts.slug_assignment import SlugEntry
from blog.domain.posts.working_copies import WorkingCopy
from blog.domain.shared import AttemptId, EntryId, InvitationId, PostId, PreviewId, SealId, UserId

from .unit_of_work import MemoryUnitOfWork, Table


class Words(NamedTuple):
    """The words of a post, as the tokenizer finds them."""

    title: Sequence[str]
    body: Sequence[str]


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything that a blog stores, by primary key. Lookups by other columns scan.

    `usernames` has every name that an account ever had, in lower case. The names of a deleted account stay reserved
    under the id 0.
    """

    users: Table[UserId, Credentials] = field(default_factory=Table)
    usernames: Table[str, UserId] = field(default_factory=Table)
    deletions: Table[UserId, PendingDeletion] = field(default_factory=Table)
    tokens: Table[bytes, Token] = field(default_factory=Table)
    invitations: Table[InvitationId, Invitation] = field(default_factory=Table)
    login_attempts: Table[AttemptId, LoginAttempt] = field(default_factory=Table)
    trusted_addresses: Table[tuple[str, str], datetime] = field(default_factory=Table)
    posts: Table[PostId, Post] = field(default_factory=Table)
    post_words: Table[PostId, Words] = field(default_factory=Table)
    revisions: Table[tuple[PostId, int], Revision] = field(default_factory=Table)
    slugs: Table[bytes, SlugEntry] = field(default_factory=Table)
    working_copies: Table[PostId, WorkingCopy] = field(default_factory=Table)
    previews: Table[PreviewId, Preview] = field(default_factory=Table)
    idempotency_records: Table[tuple[UserId, bytes], IdempotencyRecord] = field(default_factory=Table)
    response_posts: Table[tuple[UserId, bytes], frozenset[PostId]] = field(default_factory=Table)
    audit_entries: Table[EntryId, AuditEntry] = field(default_factory=Table)
    entry_seals: Table[EntryId, SealId] = field(default_factory=Table)
    seals: Table[SealId, Seal] = field(default_factory=Table)


class MemoryRepository:
    """Base class of the repositories in memory, over one unit of work."""

    def __init__(self, unit: MemoryUnitOfWork, tables: Tables) -> None:
        self._unit = unit
        self._tables = tables
