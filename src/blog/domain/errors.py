"""The kinds of errors that a caller can handle.

Concrete errors are subclasses, defined beside the rules that raise them. Each message can be shown to the user.
"""

from collections.abc import Iterable
from typing import NamedTuple


class BlogError(Exception):
    """The base class of all errors of the blog."""


class FieldError(NamedTuple):
    """A validation error of one field. The message never contains the value."""

    field: str
    message: str


class ValidationFailed(BlogError):
    """The input breaks a rule. `errors` lists every broken rule, not only the first."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in self.errors))


class Unauthenticated(BlogError):
    """The client did not authenticate."""


class Forbidden(BlogError):
    """The client is authenticated and has no permission."""


class NotFound(BlogError):
    """The thing does not exist, or no longer."""


class Conflict(BlogError):
    """The request contradicts what is stored."""


class PreconditionFailed(BlogError):
    """The request was made for a state that has changed since."""


class RateLimited(BlogError):
    """Too many requests. The client can try again after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Unavailable(BlogError):
    """The blog cannot process the request now. The same request may succeed after `retry_after` seconds.

    `cause` is for the operator's log only, because it may name files and servers. It never contains a secret.
    """

    def __init__(self, message: str, *, retry_after: int = 1, cause: str = "") -> None:
        self.retry_after = retry_after
        self.cause = cause
        super().__init__(message)

    @property
    def explained(self) -> str:
        """Return the message and its cause, for logs and for the command line."""
        return f"{self} {self.cause}".rstrip()
