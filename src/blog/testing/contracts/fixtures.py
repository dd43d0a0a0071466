"""Helpers that the contracts share."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Final, NoReturn, TypeVar

import pytest

from blog.domain.accounts.actors import Member, scopes_for
from blog.domain.accounts.user import User
from blog.domain.blog import Blog, OpenBlog, OpenStores
from blog.domain.posts.post import Post
from blog.domain.posts.visibility import Everything, Public, Reason
from blog.domain.shared import UNSTORED, TokenId

NOON: Final = datetime(2024, 2, 29, 12, 0, 0, 123456, UTC)
"""A time that shows if days, time zones or microseconds are lost."""

EVERYBODY: Final = Public(datetime(9999, 12, 31, tzinfo=UTC))
"""The sight of everybody, at a time when every scheduled post is published."""

EVERYTHING: Final = Everything(Reason.MAINTENANCE)

HOSTILE_TEXTS: Final = [
    " ends in a space ",
    "tab\tand\nline\r\nand another\rend",
    "'; DROP TABLE posts; -- \" \\ %s %(x)s :x ? $1 {} <b>&amp;</b>",
    "e\u0301 is not \u00e9, \u1e9e, \u0130, \u212a, \ufb01",
    "\U0001f3f3\ufe0f\u200d\U0001f308 \U0010ffff \ufffe \u202e",
    "x" * 100_000,
]
"""Texts that the domain accepts, and that careless stores damage."""


THREADS: Final = 4

PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - everybody's example

Result = TypeVar("Result")


class Failed(Exception):
    """Raised by tests at the end of a unit of work."""


def as_member(user: User) -> Member:
    """Return the actor of a user, with all scopes that the user may have."""
    return Member(user=user, scopes=scopes_for(user), token_id=TokenId(UNSTORED))


def create_post(blog: Blog, author: Member) -> Post:
    """Create a post in an open unit of work."""
    return blog.posts.create(author, title="A title", body="A body")


def create_post_in_unit(open_blog: OpenBlog, author: Member) -> Post:
    """Create a post in a unit of work of its own."""
    with open_blog() as blog:
        return create_post(blog, author)


def require_fixture(contract: object, fixture: str, what: str) -> NoReturn:
    """Fail with a message that names the missing fixture."""
    pytest.fail(f"{type(contract).__name__} must have a fixture `{fixture}` that returns {what}.", pytrace=False)


class StoresFixture:
    """The fixture of the contracts of stores."""

    @pytest.fixture
    def open_stores(self) -> OpenStores:
        """The stores to be tested."""
        require_fixture(self, "open_stores", "an OpenStores on empty stores")


def run_concurrently(work: Callable[[int], Result], threads: int = THREADS) -> list[Result]:
    """Run several threads, numbered from 0, that start together and are switched often. Return their results."""
    start = Barrier(threads)

    def begin(number: int) -> Result:
        start.wait(timeout=60)
        return work(number)

    with _switching_often(), ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))


@contextmanager
def _switching_often() -> Iterator[None]:
    """Switch threads every few microseconds, to find code that is not thread-safe."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def another_value(name: str, value: object) -> object:
    """Return another value of the same type, for a test that looks at every field by itself.

    Raises:
        TypeError: nobody has said yet what another value of this type is.
    """
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case datetime() | None if name.endswith("_at"):
            return (value or NOON) + timedelta(days=1, microseconds=1)
        case str() | None:
            return f"{value or 'some'}{'-' if name == 'slug' else ' '}too"
        case tuple():
            return (*value, f"{len(value)} more")
        case _:
            raise TypeError(f"{name}: `another_value` has to say what another {type(value).__name__} is.")
