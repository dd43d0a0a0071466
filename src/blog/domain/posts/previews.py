"""Preview links: secrets that show one post, such as a draft, to everybody who has the link, for some days."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from blog.domain.accounts.actors import Member, Scope, require_scope
from blog.domain.accounts.secret_format import SecretFormat, digest_of, hint_of
from blog.domain.accounts.tokens import InvalidToken
from blog.domain.accounts.user import UserNotFound, UserRepository
from blog.domain.audit import Audit, Event
from blog.domain.errors import Conflict, FieldError, Forbidden, NotFound, ValidationFailed
from blog.domain.shared import UNSTORED, Clock, PostId, PreviewId, SecretGenerator, UserId, check_id
from blog.domain.validation import member_of, validate_text

from .markdown import MarkdownRenderer
from .post import Post, PostNotFound, content_of, validate_time
from .repository import PostRepository
from .visibility import Holder, Reader
from .working_copies import WorkingCopyStore

PREVIEW_FORMAT: Final = SecretFormat("blogpreview_")
MAX_PREVIEW_DAYS: Final = 7
MAX_PREVIEW_NAME_LENGTH: Final = 100
MAX_PREVIEWS_PER_POST: Final = 20
MAX_PREVIEWS_PER_AUTHOR: Final = 1000
"""Open links of all posts of an author, so that one page of personal data has them all."""
_REMOVED_AT_ONCE: Final = 20
"""Ended links that a new one deletes. There are never more links in all than may be open."""


class PreviewOf(StrEnum):
    """The text that a preview link shows: of the post as it is stored, or of its working copy, if there is one."""

    POST = "post"
    WORKING_COPY = "working_copy"


class InvalidPreview(NotFound):
    """The link is malformed, unknown, revoked or ended, or its post is gone. The error does not say which."""

    def __init__(self) -> None:
        super().__init__("This preview link is not valid: it has ended, or there never was one.")


class PreviewNotFound(NotFound):
    """The post has no open preview link with this id."""

    def __init__(self, preview_id: PreviewId) -> None:
        super().__init__(f"There is no preview link {preview_id}.")


class NotThePreviewsAuthor(Forbidden):
    """The actor is not the author of the post, so may neither make, list nor revoke its preview links."""

    def __init__(self, post_id: PostId) -> None:
        super().__init__(f"Only its author may preview post {post_id}.")


class TooManyPreviews(Conflict):
    """The post, or its author, has as many open preview links as there may be."""

    def __init__(self, limit: int, whose: str) -> None:
        super().__init__(f"There are {limit} open preview links of this {whose}: revoke one first.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A stored preview link, with the digest of its secret and without the secret. `user_id` is the author."""

    id: PreviewId = PreviewId(UNSTORED)
    digest: bytes = field(repr=False)
    hint: str
    name: str = ""
    of: PreviewOf = PreviewOf.POST
    post_id: PostId
    user_id: UserId
    created_at: datetime
    expires_at: datetime

    def is_open(self, at: datetime) -> bool:
        """Return whether the link has not ended yet."""
        return at < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedPreview:
    """A new preview link and its secret, which is shown once and not stored."""

    secret: str = field(repr=False)
    preview: Preview


class PreviewStore(Protocol):
    """Stores preview links, found by the SHA-256 digest of their secret. They are deleted with their post."""

    def add(self, preview: Preview) -> Preview:
        """Store a preview link. Return it with its new id.

        Raises:
            ConcurrencyConflict: another unit of work deleted the post, or the author's account.
        """

    def find(self, digest: bytes) -> Preview | None:
        """Return the preview link with this digest, also an ended one, or None."""

    def of_post(self, post_id: PostId) -> Sequence[Preview]:
        """Return all preview links of a post by ascending id, also ended ones."""

    def of_user(self, user_id: UserId) -> Sequence[Preview]:
        """Return all preview links of the posts of an author by ascending id, also ended ones."""

    def remove(self, preview_id: PreviewId) -> bool:
        """Delete a preview link. Return whether it existed."""

    def remove_of_post(self, post_id: PostId) -> None:
        """Delete all preview links of a post, if there are any."""

    def remove_all_of(self, user_id: UserId) -> None:
        """Delete all preview links of the posts of an author, if there are any."""

    def purge(self, *, expired_by: datetime, limit: int) -> int:
        """Delete up to `limit` preview links that ended at `expired_by` or before. Return how many."""


