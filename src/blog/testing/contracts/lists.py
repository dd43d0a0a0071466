"""The contract of `PostRepository` for lists: every order, every page, every filter."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, Unpack

import pytest

from blog.domain.accounts.user import User
from blog.domain.blog import OpenStores, Stores
from blog.domain.posts.pagination import Position, PostFilter, SortOrder
from blog.domain.posts.post import Post
from blog.domain.shared import PostId

from .fixtures import EVERYBODY, NOON, Failed, StoresFixture
from .posts import NO_POSTS, add_user, make_post

TICK: Final = timedelta(microseconds=1)
HOUR: Final = timedelta(hours=1)
YEAR_ONE: Final = datetime(1, 1, 2, tzinfo=UTC)
YEAR_LAST: Final = datetime(9999, 12, 30, tzinfo=UTC)

TITLES: Final = [
    "b", "B", "\u00e1", "a", "a b", "a  b", "ab", "a-b", "a\tb", " a", "", "Z", "z", "_", "~", "%", "'", "10", "9",
    "Stra\u00dfe", "STRASSE", "strasse", "stras\u017fe", "\u0130stanbul", "istanbul", "Istanbul", "\u0131stanbul",
    "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c3", "\u03a9", "\u2126",
    "\uff41", "\uffee", "\ufffd", "\U00010000", "\U0001f600", "\U0010ffff", "\ud7ff", "\ue000", "\u65e5\u672c",
    "\ud55c", "\u00bd", "x" * 99, "x" * 100, "x" * 101, "x" * 200, "x" * 100 + "b", "x" * 100 + "a", "\U0001f600" * 200,
]  # fmt: skip
"""Titles whose order depends on the alphabet, the encoding, the case or the length."""

EAST, WEST = timezone(3 * HOUR), timezone(-HOUR)

MOMENTS: Final = [YEAR_ONE, NOON - HOUR, NOON, NOON + TICK, NOON + HOUR, YEAR_LAST]
SORT_KEYS: Final = ["", "a", "a title", "x" * 200, "\U0010ffff" * 100]
"""Positions in an order, with and without posts."""

FILTERS: Final[list[PostFilter]] = [
    {"authors": ["ann"]},
    {"authors": ["ANN", "nobody"]},
    {"authors": ["bOB", "Ann", "ann"]},
    {"authors": ("nobody", "an", "annn", "a%", "a_n", "", "'", "\u00e4nn", "\U0001f600")},
    {"authors": []},
    {"published_after": NOON},
    {"published_after": NOON + TICK},
    {"published_before": NOON},
    {"published_before": NOON + TICK},
    {"published_after": NOON, "published_before": NOON},
    {"published_after": NOON.astimezone(EAST), "published_before": (NOON + HOUR).astimezone(WEST)},
    {"published_after": YEAR_ONE, "published_before": YEAR_LAST},
    {"authors": {"bob"}, "published_after": NOON, "published_before": NOON + HOUR},
    {"authors": ["ann"], "published_before": NOON - TICK},
    {"authors": ["bob", "Carol"], "published_after": NOON - TICK},
]  # fmt: skip


class PostListContract(StoresFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    @pytest.fixture
    def posts(self, open_stores: OpenStores) -> list[Post]:
        """Posts of three authors, many of them with the same title or time."""
        return add_many(open_stores)

    @pytest.mark.parametrize("order", SortOrder)
    def test_posts_are_sorted_and_ties_are_broken_by_id(
        self, open_stores: OpenStores, posts: list[Post], order: SortOrder
    ) -> None:
        expected = in_order(posts, order)
        with open_stores() as stores:
            for limit in (1, 2, 5, len(posts) - 1, len(posts), len(posts) + 1, 101):
                assert list(stores.posts.page(EVERYBODY, order, limit=limit)) == expected[:limit]

    @pytest.mark.parametrize("order", SortOrder)
    def test_a_page_begins_after_a_position_with_or_without_a_post(
        self, open_stores: OpenStores, posts: list[Post], order: SortOrder
    ) -> None:
        removed = posts[1::3]
        with open_stores() as stores:
            for post in removed:
                stores.posts.remove(post.id)
        left = [post for post in posts if post not in removed]
        keys = SORT_KEYS if order is SortOrder.TITLE else MOMENTS
        edges = [Position(key, post_id) for post_id in [*NO_POSTS, posts[4].id] for key in keys]
        with open_stores() as stores:
            for after in [post.position_in(order) for post in posts] + edges:
                expected = expected_list(left, order, after)
                assert list(stores.posts.page(EVERYBODY, order, limit=100, after=after)) == expected
                assert list(stores.posts.page(EVERYBODY, order, limit=2, after=after)) == expected[:2]

    def test_titles_are_sorted_by_code_points_of_their_sort_keys(self, open_stores: OpenStores) -> None:
        ann = add_user(open_stores, "ann")
        with open_stores() as stores:
            posts = [stores.posts.add(replace(make_post(ann), title=title)) for title in TITLES]
            assert list(stores.posts.page(EVERYBODY, SortOrder.TITLE, limit=100)) == in_order(posts, SortOrder.TITLE)
        with open_stores() as stores:
            assert list(stores.posts.page(EVERYBODY, SortOrder.TITLE, limit=100)) == in_order(posts, SortOrder.TITLE)
            for limit in (1, 3):
                assert all_pages(stores, SortOrder.TITLE, limit) == in_order(posts, SortOrder.TITLE)

    @pytest.mark.parametrize("order", SortOrder)
    def test_a_page_has_the_posts_that_pass_the_filters(
        self, open_stores: OpenStores, posts: list[Post], order: SortOrder
    ) -> None:
        with open_stores() as stores:
            for filters in FILTERS:
                expected = [post for post in in_order(posts, order) if passes(post, **filters)]
                assert list(stores.posts.page(EVERYBODY, order, limit=100, **filters)) == expected
                assert all_pages(stores, order, 2, **filters) == expected

    def test_the_count_has_the_same_filters_as_the_list(self, open_stores: OpenStores, posts: list[Post]) -> None:
        expected = [sum(passes(post, **filters) for post in posts) for filters in FILTERS]
        with open_stores() as stores:
            assert stores.posts.count(EVERYBODY) == len(posts)
            assert [stores.posts.count(EVERYBODY, **filters) for filters in FILTERS] == expected

    @pytest.mark.parametrize("order", SortOrder)
    def test_a_unit_lists_its_own_uncommitted_changes_and_others_do_not(
        self, open_stores: OpenStores, posts: list[Post], order: SortOrder
    ) -> None:
        with open_stores() as other, open_stores() as stores:
            now = change_some(stores, posts)
            for one, seen in ((stores, now), (other, posts)):
                assert read_all(one, order) == [in_order(seen, order)] * 3
                for filters in FILTERS:
                    assert list(one.posts.page(EVERYBODY, order, limit=100, **filters)) == expected_list(
                        seen, order, **filters
                    )
                    assert one.posts.count(EVERYBODY, **filters) == len(expected_list(seen, order, **filters))
        with open_stores() as stores:
            assert read_all(stores, order) == [in_order(now, order)] * 3

    @pytest.mark.parametrize("order", SortOrder)
    def test_a_failed_unit_changes_no_list(self, open_stores: OpenStores, posts: list[Post], order: SortOrder) -> None:
        with pytest.raises(Failed), open_stores() as stores:
            change_some(stores, posts)
            read_all(stores, order)
            raise Failed
        with open_stores() as stores:
            assert read_all(stores, order) == [in_order(posts, order)] * 3

    def test_the_author_filter_uses_the_current_username(self, open_stores: OpenStores, posts: list[Post]) -> None:
        def rename(stores: Stores, old: str, new: str) -> None:
            found = stores.users.find(old)
            assert found is not None
            stores.users.save(replace(found, user=replace(found.user, username=new)))

        def of(stores: Stores, name: str) -> list[Post]:
            for order in SortOrder:
                seen = stores.posts.page(EVERYBODY, order, limit=100, authors=[name])
                assert list(seen) == in_order(seen, order)
                assert len(seen) == stores.posts.count(EVERYBODY, authors=[name])
            return list(seen)

        anns, bobs = (expected_list(posts, SortOrder.TITLE, authors=[name]) for name in ("ann", "bob"))
        with open_stores() as stores:
            rename(stores, "ann", "anna")
            rename(stores, "bob", "Bobby")
            renamed = [replace(post, author="anna") for post in anns], [replace(post, author="Bobby") for post in bobs]
            assert (of(stores, "ANNA"), of(stores, "bobby"), of(stores, "ann"), of(stores, "bob")) == (*renamed, [], [])
        with open_stores() as stores:
            assert (of(stores, "ANNA"), of(stores, "bobby"), of(stores, "ann"), of(stores, "bob")) == (*renamed, [], [])


def add_many(open_stores: OpenStores) -> list[Post]:
    """Store posts of ann, Bob and carol, with an hour, a microsecond or nothing between their times."""
    authors = [add_user(open_stores, name) for name in ("ann", "Bob", "carol")]
    with open_stores() as stores:
        return [stores.posts.add(make_similar_post(authors, number)) for number in range(15)]


def make_similar_post(authors: Sequence[User], number: int) -> Post:
    """Return a post that has some fields in common with others."""
    return replace(
        make_post(authors[number * number % 4 % 3]),
        title=("b", "a title", "A  T\u00edtle", "\u00c1")[number * 7 % 11 % 4],
        body=str(number),
        published_at=NOON + (-HOUR, -TICK, 0 * TICK, TICK, HOUR)[number * 3 % 5],
        updated_at=NOON + (0 * TICK, TICK, HOUR)[number * 2 % 7 % 3],
    )


def change_some(stores: Stores, posts: Sequence[Post]) -> list[Post]:
    """Add, change and remove posts. Return the posts that there are then."""
    first, second, third, *others, fourth, last = posts
    stores.posts.remove(second.id)
    stores.posts.remove(last.id)
    changed = [
        replace(first, title="zz", updated_at=NOON - HOUR, version=8),
        replace(third, title="\u00e1", updated_at=NOON + 2 * HOUR, version=8),
        replace(fourth, updated_at=first.updated_at, version=8),
    ]
    for before, post in zip((first, third, fourth), changed, strict=True):
        stores.posts.save(post, previous=before)
    return [*changed, *others, stores.posts.add(first), stores.posts.add(replace(last, title=third.title))]


def read_all(stores: Stores, order: SortOrder) -> list[list[Post]]:
    """Return all posts: at once, and by pages of two sizes."""
    return [
        list(stores.posts.page(EVERYBODY, order, limit=100)),
        all_pages(stores, order, 1),
        all_pages(stores, order, 4),
    ]


def all_pages(stores: Stores, order: SortOrder, limit: int, **filters: Unpack[PostFilter]) -> list[Post]:
    """Return all posts that pass the filters, read page by page."""
    seen: list[Post] = []
    while page := stores.posts.page(
        EVERYBODY, order, limit=limit, after=seen[-1].position_in(order) if seen else None, **filters
    ):
        assert page[0] not in seen, "a page begins with what an earlier one had"
        seen += page
    return seen


def expected_list(
    posts: Iterable[Post], order: SortOrder, after: Position | None = None, **filters: Unpack[PostFilter]
) -> list[Post]:
    """Return the posts that pass the filters, in this order, after a position."""
    return [post for post in in_order(posts, order) if comes_after(post, order, after) and passes(post, **filters)]


def in_order(posts: Iterable[Post], order: SortOrder) -> list[Post]:
    """Return the posts in the expected order."""
    return sorted(posts, key=lambda post: rank(post.position_in(order)), reverse=order.is_descending)


def comes_after(post: Post, order: SortOrder, after: Position | None) -> bool:
    """Return whether the post comes after that position."""
    if after is None:
        return True
    here, there = rank(post.position_in(order)), rank(after)
    return here < there if order.is_descending else here > there


def rank(position: Position) -> tuple[Any, PostId]:
    """Return the sort key of a position."""
    return position.key, position.id


def passes(post: Post, **filters: Unpack[PostFilter]) -> bool:
    """Return whether the post passes the filters by author and by publication time."""
    authors, published_at = filters.get("authors"), post.published_at
    after, before = filters.get("published_after"), filters.get("published_before")
    return (
        (authors is None or post.author.lower() in {author.lower() for author in authors})
        and (after is None or (published_at is not None and after <= published_at))
        and (before is None or (published_at is not None and published_at < before))
    )
