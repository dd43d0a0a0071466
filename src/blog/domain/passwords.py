"""Passwords: which ones one can have, and what is kept of them."""

from typing import Final, Protocol

from .errors import Fault

PASSWORD_SHORTEST: Final = 15
"""In code points; NIST SP 800-63B-4 asks for it where a password is the only factor."""

PASSWORD_LONGEST: Final = 1024
"""In bytes of UTF-8, so that nobody makes the blog hash a novel."""

PASSWORD_VARIETY: Final = 4
"""How many different characters a password has at least."""

_TELLING: Final = 3
"""From how many characters on a username within a password gives it away."""


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


def faults_in_password(password: str) -> list[Fault]:
    """Why nobody can have this password."""
    try:
        size = len(password.encode())
    except UnicodeEncodeError:
        return [Fault("password", "must not contain lone surrogates")]
    if not 1 <= size <= PASSWORD_LONGEST:
        return [Fault("password", f"must have 1 to {PASSWORD_LONGEST} bytes in UTF-8")]
    return []


def faults_in_new_password(password: str, username: str) -> list[Fault]:
    """Why nobody should have this password, after NIST SP 800-63B-4: length counts, composition does not."""
    faults = faults_in_password(password)
    if len(password) < PASSWORD_SHORTEST:
        faults.append(Fault("password", f"must have at least {PASSWORD_SHORTEST} characters"))
    if len(set(password)) < PASSWORD_VARIETY:
        faults.append(Fault("password", f"must have at least {PASSWORD_VARIETY} different characters"))
    if len(username) >= _TELLING and username.casefold() in password.casefold():
        faults.append(Fault("password", "must not contain the username"))
    return faults
