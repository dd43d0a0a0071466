"""Codes: the secrets that the blog hands out, known at sight, and kept only as digests."""

import hashlib
import re
import zlib
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from blog.domain.shared import SecretGenerator

_ALPHABET: Final = digits + ascii_uppercase + ascii_lowercase
_PAIRS: Final = [high + low for high in _ALPHABET for low in _ALPHABET]
_CHECKSUM: Final = 6
_shape = re.compile("[0-9A-Za-z]{46}")


@dataclass(frozen=True, slots=True)
class SecretFormat:
    """How the codes of one kind look: a prefix, 40 random characters, a checksum, as in GitHub's tokens."""

    prefix: str

    def new(self, new_secret: SecretGenerator) -> str:
        """A code that nobody can guess."""
        return self._sealed(new_secret())

    def is_valid(self, text: str) -> bool:
        """Whether a text can be such a code at all: one that was mistyped or made up seldom can."""
        rest = text.removeprefix(self.prefix)
        return _shape.fullmatch(rest) is not None and text == self._sealed(rest[:-_CHECKSUM])

    def _sealed(self, body: str) -> str:
        """The body between prefix and CRC-32 in base 62, by which scanners know a code from a look-alike."""
        return self.prefix + body + _base62(zlib.crc32(body.encode()))


def digest_of(code: str) -> bytes:
    """The SHA-256 digest by which a code is known. It has too much entropy to need salt or stretching."""
    return hashlib.sha256(code.encode()).digest()


def hint_of(code: str) -> str:
    """So much of a code as tells its holder which one it is: the first seven characters and the last four."""
    return f"{code[:7]}...{code[-4:]}"


def _base62(number: int) -> str:
    """Six digits, two at a time."""
    high, rest = divmod(number, 62**4)
    return _PAIRS[high] + _PAIRS[rest // 62**2] + _PAIRS[rest % 62**2]
