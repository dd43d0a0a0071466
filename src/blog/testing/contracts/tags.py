"""The contract of tags: lists and searches by tag, and the numbers of posts, always as of the moment of the sight."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest

from blog.domain.accounts.user import User
from blog.domain.blog import OpenStores, Stores
from blog.domain.posts.pagination import PostFilter, SortOrder
from blog.domain.posts.post import Post, Status
from blog.domain.posts.tags import TagCount, tag_key, tag_keys
from blog.domain.posts.visibility import Own, Public, sees
from blog.domain.search.query import SearchQuery

from .fixtures import EVERYTHING, NOON, Failed, StoresFixture
from .lists import in_order, passes
from .posts import add_user, make_post

HOUR: Final = timedelta(hours=1)
TICK: Final = timedelta(microseconds=1)
MOMENTS: Final = [NOON - 9 * HOUR, NOON - TICK, NOON, NOON + HOUR, NOON + 9 * HOUR]

TAGGED: Final[list[tuple[tuple[str, ...], timedelta | None]]] = [
    (("Sea", "Travel"), -2 * HOUR),
    (("SEA",), -HOUR),
    (("travel", "food", "sea"), 0 * HOUR),
    (("Stra\u00dfe", "\u65e5\u672c", "Sea"), HOUR),
    (("secret", "sea"), None),
    (("strasse",), -HOUR),
    ((), -HOUR),
    (("scheduled only", "sea"), 2 * HOUR),
    (("a tag, with signs: 100 % 'of' \"them\"", "\U0001f6a2"), -3 * HOUR),
]
"""Tags of posts, and how long after noon each is published."""

FILTERS: Final[list[PostFilter]] = [
    {"tags": ["sea"]},
    {"tags": ["SEA", "\uff53\uff45\uff41"]},
    {"tags": ["food", "strasse"]},
    {"tags": ["secret"]},
    {"tags": ["unknown", "", "se", "%"]},
    {"tags": []},
    {"all_tags": ["sea", "travel"]},
    {"all_tags": ["sea"]},
    {"all_tags": ["sea", "unknown"]},
    {"all_tags": ["sea", "travel", "food"]},
    {"tags": ["food", "stra\u00dfe"], "all_tags": ["Sea"]},
    {"tags": ["sea"], "authors": ["ann"]},
    {"tags": ["sea"], "authors": ["ann", "Bob"], "published_after": NOON - HOUR, "published_before": NOON + HOUR},
    {"all_tags": ["\U0001f6a2"], "authors": ["nobody"]},
]


class PostTagContract(StoresFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    @pytest.fixture
    def authors(self, open_stores: OpenStores) -> list[User]:
        """Two authors."""
        return [add_user(open_stores, name) for name in ("ann", "Bob")]

    @pytest.fixture
    def posts(self, open_stores: OpenStores, authors: list[User]) -> list[Post]:
        """Posts with tags, by both authors."""
        with open_stores() as stores:
            return [add_tagged(stores, authors[number % 2], *tagged) for number, tagged in enumerate(TAGGED)]

    @pytest.mark.parametrize("order", SortOrder)
    def test_posts_are_listed_and_counted_by_tag(
        self, open_stores: OpenStores, authors: list[User], posts: list[Post], order: SortOrder
    ) -> None:
        sights: list[Public | Own] = [*map(Public, MOMENTS)]
        sights += [Own(NOON, author.id, status) for author in authors for status in Status]
        with open_stores() as stores:
            for sight in sights:
                visible = [post for post in in_order(posts, order) if sees(sight, post)]
                for filters in FILTERS:
                    expected = [post for post in visible if has_tags(post, filters)]
                    assert list(stores.posts.page(sight, order, limit=100, **filters)) == expected, (sight, filters)
                    assert stores.posts.count(sight, **filters) == len(expected), (sight, filters)
                    if expected:
                        after = expected[0].position_in(order)
                        page = stores.posts.page(sight, order, limit=2, after=after, **filters)
                        assert list(page) == expected[1:3], (sight, filters)

    def test_posts_are_found_by_words_and_tag(self, open_stores: OpenStores, posts: list[Post]) -> None:
        query = SearchQuery.of("title")
        with open_stores() as stores:
            for at in MOMENTS:
                for filters in FILTERS:
                    expected = [post for post in posts if sees(Public(at), post) and has_tags(post, filters)]
                    expected.sort(key=lambda post: post.id, reverse=True)
                    found = stores.index.find(Public(at), query, limit=100, **filters)
                    assert [hit.post for hit in found] == expected, (at, filters)
                    assert stores.index.count(Public(at), query, **filters) == len(expected), (at, filters)

    @pytest.mark.usefixtures("posts")
    def test_the_name_of_a_tag_is_no_word_of_a_post(self, open_stores: OpenStores) -> None:
        with open_stores() as stores:
            for text in ("sea", "food", "secret"):
                assert list(stores.index.find(Public(NOON), SearchQuery.of(text), limit=9)) == []

    def test_tags_are_counted_at_every_moment(self, open_stores: OpenStores, posts: list[Post]) -> None:
        with open_stores() as stores:
            check_counts(stores, posts)
            for limit in (1, 2, 1000):
                while stores.posts.settle_tag_counts(NOON, limit=limit) >= limit:
                    pass
                check_counts(stores, posts)
        with open_stores() as stores:
            check_counts(stores, posts)
            assert stores.posts.settle_tag_counts(NOON, limit=1000) == 0
            stores.posts.settle_tag_counts(NOON + 9 * HOUR, limit=1000)
        with open_stores() as stores:
            check_counts(stores, posts, moments=[NOON + 9 * HOUR])

    def test_tags_are_read_in_pages(self, open_stores: OpenStores, posts: list[Post]) -> None:
        expected = counts_at(posts, NOON)
        with open_stores() as stores:
            for limit in (1, 2, 3):
                seen: list[TagCount] = []
                while page := stores.posts.tags(Public(NOON), limit=limit, after=seen[-1].key if seen else None):
                    assert len(page) <= limit
                    seen += page
                assert seen == expected
            assert list(stores.posts.tags(Public(NOON), limit=9, after="zzz")) == [
                count for count in expected if count.key > "zzz"
            ]

    @pytest.mark.parametrize("settles", [False, True])
    def test_counts_follow_every_change(
        self, open_stores: OpenStores, authors: list[User], posts: list[Post], *, settles: bool
    ) -> None:
        ann, bob = authors
        changes: list[tuple[int, dict[str, object]]] = [
            (0, {"tags": ("Sea", "new")}),
            (1, {"tags": ()}),
            (2, {"published_at": None}),
            (3, {"published_at": NOON - 2 * HOUR}),
            (4, {"published_at": NOON}),
            (5, {"title": "another"}),
            (6, {"tags": ("sea", "first")}),
            (7, {"published_at": NOON + 3 * HOUR, "tags": ("SEA", "other")}),
            (0, {"tags": ("sea", "New")}),
            (2, {"published_at": NOON - HOUR}),
        ]
        now = list(posts)
        for number, change in changes:
            with open_stores() as stores:
                before = now[number]
                now[number] = replace(before, **change, version=before.version + 1)  # type: ignore[arg-type]  # of its type
                stores.posts.save(now[number], previous=before)
                check_counts(stores, now, moments=[NOON])
            with open_stores() as stores:
                if settles:
                    stores.posts.settle_tag_counts(NOON, limit=2)
                check_counts(stores, now, moments=[NOON, NOON + 9 * HOUR])
        with open_stores() as stores:
            shown = next(post for post in now if post.published_at is not None and post.published_at <= NOON)
            hidden = stores.posts.get_for_update(EVERYTHING, shown.id)
            stores.posts.save(hidden.trashed(NOON), previous=hidden)
            now.remove(shown)
            check_counts(stores, now, moments=[NOON, NOON + 9 * HOUR])
        with open_stores() as stores:
            check_counts(stores, now, moments=[NOON])
            trashed = stores.posts.get_for_update(EVERYTHING, shown.id)
            now.append(trashed.restored())
            stores.posts.save(now[-1], previous=trashed)
            check_counts(stores, now, moments=[NOON, NOON + 9 * HOUR])
        with open_stores() as stores:
            gone = now.pop(3)
            stores.posts.remove(gone.id)
            check_counts(stores, now, moments=[NOON])
            removed = [post.id for post in stores.posts.remove_batch(Own(NOON, ann.id, Status.PUBLISHED), limit=2)]
            now = [post for post in now if post.id not in removed]
            check_counts(stores, now, moments=[NOON])
            stores.posts.reassign_batch(Own(NOON, ann.id, Status.PUBLISHED), bob.id, limit=9)
            check_counts(stores, now, moments=[NOON])
        with open_stores() as stores:
            check_counts(stores, now, moments=[NOON, NOON + 9 * HOUR])

    def test_a_failed_unit_changes_no_count(
        self, open_stores: OpenStores, authors: list[User], posts: list[Post]
    ) -> None:
        with pytest.raises(Failed), open_stores() as stores:
            stores.posts.save(replace(posts[0], tags=("other",), version=8), previous=posts[0])
            stores.posts.remove(posts[1].id)
            add_tagged(stores, authors[0], ("one more", "sea"), 0 * HOUR)
            stores.posts.settle_tag_counts(NOON, limit=9)
            raise Failed
        with open_stores() as stores:
            check_counts(stores, posts)


def add_tagged(stores: Stores, author: User, tags: tuple[str, ...], later: timedelta | None) -> Post:
    """Store a post, and index it unless it is a draft."""
    published_at = None if later is None else NOON + later
    post = stores.posts.add(replace(make_post(author), tags=tags, published_at=published_at))
    if published_at is not None:
        stores.index.put(post)
    return post


def has_tags(post: Post, filters: PostFilter) -> bool:
    """Return whether a post passes the filters."""
    keys = set(tag_keys(post.tags))
    return (
        ("tags" not in filters or not keys.isdisjoint(tag_keys(filters["tags"])))
        and keys.issuperset(tag_keys(filters.get("all_tags", ())))
        and passes(post, **filters)
    )


def counts_at(posts: Iterable[Post], at: datetime) -> list[TagCount]:
    """Return the tags of the posts that everybody sees at this moment, counted one by one."""
    first: dict[str, str] = {}
    numbers: dict[str, int] = {}
    visible = [post for post in posts if sees(Public(at), post)]
    for post in sorted(visible, key=lambda post: (post.published_at, post.id)):
        for tag in post.tags:
            first.setdefault(tag_key(tag), tag)
            numbers[tag_key(tag)] = numbers.get(tag_key(tag), 0) + 1
    return [TagCount(key, first[key], numbers[key]) for key in sorted(numbers)]


def check_counts(stores: Stores, posts: Sequence[Post], moments: Sequence[datetime] = MOMENTS) -> None:
    """Check the numbers of posts of all tags."""
    for at in moments:
        assert list(stores.posts.tags(Public(at), limit=100)) == counts_at(posts, at), at
