"""Personal data: everything stored about a user, for download in pages (GDPR, articles 15 and 20)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from blog.domain.audit import AuditEntry, AuditLog
from blog.domain.posts.pagination import Position
from blog.domain.posts.post import Post
from blog.domain.posts.previews import Preview, PreviewStore
from blog.domain.posts.repository import PostRepository
from blog.domain.posts.revisions import PlacedRevision, RevisionPosition, RevisionStore
from blog.domain.posts.visibility import Everything, Reason
from blog.domain.posts.working_copies import WorkingCopy, WorkingCopyStore
from blog.domain.shared import EntryId

from .actors import Member, Scope, require_scope
from .invitations import Invitation, InvitationStore
from .throttle import AttemptStore, account_key
from .tokens import InvalidToken, Token, TokenStore
from .user import User, UserNotFound, UserRepository

POSTS_PER_PAGE: Final = 20
"""A post has at most 400 kB."""
REVISIONS_PER_PAGE: Final = 20
ENTRIES_PER_PAGE: Final = 100

PersonalDataPosition: TypeAlias = Position | RevisionPosition | EntryId
"""The position of the last post or revision, or the id of the last audit entry, of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDataPage:
    """A page of the data about a user. `next` is the `after` of the next page: None on the last page.

    The first page has the reserved usernames, tokens, trusted addresses, open invitations and preview links.
    Then come posts, drafts included, oldest first, each page with the working copies of its posts. Then come earlier
    versions of the posts in the same order. Then come audit entries by the user or about the account, newest first.
    """

    user: User
    usernames: Sequence[str] = ()
    tokens: Sequence[Token] = ()
    known_addresses: Mapping[str, datetime] = field(default_factory=dict)
    invitations: Sequence[Invitation] = ()
    previews: Sequence[Preview] = ()
    posts: Sequence[Post] = ()
    working_copies: Sequence[WorkingCopy] = ()
    revisions: Sequence[PlacedRevision] = ()
    entries: Sequence[AuditEntry] = ()
    next: PersonalDataPosition | None = None

    def truncate(self, size: int) -> "PersonalDataPage":
        """Return the page with only the first `size` posts, revisions and entries. The next page begins after them."""
        posts = self.posts[:size]
        revisions = self.revisions[: size - len(posts)]
        entries = self.entries[: size - len(posts) - len(revisions)]
        if (len(posts), len(revisions), len(entries)) == (len(self.posts), len(self.revisions), len(self.entries)):
            return self
        ids = {post.id for post in posts}
        copies = [copy for copy in self.working_copies if copy.post_id in ids]
        last: PersonalDataPosition
        last = entries[-1].id if entries else revisions[-1].position if revisions else posts[-1].creation_position
        return replace(self, posts=posts, working_copies=copies, revisions=revisions, entries=entries, next=last)


@dataclass(slots=True)
class PersonalData:
    """Reads the data about the actor from all stores."""

    users: UserRepository
    tokens: TokenStore
    attempts: AttemptStore
    invitations: InvitationStore
    previews: PreviewStore
    posts: PostRepository
    working_copies: WorkingCopyStore
    revisions: RevisionStore
    log: AuditLog

    def page(self, actor: Member, *, after: PersonalDataPosition | None = None) -> PersonalDataPage:
        """Return a page of the data about the actor, after `after`.

        Raises:
            OutOfScope.
            InvalidToken: the account was deleted a moment ago.
        """
        require_scope(actor, Scope.ACCOUNT)
        try:
            user = self.users.get(actor.user_id)
        except UserNotFound:
            raise InvalidToken from None
        page = self._rows(user, after)
        if after is not None:
            return page
        return replace(
            page,
            usernames=self.users.names_of(user.id),
            tokens=self.tokens.of_user(user.id),
            known_addresses=self.attempts.trusted_addresses(account_key(user.id)),
            invitations=self.invitations.all_by(user.id),
            previews=self.previews.of_user(user.id),
        )

    def _rows(self, user: User, after: PersonalDataPosition | None) -> PersonalDataPage:
        """Return the next posts. If there are no more, also the next revisions; and then also the next entries."""
        page, following = PersonalDataPage(user=user), after
        if after is None or isinstance(after, Position):
            posts, following = self._posts(user, after)
            copies = self.working_copies.of_posts([post.id for post in posts])
            page = replace(page, posts=posts, working_copies=copies, next=following)
        if following is None or isinstance(after, RevisionPosition):
            revisions, following = self._revisions(user, after if isinstance(after, RevisionPosition) else None)
            page = replace(page, revisions=revisions, next=following)
        if following is None or isinstance(after, int):
            entries, next_entry = self._entries(user, before=after if isinstance(after, int) else None)
            page = replace(page, entries=entries, next=next_entry)
        return page

    def _posts(self, user: User, after: Position | None) -> tuple[Sequence[Post], Position | None]:
        everything = Everything(Reason.PERSONAL_DATA)
        posts = self.posts.written_by(everything, user.id, limit=POSTS_PER_PAGE + 1, after=after)
        page = posts[:POSTS_PER_PAGE]
        return page, page[-1].creation_position if len(posts) > len(page) else None

    def _revisions(
        self, user: User, after: RevisionPosition | None
    ) -> tuple[Sequence[PlacedRevision], RevisionPosition | None]:
        revisions = self.revisions.written_by(user.id, limit=REVISIONS_PER_PAGE + 1, after=after)
        page = revisions[:REVISIONS_PER_PAGE]
        return page, page[-1].position if len(revisions) > len(page) else None

    def _entries(self, user: User, before: EntryId | None) -> tuple[Sequence[AuditEntry], EntryId | None]:
        """Return the newest entries by the user or about the account."""
        limit = ENTRIES_PER_PAGE + 1
        own = self.log.page(limit=limit, before=before, actor_id=user.id)
        about = self.log.page(limit=limit, before=before, about_user=user.id)
        by_id = {entry.id: entry if entry.actor_id == user.id else _without_origin(entry) for entry in (*own, *about)}
        entries = [by_id[each] for each in sorted(by_id, reverse=True)]
        page = entries[:ENTRIES_PER_PAGE]
        return page, page[-1].id if len(entries) > len(page) else None


def _without_origin(entry: AuditEntry) -> AuditEntry:
    """Return another user's entry without address and token, which are personal data of that user."""
    return replace(entry, address="", token_id=None)
