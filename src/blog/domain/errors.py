"""What can go wrong, in the few kinds that a caller tells apart.

The concrete errors stand beside the rules that raise them. Each message is fit for whoever asked.
"""

from collections.abc import Iterable
from typing import NamedTuple


class BlogError(Exception):
    """The root of every refusal."""


class Fault(NamedTuple):
    """One thing wrong with one field of what came in; never repeats the value."""

    field: str
    message: str


class Invalid(BlogError):
    """What came in breaks a rule; `faults` lists every broken one, not only the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.field}: {fault.message}" for fault in self.faults))


class Unauthenticated(BlogError):
    """Whoever asks has not shown who they are."""


class Forbidden(BlogError):
    """Whoever asks is known, and may not."""


class NotFound(BlogError):
    """There is no such thing, or no longer."""


class Conflict(BlogError):
    """What is asked contradicts what is stored."""


class Stale(BlogError):
    """What is asked was meant for a state of things that is no more."""


class TooMany(BlogError):
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
