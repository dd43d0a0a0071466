"""HTML that is kept in memory, bounded in bytes and in number."""

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import Final

MAX_BYTES: Final = 16 * 1024 * 1024
"""Bytes of HTML, with some for each text."""
MAX_TEXTS: Final = 4096

_OVERHEAD: Final = 200
"""Bytes of a text beside its HTML."""


def key_of(text: str, version: str) -> bytes:
    """Return the key of the HTML of a text: a digest, which clients cannot choose."""
    return hashlib.sha256(f"{version}\n{text}".encode("utf-8", "surrogatepass")).digest()


class KeptHtml:
    """HTML by key, in UTF-8. The one that was not asked for the longest makes room. Several threads use it.

    Args:
        max_bytes: of all HTML.
        max_texts: the number of texts.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, max_texts: int = MAX_TEXTS) -> None:
        self._max_bytes, self._max_texts = max_bytes, max_texts
        self._texts: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def find(self, key: bytes) -> str | None:
        """Return the HTML, if it is kept."""
        with self._lock:
            found = self._texts.get(key)
            if found is None:
                return None
            self._texts.move_to_end(key)
        return found.decode()

    def put(self, key: bytes, html: str) -> None:
        """Keep HTML, unless it is larger than all that may be kept."""
        encoded = html.encode()
        with self._lock:
            self._drop(key)
            self._texts[key] = encoded
            self._bytes += len(encoded) + _OVERHEAD
            while self._bytes > self._max_bytes or len(self._texts) > self._max_texts:
                self._drop(next(iter(self._texts)))

    def _drop(self, key: bytes) -> None:
        if (former := self._texts.pop(key, None)) is not None:
            self._bytes -= len(former) + _OVERHEAD
