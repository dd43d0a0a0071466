"""Passwords: which ones one can have, and what is kept of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from .errors import Fault

PASSWORD_SHORTEST: Final = 15
"""In code points; NIST SP 800-63B-4 asks for it where a password is the only factor."""

PASSWORD_LONGEST: Final = 1024
"""In bytes of UTF-8, so that nobody makes the blog hash a novel."""

PASSWORD_VARIETY: Final = 4
"""How many different characters a password has at least."""

_TELLING: Final = 3
"""From how many characters on a name within a password gives it away."""


class PasswordHasher(Protocol):
    """Turns a password into what can be kept. The hash carries its own salt and parameters."""

    def hash(self, password: str) -> str:
        """A new hash of the password, by the current parameters."""

    def verify(self, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed, to the last byte. A damaged hash matches nothing."""

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made by other parameters than the current ones."""

    @property
    def decoy(self) -> str:
        """A hash by the current parameters that no password matches."""


IsCommon: TypeAlias = Callable[[str], bool]
"""Tells whether a password, in folded case, is one of those that many people have."""


def faults_in_password(password: str, *, field: str = "password") -> list[Fault]:
    """Why nobody can have this password."""
    try:
        size = len(password.encode())
    except UnicodeEncodeError:
        return [Fault(field, "must not contain lone surrogates")]
    if not 1 <= size <= PASSWORD_LONGEST:
        return [Fault(field, f"must have 1 to {PASSWORD_LONGEST} bytes in UTF-8")]
    return []


@dataclass(slots=True)
class PasswordRules:
    """Which new passwords are good, after NIST SP 800-63B-4: length counts, composition does not.

    `is_common` knows those that attackers try first, `site` is the name that many would think of here.
    """

    is_common: IsCommon
    site: str = "blog"

    def faults_in(self, password: str, username: str, *, field: str = "password") -> list[Fault]:
        """Why nobody should have this password."""
        if faults := faults_in_password(password, field=field):
            return faults
        return [Fault(field, f"must {must}") for must, kept in self._rules(password, username) if not kept]

    def _rules(self, password: str, username: str) -> Iterator[tuple[str, bool]]:
        yield f"have at least {PASSWORD_SHORTEST} characters", len(password) >= PASSWORD_SHORTEST
        yield f"have at least {PASSWORD_VARIETY} different characters", len(set(password)) >= PASSWORD_VARIETY
        folded = password.casefold()  # which may be longer
        yield "not contain the username", not _tells(folded, username)
        yield "not contain the name of this site", not _tells(folded, self.site)
        yield "not be one that many people have", not self.is_common(folded)


def _tells(password: str, name: str) -> bool:
    return len(name) >= _TELLING and name.casefold() in password
