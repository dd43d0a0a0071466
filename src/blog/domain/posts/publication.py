"""Publication: when a new post is published, from what its author says and what the token allows."""

from dataclasses import dataclass
from datetime import UTC, datetime

from blog.domain.accounts.actors import Member, Scope, require_scope
from blog.domain.errors import FieldError, ValidationFailed

from .post import LISTED_STATUSES, Status, validate_time


@dataclass(frozen=True, slots=True)
class Publication:
    """The status and the publication time that an author asks for, each of which may be left out. The status may be the
    text of a `Status`, so it is compared by value.
    """

    status: Status | None = None
    published_at: datetime | None = None

    def validate(self, now: datetime) -> list[FieldError]:
        """Return the errors: times that are not valid, and a status that does not fit the time."""
        if self.status not in (None, *LISTED_STATUSES):
            return [FieldError("status", "must be draft, scheduled or published")]
        if self.published_at is None:
            needs_time = self.status == Status.SCHEDULED
            return [FieldError("published_at", "is required for a scheduled post")] if needs_time else []
        if errors := validate_time("published_at", self.published_at):
            return errors
        fits = Status.PUBLISHED if self.published_at <= now else Status.SCHEDULED
        if self.status not in (None, fits):
            return [FieldError("status", f"does not fit published_at: must be {fits}, or be left out")]
        return []

    def time_for(self, actor: Member, now: datetime) -> datetime | None:
        """Return the publication time of the post; None for a draft.

        Raises:
            OutOfScope: the author asks to publish, and the token lacks the scope `posts:publish`.
            ValidationFailed: the publication is not valid.
        """
        if errors := self.validate(now):
            raise ValidationFailed(errors)
        if self.status == Status.DRAFT:
            return None
        if self.status is None and self.published_at is None and not actor.has(Scope.POSTS_PUBLISH):
            return None
        require_scope(actor, Scope.POSTS_PUBLISH)
        return now if self.published_at is None else self.published_at.astimezone(UTC)
