"""The contract of visibility: every method that returns posts, or numbers about posts, obeys `sees`."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest

from blog.domain.accounts.user import User
from blog.domain.blog import OpenStores, Stores
from blog.domain.posts.pagination import Position, PostFilter, SortOrder
from blog.domain.posts.post import Post, PostNotFound, Status
from blog.domain.posts.visibility import Everything, Holder, Own, Public, Reader, Reason, Sight, sees
from blog.domain.search.query import SearchQuery
from blog.domain.shared import PostId, UserId

from .fixtures import EVERYTHING, NOON, Failed, StoresFixture
from .lists import comes_after, in_order, passes
from .posts import add_user, make_post

HOUR: Final = timedelta(hours=1)
TICK: Final = timedelta(microseconds=1)

PUBLICATION_TIMES: Final = [None, NOON - HOUR, NOON - TICK, NOON, NOON + TICK, NOON + HOUR, NOON + 2 * HOUR]
"""The publication times of posts, of which each author has one each. None is a draft."""

DELETIONS: Final = [(NOON, None), (NOON - HOUR, NOON - HOUR), (NOON + TICK, NOON), (NOON, NOON + HOUR)]
"""When posts of each author were moved to the trash, and their former publication times."""

MOMENTS: Final = [NOON - 2 * HOUR, NOON - TICK, NOON, NOON + TICK, NOON + HOUR, NOON + 3 * HOUR]
"""The moments at which somebody looks."""

FILTERS: Final[list[PostFilter]] = [
    {},
    {"authors": ["ann"]},
    {"authors": ["ann", "Bob"]},
    {"published_after": NOON},
    {"published_before": NOON + HOUR},
    {"authors": ["Bob"], "published_after": NOON - TICK, "published_before": NOON + 5 * HOUR},
]

NOBODY: Final = UserId(1_000_000_007)


class PostVisibilityContract(StoresFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    @pytest.fixture
    def authors(self, open_stores: OpenStores) -> list[User]:
        """Two authors."""
        return [add_user(open_stores, name) for name in ("ann", "Bob")]

    @pytest.fixture
    def posts(self, open_stores: OpenStores, authors: list[User]) -> list[Post]:
        """A draft, published and scheduled posts of each author, and some in the trash, all with the same words."""
        with open_stores() as stores:
            shown = [_add(stores, author, at) for at in PUBLICATION_TIMES for author in authors]
            return shown + [_add_to_trash(stores, author, *times) for times in DELETIONS for author in authors]

    def test_a_post_is_got_if_the_sight_sees_it(
        self, open_stores: OpenStores, authors: list[User], posts: list[Post]
    ) -> None:
        with open_stores() as stores:
            for post in posts:
                for sight in (*_sights_of_one(authors), *(Holder(other.id) for other in posts)):
                    assert _got(stores, sight, post.id) == (post if sees(sight, post) else None), sight
        for sight in _sights_of_one(authors):
            if not isinstance(sight, Public | Holder):
                with open_stores() as stores:
                    locked = [_locked(stores, sight, post.id) for post in posts]
                assert locked == [post if sees(sight, post) else None for post in posts], sight

    def test_a_preview_link_shows_one_post_and_nothing_else(self, open_stores: OpenStores, posts: list[Post]) -> None:
        for held in posts:
            with open_stores() as stores:
                shown = [post for post in posts if _got(stores, Holder(held.id), post.id) is not None]
            assert shown == ([held] if held.deleted_at is None else [])
        with open_stores() as stores:
            assert [_got(stores, Holder(PostId(NOBODY)), post.id) for post in posts] == [None] * len(posts)
            assert _got(stores, Holder(PostId(NOBODY)), PostId(NOBODY)) is None

    @pytest.mark.parametrize("order", SortOrder)
    def test_a_list_has_the_posts_that_the_sight_sees(
        self, open_stores: OpenStores, authors: list[User], posts: list[Post], order: SortOrder
    ) -> None:
        with open_stores() as stores:
            for sight in _sights_of_lists(authors):
                for filters in FILTERS:
                    expected = [
                        post for post in in_order(posts, order) if sees(sight, post) and passes(post, **filters)
                    ]
                    assert list(stores.posts.page(sight, order, limit=100, **filters)) == expected, (sight, filters)
                    assert list(_walked(stores, sight, order, filters)) == expected, (sight, filters)

    @pytest.mark.parametrize("order", [SortOrder.NEWEST, SortOrder.OLDEST, SortOrder.UPDATED])
    def test_a_position_in_the_future_shows_no_scheduled_post(
        self, open_stores: OpenStores, authors: list[User], posts: list[Post], order: SortOrder
    ) -> None:
        with open_stores() as stores:
            for key in (*MOMENTS, NOON + 10_000 * HOUR):
                after = Position(key, PostId(2**63 - 1))
                for sight in _sights_of_lists(authors):
                    seen = [post for post in in_order(posts, order) if sees(sight, post)]
                    expected = [post for post in seen if comes_after(post, order, after)]
                    assert list(stores.posts.page(sight, order, limit=100, after=after)) == expected, (sight, after)

    def test_posts_are_counted_as_they_are_listed(
        self, open_stores: OpenStores, authors: list[User], posts: list[Post]
    ) -> None:
        with open_stores() as stores:
            for sight in _sights_of_lists(authors):
                for filters in FILTERS:
                    expected = sum(sees(sight, post) and passes(post, **filters) for post in posts)
                    assert stores.posts.count(sight, **filters) == expected, (sight, filters)

    def test_posts_of_an_author_are_read_as_the_sight_sees_them(
        self, open_stores: OpenStores, authors: list[User], posts: list[Post]
    ) -> None:
        with open_stores() as stores:
            for sight in _sights_of_readers(authors):
                if not isinstance(sight, Public):
                    for author in authors:
                        expected = [post for post in posts if post.author_id == author.id and sees(sight, post)]
                        expected.sort(key=lambda post: (post.created_at, post.id))
                        assert list(stores.posts.written_by(sight, author.id, limit=100)) == expected, sight
                        for number, post in enumerate(expected, 1):
                            after = post.creation_position
                            found = stores.posts.written_by(sight, author.id, limit=2, after=after)
                            assert list(found) == expected[number : number + 2], sight
                    assert list(stores.posts.written_by(sight, NOBODY, limit=100)) == []

    def test_a_search_finds_what_everybody_sees(self, open_stores: OpenStores, posts: list[Post]) -> None:
        query = SearchQuery.of("title")
        with open_stores() as stores:
            for at in MOMENTS:
                for filters in FILTERS:
                    expected = [post for post in posts if sees(Public(at), post) and passes(post, **filters)]
                    expected.sort(key=lambda post: post.id, reverse=True)
                    hits = stores.index.find(Public(at), query, limit=100, **filters)
                    assert [hit.post for hit in hits] == expected, (at, filters)
                    first = stores.index.find(Public(at), query, limit=1, **filters)
                    assert [hit.post for hit in first] == expected[:1], (at, filters)
                    assert stores.index.count(Public(at), query, **filters) == len(expected), (at, filters)

    def test_between_two_publications_nothing_appears(self, open_stores: OpenStores, posts: list[Post]) -> None:
        times = sorted({post.published_at for post in posts if post.published_at is not None})
        with open_stores() as stores:
            for at in MOMENTS:
                following = [time for time in times if time > at]
                assert stores.posts.next_publication(at) == (following[0] if following else None)
            for at, later in ((NOON, NOON + TICK), (NOON + TICK, NOON + HOUR)):
                before, until = Public(at), Public(later - TICK)
                assert stores.posts.next_publication(at) == later
                for order in SortOrder:
                    shown = list(stores.posts.page(before, order, limit=100))
                    assert shown == list(stores.posts.page(until, order, limit=100))
                assert stores.posts.count(Public(later)) > stores.posts.count(until)

    def test_an_empty_store_publishes_nothing(self, open_stores: OpenStores) -> None:
        with open_stores() as stores:
            assert stores.posts.next_publication(NOON) is None

    @pytest.mark.parametrize("status", Status)
    def test_posts_are_removed_and_reassigned_by_status(
        self, open_stores: OpenStores, authors: list[User], posts: list[Post], status: Status
    ) -> None:
        ann, bob = authors
        sight = Own(NOON, ann.id, status)
        some = {post.id for post in posts if sees(sight, post)}
        with open_stores() as stores:
            assert set(stores.posts.reassign_batch(sight, bob.id, limit=100)) == some
            assert list(stores.posts.reassign_batch(sight, bob.id, limit=100)) == []
        with open_stores() as stores:
            for post in posts:
                author = bob if post.id in some else next(each for each in authors if each.id == post.author_id)
                assert stores.posts.get(EVERYTHING, post.id) == replace(
                    post, author_id=author.id, author=author.username
                )
            removed: list[PostId] = []
            while batch := stores.posts.remove_batch(Own(NOON, bob.id, status), limit=1):
                assert len(batch) == 1
                removed += [post.id for post in batch]
                deletions = {post.deleted_at for post in posts if post.id == batch[0].id}
                assert {batch[0].deleted_at} == deletions
        of_bob = {post.id for post in posts if sees(Own(NOON, bob.id, status), post)}
        assert set(removed) == some | of_bob
        with open_stores() as stores:
            left = [post.id for post in posts if _got(stores, EVERYTHING, post.id) is not None]
        assert set(left) == {post.id for post in posts} - set(removed)

    def test_only_posts_that_were_deleted_before_are_purged(self, open_stores: OpenStores, posts: list[Post]) -> None:
        def purge(until: datetime, limit: int) -> set[PostId]:
            with open_stores() as stores:
                removed = stores.posts.purge_trash(EVERYTHING, until=until, limit=limit)
                assert {(post.id, post.deleted_at) for post in removed} <= deletions
                assert all(_got(stores, EVERYTHING, post.id) is None for post in removed)
                return {post.id for post in removed}

        deletions = {(post.id, post.deleted_at) for post in posts}
        by_deletion = sorted(
            (post.deleted_at, post.id) for post in posts if post.deleted_at is not None and post.deleted_at <= NOON
        )
        assert purge(NOON - HOUR - TICK, 100) == set()
        assert purge(NOON - TICK, 1) == {by_deletion[0][1]}
        assert purge(NOON, 2) == {post_id for _, post_id in by_deletion[1:3]}
        assert purge(NOON, 100) == {post_id for _, post_id in by_deletion[3:]}
        assert purge(NOON, 100) == set()
        purged = {post_id for _, post_id in by_deletion}
        with open_stores() as stores:
            for post in posts:
                assert _got(stores, EVERYTHING, post.id) == (None if post.id in purged else post)

    def test_a_failed_unit_purges_nothing(self, open_stores: OpenStores, posts: list[Post]) -> None:
        with pytest.raises(Failed), open_stores() as stores:
            assert len(stores.posts.purge_trash(EVERYTHING, until=NOON + HOUR, limit=100)) == 8
            raise Failed
        with open_stores() as stores:
            assert [stores.posts.get(EVERYTHING, post.id) for post in posts] == posts

    def test_a_post_that_is_restored_meanwhile_is_not_purged(self, open_stores: OpenStores, posts: list[Post]) -> None:
        trashed = next(post for post in posts if post.deleted_at == NOON - HOUR)
        restored = trashed.restored()

        def purge() -> set[PostId]:
            with open_stores() as stores:
                return {post.id for post in stores.posts.purge_trash(EVERYTHING, until=NOON - HOUR, limit=100)}

        with ThreadPoolExecutor(1) as thread:
            with open_stores() as stores:
                stores.posts.save(restored, previous=stores.posts.get_for_update(EVERYTHING, trashed.id))
                purged = thread.submit(purge)
                wait([purged], timeout=0.2)
            assert trashed.id not in purged.result(timeout=10)
        with open_stores() as stores:
            assert stores.posts.get(EVERYTHING, trashed.id) == restored

    def test_a_unit_sees_what_it_has_published_and_unpublished(
        self, open_stores: OpenStores, authors: list[User], posts: list[Post]
    ) -> None:
        draft, published = posts[0], posts[2]
        query, now = SearchQuery.of("title"), Public(NOON)
        with open_stores() as stores:
            shown = replace(draft, published_at=NOON, version=8)
            stores.posts.save(shown, previous=draft)
            stores.index.put(shown)
            hidden = replace(published, published_at=None, version=8)
            stores.posts.save(hidden, previous=published)
            stores.index.remove(hidden.id)
            for _ in range(2):
                listed = stores.posts.page(now, SortOrder.NEWEST, limit=100)
                found = [hit.post for hit in stores.index.find(now, query, limit=100)]
                assert shown in listed
                assert shown in found
                assert hidden.id not in {post.id for post in (*listed, *found)}
                drafts = stores.posts.page(Own(NOON, authors[0].id, Status.DRAFT), SortOrder.NEWEST, limit=9)
                assert list(drafts) == [hidden]


def _add(stores: Stores, author: User, published_at: datetime | None) -> Post:
    """Store a post, and index it as the domain does: unless it is a draft."""
    post = stores.posts.add(replace(make_post(author), published_at=published_at))
    if published_at is not None:
        stores.index.put(post)
    return post


def _add_to_trash(stores: Stores, author: User, at: datetime, former: datetime | None) -> Post:
    trashed = replace(make_post(author), published_at=None, deleted_at=at, former_published_at=former)
    return stores.posts.add(trashed)


def _sights_of_readers(authors: Sequence[User]) -> list[Public | Reader | Everything]:
    readers = [Reader(at, user_id) for at in MOMENTS for user_id in (*(author.id for author in authors), NOBODY)]
    return [*map(Public, MOMENTS), *readers, *map(Everything, Reason)]


def _sights_of_one(authors: Sequence[User]) -> list[Sight]:
    """Return the sights by which one post is got."""
    return [*_sights_of_readers(authors), *_sights_of_lists(authors)]


def _sights_of_lists(authors: Sequence[User]) -> list[Public | Own]:
    own = [Own(at, author.id, status) for at in MOMENTS for author in authors for status in Status]
    return [*map(Public, MOMENTS), *own]


def _got(stores: Stores, sight: Sight, post_id: PostId) -> Post | None:
    try:
        return stores.posts.get(sight, post_id)
    except PostNotFound as error:
        assert str(error) == f"There is no post {post_id}."
        return None


def _locked(stores: Stores, sight: Reader | Own | Everything, post_id: PostId) -> Post | None:
    try:
        return stores.posts.get_for_update(sight, post_id)
    except PostNotFound:
        return None


def _walked(stores: Stores, sight: Public | Own, order: SortOrder, filters: PostFilter) -> Iterator[Post]:
    """Return all posts of a list, read in pages of two."""
    after = None
    while page := stores.posts.page(sight, order, limit=2, after=after, **filters):
        yield from page
        after = page[-1].position_in(order)
