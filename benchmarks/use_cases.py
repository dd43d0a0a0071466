"""The cost of a use case in process, on the in-memory store: a whole unit of work, opened and committed."""

import time
from collections.abc import Callable
from itertools import count
from typing import Final

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.login import log_in

from .checks import POSTS
from .contents import NAMES, PASSWORD, draft

GET: Final = "get"
CHANGE: Final = "authenticate and update"
CREATE: Final = "authenticate and create"
_BATCHES: Final = 60
_IN_A_BATCH: Final = 250


def microseconds() -> dict[str, float]:
    """Each use case's least time over batches: what it takes where nothing comes in between."""
    open_blog = create_blog(MemoryStore(), hasher=Argon2PasswordHasher(memory=8, iterations=1))
    with open_blog() as blog:
        blog.users.add(Operator(), NAMES[0], PASSWORD)
    secret = log_in(open_blog, NAMES[0], PASSWORD)[1].secret
    with open_blog() as blog:
        author = blog.tokens.authenticate(secret)
        posts = [blog.posts.create(author, title=draft(n).title, body=draft(n).body).id for n in range(1, POSTS + 1)]
    one, numbers = posts[POSTS // 2], count()

    def get() -> None:
        with open_blog() as blog:
            blog.posts.get(one)

    def change() -> None:
        with open_blog() as blog:
            blog.posts.update(blog.tokens.authenticate(secret), one, title=f"Changed {next(numbers)}")

    def create() -> None:
        with open_blog() as blog:
            blog.posts.create(blog.tokens.authenticate(secret), title="New", body=draft(1).body)

    return {GET: _least(get), CHANGE: _least(change), CREATE: _least(create)}


def _least(use: Callable[[], None]) -> float:
    return min(_batch(use) for _ in range(_BATCHES))


def _batch(use: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(_IN_A_BATCH):
        use()
    return (time.perf_counter() - began) / _IN_A_BATCH * 1e6
