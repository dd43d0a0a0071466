"""A blog in this process's memory: gone with the process, and otherwise as good as any.

A unit of work keeps its changes to itself until it ends; then they are laid on what is kept, all in one moment.
So a unit costs what it does, however much is stored, and one that fails has nothing to undo.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count, islice
from threading import Lock
from typing import Any, Generic, TypeVar

from sortedcontainers import SortedDict

from blog.domain.accounts import Credentials, UnknownUser, User, UsernameTaken
from blog.domain.blog import Stores
from blog.domain.errors import Unavailable
from blog.domain.ids import PostId, TokenId, UserId
from blog.domain.posts import Post, PostNotFound
from blog.domain.tokens import Token

Key = TypeVar("Key", bound=Any)
Row = TypeVar("Row")


class MemoryStore:
    """Everything a blog keeps. Calling it opens the stores for one unit of work; any number of threads may.

    Args:
        patience: seconds that a unit which would write waits for another to end, before it raises `Unavailable`.
    """

    def __init__(self, *, patience: float = 5) -> None:
        self._patience = patience
        self._writer = Lock()
        self._shelves = _Shelves()

    @contextmanager
    def __call__(self) -> Iterator[Stores]:
        """Open the stores for one unit of work."""
        unit = _Unit(self._shelves, self._writer, self._patience)
        try:
            yield Stores(
                users=MemoryUserRepository(unit),
                tokens=MemoryTokenStore(unit),
                posts=MemoryPostRepository(unit),
            )
            unit.keep()
        finally:
            unit.end()


class MemoryUserRepository:
    """A `UserRepository` over one unit of work in memory."""

    def __init__(self, unit: "_Unit") -> None:
        self._unit = unit

    def add(self, user: User, password_hash: str) -> User:
        self._unit.begin()
        name = user.username.lower()
        if self._unit.names.find(name) is not None:
            raise UsernameTaken(user.username)
        user = replace(user, id=UserId(next(self._unit.user_ids)))
        self._unit.names.put(name, user.id)
        self._unit.users.put(user.id, Credentials(user, password_hash))
        return user

    def get(self, user_id: UserId) -> User:
        return self._credentials(user_id).user

    def find(self, username: str) -> Credentials | None:
        user_id = self._unit.names.find(username.lower())
        return None if user_id is None else self._credentials(user_id)

    def get_for_change(self, user_id: UserId) -> Credentials:
        self._unit.begin()
        return self._credentials(user_id)

    def save(self, credentials: Credentials) -> None:
        current = self.get_for_change(credentials.user.id)
        if current.user.username != credentials.user.username:
            self._rename(current.user, credentials.user.username)
        self._unit.users.put(credentials.user.id, credentials)

    def page(self, *, limit: int, after: UserId | None = None) -> Sequence[User]:
        return [credentials.user for credentials in self._unit.users.ascending(limit, after=after)]

    def _credentials(self, user_id: UserId) -> Credentials:
        credentials = self._unit.users.find(user_id)
        if credentials is None:
            raise UnknownUser(user_id)
        return credentials

    def _rename(self, user: User, username: str) -> None:
        if self._unit.names.find(username.lower()) not in (None, user.id):
            raise UsernameTaken(username)
        self._unit.names.drop(user.username.lower())
        self._unit.names.put(username.lower(), user.id)


class MemoryTokenStore:
    """A `TokenStore` over one unit of work in memory."""

    def __init__(self, unit: "_Unit") -> None:
        self._unit = unit

    def add(self, token: Token) -> Token:
        self._unit.begin()
        token = replace(token, id=TokenId(next(self._unit.token_ids)))
        self._unit.tokens.put(token.digest, token)
        self._unit.holders.put((token.user_id, token.id), token)
        return token

    def find(self, digest: bytes) -> Token | None:
        return self._unit.tokens.find(digest)

    def remove(self, digest: bytes) -> None:
        self._unit.begin()
        if token := self._unit.tokens.find(digest):
            self._forget(token)

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.begin()
        for token in self._unit.holders.between((user_id, 0), (UserId(user_id + 1), 0)):
            self._forget(token)

    def _forget(self, token: Token) -> None:
        self._unit.tokens.drop(token.digest)
        self._unit.holders.drop((token.user_id, token.id))


class MemoryPostRepository:
    """A `PostRepository` over one unit of work in memory."""

    def __init__(self, unit: "_Unit") -> None:
        self._unit = unit

    def add(self, post: Post) -> Post:
        self._unit.begin()
        post = replace(post, id=PostId(next(self._unit.post_ids)))
        self._unit.posts.put(post.id, post)
        return post

    def get(self, post_id: PostId) -> Post:
        post = self._unit.posts.find(post_id)
        if post is None:
            raise PostNotFound(post_id)
        return self._signed(post)

    def get_for_change(self, post_id: PostId) -> Post:
        self._unit.begin()
        return self.get(post_id)

    def save(self, post: Post) -> None:
        self.get_for_change(post.id)
        self._unit.posts.put(post.id, post)

    def remove(self, post_id: PostId) -> None:
        self.get_for_change(post_id)
        self._unit.posts.drop(post_id)

    def newest(self, *, limit: int, before: PostId | None = None) -> Sequence[Post]:
        return [self._signed(post) for post in self._unit.posts.descending(limit, before=before)]

    def _signed(self, post: Post) -> Post:
        """The post with its author's name as it is now."""
        author = self._unit.users.find(post.author_id)
        if author is None or author.user.username == post.author:
            return post
        return replace(post, author=author.user.username)


