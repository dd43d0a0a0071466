"""The data of every competitor: a few users, and posts whose bodies have about a kilobyte of words."""

import json
import random
from dataclasses import dataclass
from typing import Final

from blog.domain.posts.markdown import shorten

NAMES: Final = ("ann", "ben", "cleo", "dora", "emil")
PASSWORD: Final = "quite a long pass phrase"

RARE: Final = "quokka"
"""A word that twenty posts have, however many there are."""
COMMON: Final = "heron"
"""A word that one post in a hundred has."""

FREQUENT_TAG: Final = "everyday"
RARE_TAG: Final = "seldom"
TAGS: Final = 5000
"""The number of other tags. The most frequent of them is on a tenth of all posts."""

_RARE_POSTS: Final = 20
_COMMON_EVERY: Final = 100
_SYLLABLES: Final = ("ka", "lo", "mi", "ne", "ru", "sa", "te", "vo", "wi", "ba", "du", "fe")
_WORDS: Final = [f"{a}{b}{c}" for a in _SYLLABLES for b in _SYLLABLES for c in _SYLLABLES]
_WORDS_IN_A_BODY: Final = 145


@dataclass(frozen=True, slots=True)
class Draft:
    """A post before it is written."""

    title: str
    body: str
    author: str
    tags: tuple[str, ...] = ()


def draft(number: int) -> Draft:
    """The post of this number, from 1: the same on every run."""
    chance = random.Random(number)  # noqa: S311 - no secret
    words = chance.choices(_WORDS, k=_WORDS_IN_A_BODY)
    if number <= _RARE_POSTS:
        words[chance.randrange(len(words))] = RARE
    if number % _COMMON_EVERY == 0:
        words[chance.randrange(len(words))] = COMMON
    return Draft(f"Post {number}", " ".join(words), NAMES[number % len(NAMES)], _tags(number, chance))


def is_draft(number: int) -> bool:
    """Whether the post of this number is a draft: one in 20 is."""
    return number % 20 == 7  # noqa: PLR2004 - one in 20


def is_scheduled(number: int) -> bool:
    """Whether the post of this number is published later than any benchmark runs: one in 100 is."""
    return number % 100 == 13  # noqa: PLR2004 - one in 100


def _tags(number: int, chance: random.Random) -> tuple[str, ...]:
    """Return the tags of a post: a frequent one on three in ten, a rare one on 20 posts, and others."""
    tags = [f"tag {int(TAGS ** chance.random())}"]
    if number % 10 < 3:  # noqa: PLR2004 - three in ten
        tags.append(FREQUENT_TAG)
    if number <= _RARE_POSTS:
        tags.append(RARE_TAG)
    return tuple(tags)


def answer() -> bytes:
    """As many bytes as the blog answers for post 500: what the bare handler gives."""
    post = draft(500)
    at = "2026-01-01T00:00:00.000000Z"
    members = {"id": 500, "title": post.title, "body": post.body, "user": 1, "author": post.author}
    members |= {"slug": "post-500", "tags": list(post.tags), "summary": shorten(post.body)}
    members["status"] = "published"
    members |= {"created_at": at, "published_at": at, "updated_at": at, "version": 1}
    return json.dumps(members, separators=(",", ":")).encode()
