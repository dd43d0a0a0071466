"""How long one request takes as posts become many: from one client, so that nothing waits but for the work itself."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import psycopg

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Member, Operator
from blog.domain.blog import OpenBlog
from blog.domain.posts.post import PostFields, Status

from .competitors import Blog, BlogWithoutCache, Competitor
from .contents import COMMON, FREQUENT_TAG, PASSWORD, RARE, RARE_TAG, draft, is_draft, is_scheduled
from .harness import database, postgresql
from .load import Plan, load
from .processes import PATIENCE, started, wait_for_200
from .rounds import plan_of

STORES: Final = ("sqlite", "postgresql")
SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
_IN_A_UNIT: Final = 500
_SECONDS: Final = 1
_LATER: Final = datetime(2100, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime(2020, 1, 1, tzinfo=UTC)
_APART: Final = timedelta(minutes=3)
"""The time between two publications: a million posts are of nearly six years."""

_AUTHORS: Final = ["ben", *(f"author-{number}" for number in range(2, 1001))]
"""Authors by ascending number of posts, from a tenth of all posts to a few. The first one logs in."""
_RARE_AUTHOR: Final = _AUTHORS[899]
_VERY_COMMON: Final = "gannet"
"""A word that every second post has."""
_APART_TAG: Final = "never"
"""A tag on every tenth post, none of which has the very common word."""

_LISTS: Final = {
    "list, oldest first": "order=oldest",
    "list by title": "order=title",
    "list by last change": "order=updated",
    "list of a month": f"published_after={_FIRST:%Y-%m-%d}T00:00:00Z&published_before={_FIRST:%Y}-02-01T00:00:00Z",
    "list of an author": "author=ben",
    "list of a rare author": f"author={_RARE_AUTHOR}",
    "list of a tag on 30 % of the posts": f"tag={FREQUENT_TAG}",
    "list of a rare tag": f"tag={RARE_TAG}",
    "list of an author and a tag": f"author=ben&tag={FREQUENT_TAG}",
    "list of any of three tags": f"tag={RARE_TAG}&tag=tag+1&tag=tag+2",
    "list of all of two tags": f"tags_all={FREQUENT_TAG}&tags_all=tag+1",
    **{
        f"search, {word}{within}": f"q={text}{query}"
        for word, text in {"a rare word": RARE, "one post in 100": COMMON, "every second post": _VERY_COMMON}.items()
        for within, query in {
            "": "",
            " with a tag on 30 %": f"&tag={FREQUENT_TAG}",
            " with a rare tag": f"&tag={RARE_TAG}",
            " of an author": "&author=ben",
            " of a rare author": f"&author={_RARE_AUTHOR}",
        }.items()
    },
    "search, every second post with a tag that it never has": f"q={_VERY_COMMON}&tag={_APART_TAG}",
}
"""The queries of lists and searches."""


@dataclass(frozen=True, slots=True)
class Grown:
    """The median duration of a request in milliseconds, with this number of posts."""

    store: str
    posts: int
    what: str
    milliseconds: float


def measure(folder: Path, stores: Sequence[str], largest: int) -> list[Grown]:
    """On each kind of database, from a thousand posts up to the largest size asked for, no response cache."""
    grown: list[Grown] = []
    for store in stores:
        own = folder / f"growth-{store}"
        own.mkdir()
        if store == "postgresql":
            with postgresql(own) as node:
                blog = BlogWithoutCache(store, own, database(node, "growth"))
                grown += _grow(blog, largest, node.port)
        else:
            grown += _grow(BlogWithoutCache(store, own), largest)
    return grown


def _grow(blog: Blog, largest: int, postgresql_port: int = 0) -> Iterator[Grown]:
    blog.prepare()
    with (
        closing(SqlStore(blog.database)) as store,
        started(blog.command(), blog.folder, blog.variables()) as process,
        httpx.Client(base_url=blog.url, trust_env=False, timeout=PATIENCE) as client,
    ):
        wait_for_200(f"{blog.url}{blog.first}", process)
        blog.set_up(client)
        members = add_authors(create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1)))
        size = 0
        for aim in (size for size in SIZES if size <= largest):
            size = fill(create_blog(store), members, size, aim)
            if postgresql_port:
                _vacuum(postgresql_port)
            for what, plan in plans(blog, client, size):
                yield Grown(blog.store, aim, what, load(blog.url, plan, _SECONDS, connections=1).p50)
            print(f"growth, {blog.store}: {size} posts", flush=True)


def _vacuum(port: int) -> None:
    """Run VACUUM and ANALYZE, which PostgreSQL would do later by itself. Of a million posts it may take a minute."""
    with psycopg.connect(f"host=127.0.0.1 port={port} user=postgres dbname=growth", autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def add_authors(open_blog: OpenBlog) -> list[Member]:
    """Add the authors who are missing. Return all of them, as they write."""
    with open_blog() as blog:
        operator = Operator()
        known = {user.username: user for user in blog.users.page(operator)}
        return [Member.of(known.get(name) or blog.users.add(operator, name, PASSWORD)) for name in _AUTHORS]


def fill(open_blog: OpenBlog, members: Sequence[Member], size: int, aim: int) -> int:
    """Write posts until there are as many as aimed at, and say how many there are.

    They are written by the blog itself, several hundred in one unit of work, so that whatever it keeps of a post beside
    its row is kept of these too.
    """
    for first in range(size + 1, aim + 1, _IN_A_UNIT):
        with open_blog() as blog:
            for number in range(first, min(first + _IN_A_UNIT, aim + 1)):
                author = members[int(len(members) ** random.Random(number).random()) - 1]  # noqa: S311 - no secret
                status = Status.DRAFT if is_draft(number) else None
                at = None if status else _LATER if is_scheduled(number) else _FIRST + number * _APART
                blog.posts.create(author, status=status, published_at=at, **_content(number))
    return max(size, aim)


def _content(number: int) -> PostFields:
    post = draft(number)
    body = f"{post.body} {_VERY_COMMON}" if number % 2 else post.body
    tags = post.tags if number % 10 else (*post.tags, _APART_TAG)
    return {"title": post.title, "body": body, "tags": tags}


def plans(blog: Competitor, client: httpx.Client, size: int) -> Iterator[tuple[str, Plan]]:
    """The requests that are measured at each size. Writes come last."""
    numbers = range(1, size + 1, max(1, size // 1000))
    chosen = [number for number in numbers if not is_draft(number) and not is_scheduled(number)]
    slugs = [f"{blog.posts}by-slug/post-{each}/" for each in chosen]
    # Posts that were created by the last measurement have ids too, so an id is not the number.
    ids = [client.get(path).raise_for_status().json()["id"] for path in slugs]
    yield "get", Plan("GET", [(blog.path(each), "") for each in ids])
    yield "get by slug", Plan("GET", [(path, "") for path in slugs])
    yield "list", plan_of(blog, "list")
    yield "list, deep page", Plan("GET", [(_deep_page(client, blog, size), "")])
    for what, query in _LISTS.items():
        yield what, Plan("GET", [(f"{blog.newest}?{query}", "")])
    yield "own drafts", Plan("GET", [(f"{blog.newest}?status=draft", blog.shown("ben"))])
    yield "tags and their numbers", Plan("GET", [("/api/tags/", "")])
    yield "create", plan_of(blog, "create")


def _deep_page(client: httpx.Client, blog: Competitor, size: int) -> str:
    """Return the path of a page behind which a twentieth of all posts are left."""
    before = f"{_FIRST + size // 20 * _APART:%Y-%m-%dT%H:%M:%SZ}"
    page = client.get(f"{blog.newest}?published_before={before}").raise_for_status().json()
    return str(page["next"])
