"""Passwords: rules for new passwords, and hashing."""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from blog.domain.errors import FieldError

MIN_PASSWORD_LENGTH: Final = 15
"""Code points in NFC. NIST SP 800-63B-4 requires 15 if a password is the only factor."""

MAX_PASSWORD_BYTES: Final = 1024
"""Bytes of UTF-8. It bounds the work of hashing."""

MIN_DISTINCT_CHARACTERS: Final = 4
_MIN_NAME_LENGTH: Final = 3
"""A shorter username may be a part of the password."""


class PasswordHasher(Protocol):
    """Hashes passwords. A hash contains its salt and its parameters."""

    def hash(self, password: str) -> str:
        """Return a new hash of the password, by the current parameters."""

    def verify(self, password_hash: str, password: str) -> bool:
        """Return whether the password has this hash, to the last byte. A damaged hash matches no password."""

    def is_outdated(self, password_hash: str) -> bool:
        """Return whether the hash was made by other than the current parameters."""

    @property
    def decoy(self) -> str:
        """A hash by the current parameters that no password matches."""


IsCommon: TypeAlias = Callable[[str], bool]
"""Returns whether a case-folded password is in the list of common passwords."""

WeaknessOf: TypeAlias = Callable[[str], str]
"""Returns what makes a password easy to guess, such as "keys in a row", without repeating the password, or "".

The time is bounded for every length of the password.
"""


def normalize_password(password: str) -> str:
    """Return the password in NFC (UAX 15), because keyboards send different code points for one character."""
    return unicodedata.normalize("NFC", password)


@dataclass(frozen=True, slots=True)
class NormalizingHasher:
    """Hashes passwords in NFC. It also verifies hashes of older versions, which did not normalize."""

    hasher: PasswordHasher

    def hash(self, password: str) -> str:
        """Return a new hash of the password."""
        return self.hasher.hash(normalize_password(password))

    def verify(self, password_hash: str, password: str) -> bool:
        """Return whether the password has this hash. Only a password that is not in NFC is verified twice."""
        return any(self.hasher.verify(password_hash, spelling) for spelling in _spellings(password))

    def needs_rehash(self, password_hash: str, password: str) -> bool:
        """Return whether a matching hash has outdated parameters or is not of the NFC."""
        if self.hasher.is_outdated(password_hash):
            return True
        return len(_spellings(password)) > 1 and not self.hasher.verify(password_hash, normalize_password(password))

    @property
    def decoy(self) -> str:
        """A hash by the current parameters that no password matches."""
        return self.hasher.decoy


def _spellings(password: str) -> list[str]:
    """Return the password in NFC and, if it differs, as it was typed."""
    normal = normalize_password(password)
    return [normal] if normal == password else [normal, password]


def validate_password(password: str, *, field: str = "password") -> list[FieldError]:
    """Return why a text cannot be a password."""
    try:
        size = len(password.encode())
    except UnicodeEncodeError:
        return [FieldError(field, "must not contain lone surrogates")]
    if not 1 <= size <= MAX_PASSWORD_BYTES:
        return [FieldError(field, f"must have 1 to {MAX_PASSWORD_BYTES} bytes in UTF-8")]
    return []


@dataclass(slots=True)
class PasswordRules:
    """Rules for new passwords, after NIST SP 800-63B-4: length matters, character classes do not.

    A password must not be common (`is_common`) or easy to guess (`weakness_of`), and must not contain the username or
    the name of the site.
    """

    is_common: IsCommon
    weakness_of: WeaknessOf
    site: str = "blog"

    def validate(self, password: str, username: str, *, field: str = "password") -> list[FieldError]:
        """Return the rules that a new password breaks."""
        normal = normalize_password(password)
        if errors := validate_password(password, field=field) or validate_password(normal, field=field):
            return errors
        if errors := [
            FieldError(field, f"must {must}") for must, is_met in self._rules(normal, username) if not is_met
        ]:
            return errors
        weakness = self.weakness_of(normal)
        return [FieldError(field, f"must be harder to guess than {weakness}")] if weakness else []

    def _rules(self, password: str, username: str) -> Iterator[tuple[str, bool]]:
        yield f"have at least {MIN_PASSWORD_LENGTH} characters", len(password) >= MIN_PASSWORD_LENGTH
        yield (
            f"have at least {MIN_DISTINCT_CHARACTERS} different characters",
            len(set(password)) >= MIN_DISTINCT_CHARACTERS,
        )
        folded = password.casefold()  # may be longer
        yield "not contain the username", not _contains(folded, username)
        yield "not contain the name of this site", not _contains(folded, self.site)
        yield "not be one that many people have", not self.is_common(folded)


def _contains(password: str, name: str) -> bool:
    return len(name) >= _MIN_NAME_LENGTH and name.casefold() in password
