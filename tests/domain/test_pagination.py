"""Lists of posts."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.actors import OPERATOR, PASSWORD, as_member

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.user import User
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.pagination import Position, PostFilter, SortOrder
from blog.domain.posts.post import Post
from blog.domain.posts.use_cases import PostPage
from blog.domain.search.tokenizer import sort_key
from blog.domain.shared import MAX_PAGE_SIZE, PostId
from blog.testing.contracts import FrozenClock

NOON = FrozenClock()()
HOUR = timedelta(hours=1)
ORDERED = {
    SortOrder.NEWEST: lambda post: (NOON - post.created_at, -post.id),
    SortOrder.OLDEST: lambda post: (post.created_at, post.id),
    SortOrder.UPDATED: lambda post: (NOON - post.updated_at, -post.id),
    SortOrder.TITLE: lambda post: (sort_key(post.title), post.id),
}
"""By what posts are sorted."""


@pytest.fixture
def written(open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User) -> Sequence[Post]:
    """Six posts, an hour between one and the next; the second was changed last, and in the hour of the fifth."""
    posts: list[Post] = []
    for author, title in ((ann, "Été"), (bob, "beta"), (ann, "Beta"), (bob, "alpha"), (ann, "Alpha"), (bob, "été")):
        with open_blog() as blog:
            posts.append(blog.posts.create(as_member(author), title=title, body="World"))
            if len(posts) == 5:
                posts[1] = blog.posts.update(as_member(bob), posts[1].id, body="Other")
        clock.move(HOUR)
    return posts


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (SortOrder.NEWEST, [6, 5, 4, 3, 2, 1]),
        (SortOrder.OLDEST, [1, 2, 3, 4, 5, 6]),
        (SortOrder.UPDATED, [6, 5, 2, 4, 3, 1]),
        (SortOrder.TITLE, [4, 5, 2, 3, 1, 6]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 7])
def test_order_is_independent_of_page_size(
    open_blog: OpenBlog, written: Sequence[Post], order: SortOrder, expected: list[int], limit: int
) -> None:
    with open_blog() as blog:
        pages = list(walk(blog, order, limit))
    assert [post for page in pages for post in page.posts] == [written[number - 1] for number in expected]
    assert [len(page.posts) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert len(pages) == -(-6 // limit)


def walk(blog: Blog, order: SortOrder, limit: int, filters: PostFilter | None = None) -> Iterator[PostPage]:
    page = blog.posts.page(order, limit=limit, **filters or {})
    yield page
    while page.next is not None:
        page = blog.posts.page(order, limit=limit, after=page.next, **filters or {})
        yield page


def test_default_page_is_the_newest_twenty(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        posts = [blog.posts.create(as_member(ann), title="Hello", body="World") for _ in range(21)]
        assert blog.posts.page() == PostPage(posts[:0:-1], next=posts[1].position_in(SortOrder.NEWEST))
        assert blog.posts.page(after=Position(NOON, posts[1].id)) == PostPage([posts[0]], next=None)


def test_full_last_page_has_no_next_position(open_blog: OpenBlog, written: Sequence[Post]) -> None:
    with open_blog() as blog:
        assert blog.posts.page(SortOrder.OLDEST, limit=6) == PostPage(written, next=None)
        assert blog.posts.page(SortOrder.OLDEST, limit=5) == PostPage(
            written[:5], next=Position(NOON + 4 * HOUR, written[4].id)
        )
        assert blog.posts.page(SortOrder.OLDEST, after=written[5].position_in(SortOrder.OLDEST)) == PostPage(
            [], next=None
        )


def test_position_is_the_sort_key_of_a_post(written: Sequence[Post]) -> None:
    post = replace(written[0], updated_at=NOON + HOUR)
    assert {order: post.position_in(order) for order in SortOrder} == {
        SortOrder.NEWEST: Position(NOON, post.id),
        SortOrder.OLDEST: Position(NOON, post.id),
        SortOrder.UPDATED: Position(NOON + HOUR, post.id),
        SortOrder.TITLE: Position("ete", post.id),
    }


def test_newest_first_with_ties_broken_by_descending_id() -> None:
    assert {order for order in SortOrder if order.is_descending} == {SortOrder.NEWEST, SortOrder.UPDATED}


@pytest.mark.parametrize("order", SortOrder)
def test_deleting_the_last_post_of_a_page_skips_nothing(
    open_blog: OpenBlog, written: Sequence[Post], ann: User, bob: User, order: SortOrder
) -> None:
    with open_blog() as blog:
        everything = blog.posts.page(order).posts
        page = blog.posts.page(order, limit=3)
        assert page.next is not None
        last = page.posts[-1]
        blog.posts.delete(as_member(ann if last.author == "ann" else bob), last.id)
        assert list(blog.posts.page(order, after=page.next).posts) == list(everything[3:])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"authors": ["ann"]}, [1, 3, 5]),
        ({"authors": ["ANN"]}, [1, 3, 5]),
        ({"authors": {"ann", "bOB"}}, [1, 2, 3, 4, 5, 6]),
        ({"authors": ["bob", "nobody"]}, [2, 4, 6]),
        ({"authors": ["nobody"]}, []),
        ({"authors": []}, []),
        ({"published_after": NOON + 2 * HOUR}, [3, 4, 5, 6]),
        ({"published_before": NOON + 2 * HOUR}, [1, 2]),
        ({"published_after": NOON + HOUR, "published_before": NOON + 3 * HOUR}, [2, 3]),
        ({"published_after": NOON + HOUR, "published_before": NOON + HOUR}, []),
        ({"authors": ["ann"], "published_after": NOON + HOUR, "published_before": NOON + 4 * HOUR}, [3]),
    ],
)
def test_filters_apply_to_pages_and_counts(
    open_blog: OpenBlog, written: Sequence[Post], filters: PostFilter, expected: list[int]
) -> None:
    chosen = [written[number - 1] for number in expected]
    with open_blog() as blog:
        assert blog.posts.count(**filters) == len(expected)
        for order in SortOrder:
            found = [post for page in walk(blog, order, 2, filters) for post in page.posts]
            assert found == [post for post in blog.posts.page(order).posts if post in chosen]
            assert len(found) == len(expected)


def test_author_filter_uses_the_current_name(open_blog: OpenBlog, written: Sequence[Post], ann: User) -> None:
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, username="anna")
    with open_blog() as blog:
        assert [post.author for post in blog.posts.page(authors=["Anna"]).posts] == ["anna"] * 3
        assert blog.posts.page(authors=["ann"]) == PostPage([], next=None)
        assert (blog.posts.count(authors=["ann"]), blog.posts.count(authors=["anna"])) == (0, 3)


def test_lists_include_uncommitted_changes_of_the_same_unit(
    open_blog: OpenBlog, written: Sequence[Post], ann: User
) -> None:
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), written[0].id)
        renamed = blog.posts.update(as_member(ann), written[2].id, title="Zeta")
        new = blog.posts.create(as_member(ann), title="aardvark", body="World")
        assert blog.posts.count() == 6
        assert blog.posts.page(SortOrder.TITLE, limit=1).posts == [new]
        assert blog.posts.page(SortOrder.TITLE).posts[-2:] == [written[5], renamed]
        assert blog.posts.page(SortOrder.UPDATED, limit=2).posts == [new, renamed]


MOVES = st.lists(st.tuples(st.sampled_from(["create", "delete", "change", "page"]), st.integers(0, 9)), max_size=20)


@given(st.sampled_from(SortOrder), st.integers(1, 4), MOVES)
@settings(max_examples=25, deadline=None)
def test_paging_shows_unchanged_posts_exactly_once_despite_concurrent_changes(
    cheap_hasher: PasswordHasher, order: SortOrder, limit: int, moves: list[tuple[str, int]]
) -> None:
    """Changed posts may move in the orders by change and by title; all other posts keep their positions."""
    moments = count()

    def now() -> datetime:
        return NOON + timedelta(minutes=next(moments) // 7)

    with create_blog(MemoryStore(), hasher=cheap_hasher, now=now)() as blog:
        ann = as_member(blog.users.add(OPERATOR, "ann", PASSWORD))
        first = [blog.posts.create(ann, title="bca"[n % 3], body="World") for n in range(10)]
        untouched = {post.id: post for post in first}
        page, seen = blog.posts.page(order, limit=limit), list[Post]()
        seen += page.posts
        for move, number in [*moves, *[("page", 0)] * 30]:
            post = first[number]
            if move == "create":
                blog.posts.create(ann, title="bca"[number % 3], body="World")
            elif move == "page" and page.next is not None:
                page = blog.posts.page(order, limit=limit, after=page.next)
                seen += page.posts
            elif move == "delete" and post.id in untouched:
                del untouched[post.id]
                blog.posts.delete(ann, post.id)
            elif move == "change" and post.id in untouched:
                del untouched[post.id]
                blog.posts.update(ann, post.id, title="abc"[number % 3] + "d")
    of_first = [post for post in seen if post.id in untouched]
    assert of_first == sorted(untouched.values(), key=ORDERED[order])


@pytest.fixture(scope="module")
def cheap_hasher(hasher: PasswordHasher) -> PasswordHasher:
    return hasher


@pytest.mark.parametrize("limit", [1, MAX_PAGE_SIZE])
def test_page_size_limits(open_blog: OpenBlog, limit: int) -> None:
    with open_blog() as blog:
        assert blog.posts.page(limit=limit, after=Position(NOON, PostId(10))) == PostPage([], next=None)


@pytest.mark.parametrize("limit", [-1, 0, MAX_PAGE_SIZE + 1, 2**70])
@pytest.mark.parametrize("order", SortOrder)
def test_other_page_sizes_are_refused(open_blog: OpenBlog, order: SortOrder, limit: int) -> None:
    with open_blog() as blog, pytest.raises(ValidationFailed) as refusal:
        blog.posts.page(order, limit=limit)
    assert refusal.value.errors == (FieldError("limit", f"must be a whole number from 1 to {MAX_PAGE_SIZE}"),)
