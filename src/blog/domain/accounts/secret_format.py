"""The format of tokens and invitation codes: a prefix, a random part and a checksum. Only digests are stored."""

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
    """A format: a prefix, 40 random characters and a checksum, like GitHub's tokens."""

    prefix: str

    def generate(self, new_secret: SecretGenerator) -> str:
        """Return a new random secret of this format."""
        return self._with_checksum(new_secret())

    def is_valid(self, text: str) -> bool:
        """Return whether a text has this format and its checksum is right."""
        rest = text.removeprefix(self.prefix)
        return _shape.fullmatch(rest) is not None and text == self._with_checksum(rest[:-_CHECKSUM])

    def _with_checksum(self, body: str) -> str:
        """Return prefix, body and CRC-32 in base 62, by which secret scanners recognise a token."""
        return self.prefix + body + _base62(zlib.crc32(body.encode()))


def digest_of(secret: str) -> bytes:
    """Return the SHA-256 digest that is stored. The secret has too much entropy to need a salt or stretching."""
    return hashlib.sha256(secret.encode()).digest()


def hint_of(secret: str) -> str:
    """Return the first seven and the last four characters, by which users recognise a secret in a list."""
    return f"{secret[:7]}...{secret[-4:]}"


def _base62(number: int) -> str:
    """Return six digits of base 62."""
    high, rest = divmod(number, 62**4)
    return _PAIRS[high] + _PAIRS[rest // 62**2] + _PAIRS[rest % 62**2]