@dataclass(slots=True)
class Previews:
    """Creates, lists and revokes preview links, and reads posts by them."""

    store: PreviewStore
    posts: PostRepository
    working_copies: WorkingCopyStore
    markdown: MarkdownRenderer
    users: UserRepository
    audit: Audit
    now: Clock
    new_secret: SecretGenerator

    def create(  # noqa: PLR0913 - each is a choice of the author
        self,
        actor: Member,
        post_id: PostId,
        *,
        of: PreviewOf = PreviewOf.POST,
        name: str = "",
        expires_in_days: int | None = None,
        expires_at: datetime | None = None,
    ) -> IssuedPreview:
        """Create a preview link of a post.

        Args:
            actor: the author of the post.
            post_id: the post, which may be a draft.
            of: what the link shows.
            name: a note by which the author recognises the link.
            expires_in_days: after how many days the link ends, by default `MAX_PREVIEW_DAYS`.
            expires_at: when the link ends, in place of `expires_in_days`.

        Raises:
            OutOfScope, PostNotFound, NotThePreviewsAuthor, TooManyPreviews.
            InvalidToken: the account was deactivated or deleted a moment ago.
            ValidationFailed: an argument is not valid.
        """
        self.check_author(actor, post_id)
        at = self.now()
        shows = member_of(PreviewOf, "of", of)
        if errors := [*validate_preview_name(name), *_validate_end(at, expires_in_days, expires_at)]:
            raise ValidationFailed(errors)
        self._make_room(actor, post_id, at)
        secret = PREVIEW_FORMAT.generate(self.new_secret)
        preview = self.store.add(
            Preview(
                digest=digest_of(secret),
                hint=hint_of(secret),
                name=name,
                of=shows,
                post_id=post_id,
                user_id=actor.user_id,
                created_at=at,
                expires_at=expires_at or at + timedelta(days=expires_in_days or MAX_PREVIEW_DAYS),
            )
        )
        self.audit.record(Event.PREVIEW_CREATED, actor, "preview", preview.id, f"of post {post_id}")
        return IssuedPreview(secret=secret, preview=preview)

    def list_open(self, actor: Member, post_id: PostId) -> Sequence[Preview]:
        """Return the open preview links of a post, oldest first.

        Raises:
            OutOfScope, PostNotFound, NotThePreviewsAuthor.
        """
        self.check_author(actor, post_id)
        return self._open_of(post_id)

    def revoke(self, actor: Member, post_id: PostId, preview_id: PreviewId) -> None:
        """Revoke an open preview link of a post: from now on it shows nothing.

        Raises:
            OutOfScope, PostNotFound, NotThePreviewsAuthor, PreviewNotFound.
        """
        self.check_author(actor, post_id)
        check_id(preview_id)
        if not (preview_id in {each.id for each in self._open_of(post_id)} and self.store.remove(preview_id)):
            raise PreviewNotFound(preview_id)
        self.audit.record(Event.PREVIEW_REVOKED, actor, "preview", preview_id, f"of post {post_id}")

    def read(self, secret: str) -> Post:
        """Return the post of a preview link as it is now. Nobody needs a token for it.

        A link of the working copy shows its content in the post, or the post as it is stored if there is none.

        Args:
            secret: from `create`. One whose checksum is wrong is refused before the store is asked.

        Raises:
            InvalidPreview.
        """
        preview = self.store.find(digest_of(secret)) if PREVIEW_FORMAT.is_valid(secret) else None
        if preview is None or not preview.is_open(self.now()):
            raise InvalidPreview
        try:
            post = self.posts.get(Holder(preview.post_id), preview.post_id)
        except PostNotFound:
            raise InvalidPreview from None
        copy = self.working_copies.find(post.id) if preview.of is PreviewOf.WORKING_COPY else None
        if copy is None:
            return post
        content = content_of(copy.content)
        return replace(post, **content).with_first_paragraph(self.markdown.first_paragraph(copy.content.body))

    def check_author(self, actor: Member, post_id: PostId) -> None:
        """Check that the actor may make, list and revoke preview links of a post.

        Raises:
            OutOfScope, PostNotFound, NotThePreviewsAuthor.
        """
        require_scope(actor, Scope.POSTS_WRITE)
        check_id(post_id)
        post = self.posts.get(Reader(self.now(), actor.user_id), post_id)
        if not post.may_be_edited_by(actor):
            raise NotThePreviewsAuthor(post_id)

    def purge(self, *, limit: int = 1000) -> int:
        """Delete up to `limit` ended preview links. Return how many."""
        return self.store.purge(expired_by=self.now(), limit=limit)

    def _open_of(self, post_id: PostId) -> Sequence[Preview]:
        at = self.now()
        return [preview for preview in self.store.of_post(post_id) if preview.is_open(at)]

    def _make_room(self, actor: Member, post_id: PostId, at: datetime) -> None:
        """Check that there may be one more link, and delete ended ones: maintenance may not have run.

        The author's account is locked, so that of two units of work one waits for the other.

        Raises:
            TooManyPreviews, InvalidToken.
        """
        try:
            is_active = self.users.get_for_update(actor.user_id).user.is_active
        except UserNotFound:
            raise InvalidToken from None
        if not is_active:
            raise InvalidToken
        previews = self.store.of_user(actor.user_id)
        ended = [preview for preview in previews if not preview.is_open(at)]
        if sum(preview.post_id == post_id and preview.is_open(at) for preview in previews) >= MAX_PREVIEWS_PER_POST:
            raise TooManyPreviews(MAX_PREVIEWS_PER_POST, "post")
        if len(previews) - len(ended) >= MAX_PREVIEWS_PER_AUTHOR:
            raise TooManyPreviews(MAX_PREVIEWS_PER_AUTHOR, "author")
        for preview in ended[:_REMOVED_AT_ONCE]:
            self.store.remove(preview.id)


def validate_preview_name(name: str) -> list[FieldError]:
    """Return the errors of the name of a preview link. The name may be empty."""
    return validate_text("name", name, max_length=MAX_PREVIEW_NAME_LENGTH) if name else []


def _validate_end(at: datetime, days: int | None, end: datetime | None) -> list[FieldError]:
    if days is not None and not (type(days) is int and 1 <= days <= MAX_PREVIEW_DAYS):
        return [FieldError("expires_in_days", f"must be a whole number from 1 to {MAX_PREVIEW_DAYS}")]
    if end is None:
        return []
    if days is not None:
        return [FieldError("expires_at", "must be left out beside expires_in_days")]
    if errors := validate_time("expires_at", end):
        return errors
    if not at < end <= at + timedelta(days=MAX_PREVIEW_DAYS):
        return [FieldError("expires_at", f"must be in the future, and at most {MAX_PREVIEW_DAYS} days from now")]
    return []