@dataclass(frozen=True, slots=True)
class _Shelves:
    """What all finished units have kept. `guard` is held only while rows are read or laid down."""

    guard: Lock = field(default_factory=Lock)
    user_ids: Iterator[int] = field(default_factory=lambda: count(1))
    token_ids: Iterator[int] = field(default_factory=lambda: count(1))
    post_ids: Iterator[int] = field(default_factory=lambda: count(1))
    users: "SortedDict[UserId, Credentials]" = field(default_factory=SortedDict)
    names: "SortedDict[str, UserId]" = field(default_factory=SortedDict)
    tokens: "SortedDict[bytes, Token]" = field(default_factory=SortedDict)
    holders: "SortedDict[tuple[UserId, int], Token]" = field(default_factory=SortedDict)
    posts: "SortedDict[PostId, Post]" = field(default_factory=SortedDict)


class _Unit:
    """One unit of work: its view of every shelf, and from its first write on the only place among the writers."""

    def __init__(self, shelves: _Shelves, writer: Lock, patience: float) -> None:
        self.users = _View(shelves.users, shelves.guard)
        self.names = _View(shelves.names, shelves.guard)
        self.tokens = _View(shelves.tokens, shelves.guard)
        self.holders = _View(shelves.holders, shelves.guard)
        self.posts = _View(shelves.posts, shelves.guard)
        self.user_ids, self.token_ids, self.post_ids = shelves.user_ids, shelves.token_ids, shelves.post_ids
        self._guard = shelves.guard
        self._writer = writer
        self._patience = patience
        self._writing = False

    def begin(self) -> None:
        """Wait until no other unit writes."""
        if not self._writing:
            if not self._writer.acquire(timeout=self._patience):
                raise Unavailable("Another change has not ended in time.")
            self._writing = True

    def keep(self) -> None:
        if self._writing:
            with self._guard:
                for view in (self.users, self.names, self.tokens, self.holders, self.posts):
                    view.lay_down()

    def end(self) -> None:
        if self._writing:
            self._writing = False
            self._writer.release()


class _View(Generic[Key, Row]):
    """A shelf as one unit sees it: what is kept, under the unit's own changes. A row of None is one taken away."""

    def __init__(self, kept: "SortedDict[Key, Row]", guard: Lock) -> None:
        self._kept = kept
        self._guard = guard
        self._changes: dict[Key, Row | None] = {}

    def find(self, key: Key) -> Row | None:
        if key in self._changes:
            return self._changes[key]
        with self._guard:
            return self._kept.get(key)

    def put(self, key: Key, row: Row) -> None:
        self._changes[key] = row

    def drop(self, key: Key) -> None:
        self._changes[key] = None

    def ascending(self, limit: int, *, after: Key | None = None) -> list[Row]:
        """Up to `limit` rows whose keys are above `after`."""
        with self._guard:
            rows = self._untouched(self._kept.irange(after, inclusive=(False, False)), limit)
        rows |= {key: row for key, row in self._own() if after is None or key > after}
        return [rows[key] for key in sorted(rows)[:limit]]

    def descending(self, limit: int, *, before: Key | None = None) -> list[Row]:
        """Up to `limit` rows whose keys are below `before`, the highest first."""
        with self._guard:
            rows = self._untouched(self._kept.irange(None, before, inclusive=(False, False), reverse=True), limit)
        rows |= {key: row for key, row in self._own() if before is None or key < before}
        return [rows[key] for key in sorted(rows, reverse=True)[:limit]]

    def between(self, lowest: Key, end: Key) -> list[Row]:
        """All rows whose keys are at least `lowest` and below `end`."""
        with self._guard:
            rows = self._untouched(self._kept.irange(lowest, end, inclusive=(True, False)), None)
        rows |= {key: row for key, row in self._own() if lowest <= key < end}
        return [rows[key] for key in sorted(rows)]

    def lay_down(self) -> None:
        """Make the unit's changes everybody's."""
        for key, row in self._changes.items():
            if row is None:
                self._kept.pop(key, None)
            else:
                self._kept[key] = row

    def _untouched(self, keys: Iterator[Key], limit: int | None) -> dict[Key, Row]:
        return {key: self._kept[key] for key in islice((key for key in keys if key not in self._changes), limit)}

    def _own(self) -> Iterator[tuple[Key, Row]]:
        return ((key, row) for key, row in self._changes.items() if row is not None)
