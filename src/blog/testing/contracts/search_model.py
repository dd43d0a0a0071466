"""A model of search: queries, and the hits that are expected."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Unpack

from blog.domain.blog import OpenStores, Stores
from blog.domain.posts.pagination import PostFilter
from blog.domain.posts.post import Post
from blog.domain.search.index import Hit, SearchPosition
from blog.domain.search.query import SearchQuery
from blog.domain.search.tokenizer import tokenize
from blog.domain.shared import PostId

from .fixtures import EVERYBODY
from .lists import passes


def add_posts(open_stores: OpenStores, posts: Iterable[Post]) -> list[Post]:
    """Store and index the posts in a unit of its own."""
    with open_stores() as stores:
        return [put(stores, post) for post in posts]


def put(stores: Stores, post: Post) -> Post:
    """Store and index the post."""
    added = stores.posts.add(post)
    stores.index.put(added)
    return added


def save(stores: Stores, post: Post, *, previous: Post) -> Post:
    """Store and index the next version of the post."""
    stores.posts.save(post, previous=previous)
    stores.index.put(post)
    return post


def remove(stores: Stores, post: Post) -> None:
    """Remove the post from the repository and the index."""
    stores.posts.remove(post.id)
    stores.index.remove(post.id)


def change_some(stores: Stores, posts: Sequence[Post]) -> list[Post]:
    """Add, change and remove posts. Return the posts that there are then."""
    first, second, third, *others, last = posts
    remove(stores, second)
    remove(stores, last)
    titled = save(stores, replace(first, title="Changed and found", version=first.version + 1), previous=first)
    unfound = save(stores, replace(third, title="Changed", body="title", version=third.version + 1), previous=third)
    return [titled, unfound, *others, put(stores, first), put(stores, replace(last, title="Found", body=""))]


def hits(
    stores: Stores, text: str, *, limit: int = 100, after: SearchPosition | None = None, **filters: Unpack[PostFilter]
) -> list[Hit]:
    """Return the hits."""
    return list(stores.index.find(EVERYBODY, SearchQuery.of(text), limit=limit, after=after, **filters))


def found(stores: Stores, text: str) -> list[Post]:
    """Return the posts that are found, by ascending id."""
    return sorted((hit.post for hit in hits(stores, text)), key=lambda post: post.id)


def all_pages(stores: Stores, text: str, **filters: Unpack[PostFilter]) -> list[Hit]:
    """Return all hits, read page by page."""
    seen: list[Hit] = []
    while page := hits(stores, text, limit=2, after=SearchPosition(*rank(seen[-1])) if seen else None, **filters):
        assert page[0] not in seen, "a page begins with what an earlier one had"
        seen += page
    return seen


def expected(posts: Iterable[Post], text: str, **filters: Unpack[PostFilter]) -> list[Hit]:
    """Return the expected hits."""
    query = SearchQuery.of(text)
    tokenized = [(post, tokenize(post.title), tokenize(post.body)) for post in posts if passes(post, **filters)]
    return sorted(
        (Hit(post, query.matches_title(title)) for post, title, body in tokenized if query.matches(title, body)),
        key=rank,
        reverse=True,
    )


def rank(hit: Hit) -> tuple[bool, PostId]:
    """Return the sort key of a hit."""
    return hit.in_title, hit.post.id
