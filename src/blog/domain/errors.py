"""What can go wrong, in the few kinds that a caller tells apart.

The concrete errors stand beside the rules that raise them. Each message is fit for whoever asked.
"""

from collections.abc import Iterable
from typing import NamedTuple


class BlogError(Exception):
    """The root of every refusal."""


class FieldError(NamedTuple):
    """One thing wrong with one field of what came in; never repeats the value."""

    field: str
    message: str


class ValidationFailed(BlogError):
    """What came in breaks a rule; `errors` lists every broken one, not only the first."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{fault.field}: {fault.message}" for fault in self.errors))


class Unauthenticated(BlogError):
    """Whoever asks has not shown who they are."""


class Forbidden(BlogError):
    """Whoever asks is known, and may not."""


class NotFound(BlogError):
    """There is no such thing, or no longer."""


class Conflict(BlogError):
    """What is asked contradicts what is stored."""


class PreconditionFailed(BlogError):
    """What is asked was meant for a state of things that is no more."""


class RateLimited(BlogError):
    """Whoever asks has asked too often; after `retry_after` seconds they may again."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Unavailable(BlogError):
    """The blog cannot answer just now; the same request may succeed in `retry_after` seconds.

    `cause` says why to the people who run the blog, and only to them: it may name files and servers, never a secret.
    """

    def __init__(self, message: str, *, retry_after: int = 1, cause: str = "") -> None:
        self.retry_after = retry_after
        self.cause = cause
        super().__init__(message)

    @property
    def explained(self) -> str:
        """The message with its cause, for logs and for the command line."""
        return f"{self} {self.cause}".rstrip()
