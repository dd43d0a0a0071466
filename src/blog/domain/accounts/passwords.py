"""Passwords: which ones one can have, and what is kept of them."""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from blog.domain.errors import FieldError

MIN_PASSWORD_LENGTH: Final = 15
"""In code points of NFC; NIST SP 800-63B-4 asks for it where a password is the only factor."""

MAX_PASSWORD_BYTES: Final = 1024
"""In bytes of UTF-8, so that nobody makes the blog hash a novel."""

MIN_DISTINCT_CHARACTERS: Final = 4
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

WeaknessOf: TypeAlias = Callable[[str], str]
"""Tells what a password is mostly made of if it is easy to guess, such as "keys in a row", never repeating it;
otherwise nothing. Its time is bounded however long the password is.
"""


def normalized(password: str) -> str:
    """The password in Unicode's NFC (UAX 15): keyboards send the same characters in different code points."""
    return unicodedata.normalize("NFC", password)


@dataclass(frozen=True, slots=True)
class NormalizingHasher:
    """Hashes passwords in NFC, and still verifies hashes that older versions made of passwords as they were typed."""

    hasher: PasswordHasher

    def hash(self, password: str) -> str:
        """A new hash of the password."""
        return self.hasher.hash(normalized(password))

    def verify(self, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed. It takes a second look only if it is not in NFC."""
        return any(self.hasher.verify(password_hash, spelling) for spelling in _spellings(password))

    def needs_rehash(self, password_hash: str, password: str) -> bool:
        """Whether a hash that this password matches was made by other parameters, or not of its NFC."""
        if self.hasher.is_outdated(password_hash):
            return True
        return len(_spellings(password)) > 1 and not self.hasher.verify(password_hash, normalized(password))

    @property
    def decoy(self) -> str:
        """A hash by the current parameters that no password matches."""
        return self.hasher.decoy


def _spellings(password: str) -> list[str]:
    """The password in NFC and, if that is another text, as it was typed."""
    normal = normalized(password)
    return [normal] if normal == password else [normal, password]


def validate_password(password: str, *, field: str = "password") -> list[FieldError]:
    """Why nobody can have this password."""
    try:
        size = len(password.encode())
    except UnicodeEncodeError:
        return [FieldError(field, "must not contain lone surrogates")]
    if not 1 <= size <= MAX_PASSWORD_BYTES:
        return [FieldError(field, f"must have 1 to {MAX_PASSWORD_BYTES} bytes in UTF-8")]
    return []


@dataclass(slots=True)
class PasswordRules:
    """Which new passwords are good, after NIST SP 800-63B-4: length counts, composition does not.

    `is_common` knows those that attackers try first, `weakness_of` what they would come to soon, and `site` is the name
    that many would think of here.
    """

    is_common: IsCommon
    weakness_of: WeaknessOf
    site: str = "blog"

    def validate(self, password: str, username: str, *, field: str = "password") -> list[FieldError]:
        """Why nobody should have this password."""
        normal = normalized(password)
        if errors := validate_password(password, field=field) or validate_password(normal, field=field):
            return errors
        if errors := [FieldError(field, f"must {must}") for must, kept in self._rules(normal, username) if not kept]:
            return errors
        weakness = self.weakness_of(normal)
        return [FieldError(field, f"must be harder to guess than {weakness}")] if weakness else []

    def _rules(self, password: str, username: str) -> Iterator[tuple[str, bool]]:
        yield f"have at least {MIN_PASSWORD_LENGTH} characters", len(password) >= MIN_PASSWORD_LENGTH
        yield (
            f"have at least {MIN_DISTINCT_CHARACTERS} different characters",
            len(set(password)) >= MIN_DISTINCT_CHARACTERS,
        )
        folded = password.casefold()  # which may be longer
        yield "not contain the username", not _tells(folded, username)
        yield "not contain the name of this site", not _tells(folded, self.site)
        yield "not be one that many people have", not self.is_common(folded)


def _tells(password: str, name: str) -> bool:
    return len(name) >= _TELLING and name.casefold() in password
