"""Marks: the author and the tags of a post, as words of the search index.

A search within a tag or an author finds the posts that have the word and the mark within the index. So a frequent word
and a frequent tag that never meet cost no look-up of each post. No text has such a word: the tokenizer drops its first
character.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from blog.domain.posts.tags import tag_keys

AUTHOR_SIGN: Final = "\u00b6"
"""The first character of an author's mark, and of all marks of a post."""
_TAG_SIGN: Final = "\u00a7"


def marks_of(author_id: int, tags: Iterable[str]) -> list[str]:
    """Return the marks of a post, the author's first. An author's id never changes, unlike the name.

    The posts of a deleted account that stay keep the mark of their first author: nobody searches by that account.
    """
    return [author_mark(author_id), *tag_marks(tags)]


def author_mark(author_id: int) -> str:
    """Return the mark of an author."""
    return f"{AUTHOR_SIGN}{author_id}"


def tag_marks(tags: Iterable[str]) -> list[str]:
    """Return the marks of tags: digests of 96 bits of their keys, which may have spaces and quotes."""
    return [f"{_TAG_SIGN}{_digest(key)}" for key in tag_keys(tags)]


def _digest(key: str) -> str:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
