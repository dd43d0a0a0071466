"""The contract of pagination: a client that reads all pages misses no post, whatever others change meanwhile."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blog.domain.accounts.user import User
from blog.domain.blog import OpenStores, Stores
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import Post
from blog.domain.search.index import SearchPosition
from blog.domain.search.query import SearchQuery
from blog.domain.search.tokenizer import tokenize

from .fixtures import EVERYBODY, NOON, StoresFixture
from .lists import in_order
from .posts import add_user, make_post

Turn: TypeAlias = Callable[[Stores, list[Post], User], None]
"""Changes by others between two pages."""

Steps: TypeAlias = Sequence[Sequence[Turn]]

QUERY: Final = SearchQuery.of("found")


@dataclass(frozen=True)
class Insert:
    """Write a post."""

    title: str
    minutes: int

    def __call__(self, stores: Stores, posts: list[Post], author: User) -> None:
        at = NOON + timedelta(minutes=self.minutes)
        post = replace(make_post(author), title=self.title, body="found", created_at=at, updated_at=at)
        post = stores.posts.add(post)
        stores.index.put(post)
        posts.append(post)


@dataclass(frozen=True)
class Remove:
    """Delete a post."""

    number: int

    def __call__(self, stores: Stores, posts: list[Post], _: User) -> None:
        if posts:
            post = posts.pop(self.number % len(posts))
            stores.posts.remove(post.id)
            stores.index.remove(post.id)


@dataclass(frozen=True)
class Update:
    """Change a post, which may move it."""

    number: int
    changes: dict[str, Any]

    def __call__(self, stores: Stores, posts: list[Post], _: User) -> None:
        if posts:
            post = posts[self.number % len(posts)]
            revised = replace(post, version=post.version + 1, **self.changes)
            stores.posts.save(revised, previous=post)
            stores.index.put(revised)
            posts[self.number % len(posts)] = revised


titles = st.sampled_from(["a", "B", "b found", "found", "\u65e5\u672c"])
numbers = st.integers(0, 9)
minutes = st.integers(0, 4)
inserts = st.builds(Insert, titles, minutes)
timestamps = minutes.map(lambda minute: NOON + timedelta(minutes=minute))
changes = st.fixed_dictionaries({"body": st.sampled_from(["found", "lost and found"])}) | st.fixed_dictionaries(
    {}, optional={"title": titles, "updated_at": timestamps}
)
turns = st.one_of(inserts, st.builds(Remove, numbers), st.builds(Update, numbers, changes))


beginnings = st.lists(inserts, min_size=2, max_size=8)
meanwhiles = st.lists(st.lists(turns, max_size=3), max_size=6)


class PostWalkContract(StoresFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    walks: int = 25
    """The number of examples for each order."""

    @pytest.mark.parametrize("order", SortOrder)
    def test_all_pages_show_every_post_with_a_constant_position_exactly_once(
        self, open_stores: OpenStores, order: SortOrder
    ) -> None:
        def page(stores: Stores, limit: int, last: Post | None) -> list[Post]:
            after = None if last is None else last.position_in(order)
            return list(stores.posts.page(EVERYBODY, order, limit=limit, after=after))

        self._walk(open_stores, page, lambda post: post.position_in(order), lambda posts: in_order(posts, order))

    def test_all_pages_of_a_search_show_every_post_with_a_constant_position_exactly_once(
        self, open_stores: OpenStores
    ) -> None:
        def page(stores: Stores, limit: int, last: Post | None) -> list[Post]:
            after = None if last is None else search_position(last)
            return [hit.post for hit in stores.index.find(EVERYBODY, QUERY, limit=limit, after=after)]

        def ranked(posts: Sequence[Post]) -> list[Post]:
            return sorted(posts, key=lambda post: (search_position(post).in_title, post.id), reverse=True)

        self._walk(open_stores, page, search_position, ranked)

    def _walk(
        self,
        open_stores: OpenStores,
        page: Callable[[Stores, int, Post | None], list[Post]],
        position: Callable[[Post], Hashable],
        ordered: Callable[[Sequence[Post]], list[Post]],
    ) -> None:
        author = add_user(open_stores, "ann")
        posts: list[Post] = []

        def turn(steps: Sequence[Turn]) -> None:
            if steps:
                with open_stores() as stores:
                    for step in steps:
                        step(stores, posts, author)

        @settings(max_examples=self.walks, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(beginnings, meanwhiles, st.integers(1, 3))
        def walk(at_first: Sequence[Insert], meanwhile: Steps, limit: int) -> None:
            turn([Remove(0)] * len(posts))
            turn(at_first)
            unmoved_positions = {post.id: position(post) for post in posts}
            seen: list[Post] = []
            for steps in [*meanwhile, *[[]] * 100]:
                with open_stores() as stores:
                    found = page(stores, limit, seen[-1] if seen else None)
                seen += found
                if not found:
                    break
                turn(steps)
                now = {post.id: position(post) for post in posts}
                unmoved_positions = {
                    post_id: key for post_id, key in unmoved_positions.items() if now.get(post_id) == key
                }
            unmoved = [post for post in posts if post.id in unmoved_positions]
            assert [post.id for post in seen if post.id in unmoved_positions] == [post.id for post in ordered(unmoved)]
            assert seen == ordered(seen)

        walk()


def search_position(post: Post) -> SearchPosition:
    """Return the search position of a hit."""
    return SearchPosition(QUERY.matches_title(tokenize(post.title)), post.id)
