"""Personal data: all that is kept about somebody, for them to download (GDPR, articles 15 and 20), in pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from blog.domain.audit import AuditEntry, AuditLog
from blog.domain.posts.pagination import Position, SortOrder
from blog.domain.posts.post import Post
from blog.domain.posts.repository import PostRepository
from blog.domain.shared import EntryId

from .actors import Member, Scope, require_scope
from .invitations import Invitation, InvitationStore
from .throttle import AttemptStore, account_key
from .tokens import InvalidToken, Token, TokenStore
from .user import User, UserNotFound, UserRepository

POSTS_PER_PAGE: Final = 20
"""Each has 400 kB at most."""
ENTRIES_PER_PAGE: Final = 100

PersonalDataPosition: TypeAlias = Position | EntryId
"""The last post, or the last audit entry, of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDataPage:
    """A part of what is kept about somebody. `next` is where the next page goes on: None on the last page.

    The first page has the usernames that are reserved for them, their tokens, known addresses and open invitations.
    Then come posts, the oldest first, and then what the audit has recorded of what they did and of what was done to
    their account, the newest first.
    """

    user: User
    usernames: Sequence[str] = ()
    tokens: Sequence[Token] = ()
    known_addresses: Mapping[str, datetime] = field(default_factory=dict)
    invitations: Sequence[Invitation] = ()
    posts: Sequence[Post] = ()
    entries: Sequence[AuditEntry] = ()
    next: PersonalDataPosition | None = None

    def truncate(self, number: int) -> "PersonalDataPage":
        """The page with so many of its posts and entries, one at least. The next page goes on after them."""
        if number >= len(self.posts) + len(self.entries):
            return self
        posts, entries = self.posts[:number], self.entries[: max(0, number - len(self.posts))]
        last: PersonalDataPosition = entries[-1].id if entries else posts[-1].position_in(SortOrder.OLDEST)
        return replace(self, posts=posts, entries=entries, next=last)


@dataclass(slots=True)
class PersonalData:
    """What is kept about whoever asks."""

    users: UserRepository
    tokens: TokenStore
    attempts: AttemptStore
    invitations: InvitationStore
    posts: PostRepository
    log: AuditLog

    def page(self, actor: Member, *, after: PersonalDataPosition | None = None) -> PersonalDataPage:
        """A page of what is kept about oneself, on from `after`.

        Raises:
            OutOfScope.
            InvalidToken: one's account was deleted a moment ago.
        """
        require_scope(actor, Scope.ACCOUNT)
        try:
            user = self.users.get(actor.user_id)
        except UserNotFound:
            raise InvalidToken from None
        if isinstance(after, int):
            entries, next_entry = self._entries(user, before=after)
            return PersonalDataPage(user=user, entries=entries, next=next_entry)
        posts, next_post = self._posts(user, after)
        entries, next_entry = ((), None) if next_post else self._entries(user, before=None)
        page = PersonalDataPage(user=user, posts=posts, entries=entries, next=next_post or next_entry)
        if after is not None:
            return page
        return replace(
            page,
            usernames=self.users.names_of(user.id),
            tokens=self.tokens.of_user(user.id),
            known_addresses=self.attempts.trusted_addresses(account_key(user.id)),
            invitations=self.invitations.all_by(user.id),
        )

    def _posts(self, user: User, after: Position | None) -> tuple[Sequence[Post], Position | None]:
        posts = self.posts.page(SortOrder.OLDEST, limit=POSTS_PER_PAGE + 1, after=after, authors=[user.username])
        page = posts[:POSTS_PER_PAGE]
        return page, page[-1].position_in(SortOrder.OLDEST) if len(posts) > len(page) else None

    def _entries(self, user: User, before: EntryId | None) -> tuple[Sequence[AuditEntry], EntryId | None]:
        """The newest entries of what the user did, or of what was done to their account."""
        limit = ENTRIES_PER_PAGE + 1
        own = self.log.page(limit=limit, before=before, actor_id=user.id)
        about = self.log.page(limit=limit, before=before, about_user=user.id)
        by_id = {entry.id: entry if entry.actor_id == user.id else _without_whence(entry) for entry in (*own, *about)}
        entries = [by_id[each] for each in sorted(by_id, reverse=True)]
        page = entries[:ENTRIES_PER_PAGE]
        return page, page[-1].id if len(entries) > len(page) else None


def _without_whence(entry: AuditEntry) -> AuditEntry:
    """An entry of what another person did, without that person's address and token: these are their personal data."""
    return replace(entry, address="", token_id=None)
