"""The blog: all its rooms, open for one unit of work."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeAlias

from .accounts import Accounts, UserRepository
from .errors import Unavailable
from .posts import PostRepository, Posts
from .tokens import TokenStore


@dataclass(frozen=True, slots=True)
class Blog:
    """Everything one can do, within one unit of work."""

    accounts: Accounts
    posts: Posts


class Contended(Unavailable):
    """Two units of work got in each other's way. Nothing of this one was kept; the same may succeed at once."""


OpenBlog: TypeAlias = Callable[[], AbstractContextManager[Blog]]
"""Opens the blog for one unit of work, on the thread that calls it.

    with open_blog() as blog:
        actor = blog.accounts.authenticate(secret)
        post = blog.posts.update(actor, post_id, title="A better title")

Leaving the block keeps everything done in it; leaving it by an exception keeps nothing. Until it first writes, or
first gets something for change, a unit holds no lock, and each read sees what is stored at that moment; from then on
it sees its own writes too. Nobody sees the unfinished writes of another unit, and two units that change one thing do
so one after the other.

Raises:
    Contended: nothing was kept, since another unit came between.
    Unavailable: the store does not answer, or may not have kept the unit.
"""


@dataclass(frozen=True, slots=True)
class Stores:
    """Where one unit of work keeps what it is told."""

    users: UserRepository
    tokens: TokenStore
    posts: PostRepository


OpenStores: TypeAlias = Callable[[], AbstractContextManager[Stores]]
"""Opens the stores for one unit of work: what `OpenBlog` promises, it promises on their behalf."""
