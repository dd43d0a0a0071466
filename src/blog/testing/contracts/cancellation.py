"""The contract of `CancellableBlog`: a cancelled unit of work stops soon, and stores nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from blog.domain.accounts.actors import Member, Operator
from blog.domain.blog import Blog, CancellableBlog
from blog.domain.cancellation import Cancellation, Cancelled

from .blog import newest
from .fixtures import PASSWORD, as_member, create_post, create_post_in_unit, require_fixture

LONG = 60
"""Seconds to wait for a unit that should have stopped: far more than it needs."""

READS: list[Callable[[Blog], object]] = [
    lambda blog: blog.posts.page(),
    lambda blog: blog.posts.count(),
    lambda blog: blog.search.find("row"),
    lambda blog: blog.search.count("row"),
    lambda blog: blog.users.page(Operator()),
    lambda blog: blog.audit.page(Operator()),
]


class CancellationContract:
    """Needs a fixture `open_blog`: your blog, empty. A unit that waits for another must wait for more than a second."""

    @pytest.fixture
    def open_blog(self) -> CancellableBlog:
        """The blog to be tested."""
        require_fixture(self, "open_blog", "a CancellableBlog on empty stores")

    @pytest.fixture
    def ann(self, open_blog: CancellableBlog) -> Member:
        """A member of the blog."""
        with open_blog() as blog:
            return as_member(blog.users.add(Operator(), "ann", PASSWORD))

    def test_a_unit_that_is_not_cancelled_commits(self, open_blog: CancellableBlog, ann: Member) -> None:
        cancellation = Cancellation()
        with open_blog.cancellable(cancellation)() as blog:
            post = create_post(blog, ann)
        cancellation.cancel()  # which comes too late
        assert newest(open_blog) == [post]

    @pytest.mark.parametrize("read", READS, ids=["list", "count", "search", "count hits", "users", "audit"])
    def test_a_cancelled_unit_cannot_read(
        self, open_blog: CancellableBlog, ann: Member, read: Callable[[Blog], object]
    ) -> None:
        create_post_in_unit(open_blog, ann)
        cancellation = Cancellation()
        with pytest.raises(Cancelled), open_blog.cancellable(cancellation)() as blog:
            read(blog)
            cancellation.cancel()
            read(blog)
        with open_blog() as blog:
            read(blog)

    def test_a_unit_that_is_cancelled_before_it_begins_does_nothing(
        self, open_blog: CancellableBlog, ann: Member
    ) -> None:
        cancellation = Cancellation()
        cancellation.cancel()
        with pytest.raises(Cancelled), open_blog.cancellable(cancellation)() as blog:
            create_post(blog, ann)
        assert newest(open_blog) == []

    def test_a_unit_that_is_cancelled_between_two_writes_stores_neither(
        self, open_blog: CancellableBlog, ann: Member
    ) -> None:
        cancellation = Cancellation()
        with pytest.raises(Cancelled), open_blog.cancellable(cancellation)() as blog:
            create_post(blog, ann)
            cancellation.cancel()
            create_post(blog, ann)
        assert newest(open_blog) == []

    def test_a_unit_that_is_cancelled_after_its_last_write_stores_nothing(
        self, open_blog: CancellableBlog, ann: Member
    ) -> None:
        cancellation = Cancellation()
        with pytest.raises(Cancelled), open_blog.cancellable(cancellation)() as blog:
            create_post(blog, ann)
            cancellation.cancel()
        assert newest(open_blog) == []
        post = create_post_in_unit(open_blog, ann)
        assert newest(open_blog) == [post]

    def test_a_cancellation_cancels_all_its_units_and_no_others(self, open_blog: CancellableBlog, ann: Member) -> None:
        cancelled, other = Cancellation(), Cancellation()
        with open_blog.cancellable(other)() as blog:
            assert blog.posts.count() == 0
            cancelled.cancel()
            for _ in range(2):
                with pytest.raises(Cancelled), open_blog.cancellable(cancelled)() as stopped:
                    stopped.posts.count()
            post = create_post(blog, ann)
        assert newest(open_blog) == [post]

    def test_a_unit_that_waits_for_a_lock_is_cancelled_at_once(self, open_blog: CancellableBlog, ann: Member) -> None:
        post, cancellation, begun = create_post_in_unit(open_blog, ann), Cancellation(), Event()

        def wait_for_the_other() -> None:
            with open_blog.cancellable(cancellation)() as blog:
                begun.set()
                blog.posts.update(ann, post.id, body="changed")

        with ThreadPoolExecutor(1) as thread:
            with open_blog() as blog:
                changed = blog.posts.update(ann, post.id, title="Changed")
                waiting = thread.submit(wait_for_the_other)
                assert begun.wait(LONG)
                cancellation.cancel()
                with pytest.raises(Cancelled):
                    waiting.result(LONG)  # it would be `Unavailable`, had it waited as long as it may
            assert newest(open_blog) == [changed]

    def test_units_cancelled_while_they_read_harm_no_other(self, open_blog: CancellableBlog, ann: Member) -> None:
        posts = [create_post_in_unit(open_blog, ann) for _ in range(20)]

        def read_until_cancelled(cancellation: Cancellation) -> None:
            with pytest.raises(Cancelled), open_blog.cancellable(cancellation)() as blog:
                while True:
                    assert len(blog.posts.page().posts) == len(posts)

        with ThreadPoolExecutor(2) as threads:
            for _ in range(10):
                cancellations = [Cancellation() for _ in range(4)]
                reading = [threads.submit(read_until_cancelled, each) for each in cancellations]
                for cancellation in cancellations:
                    assert newest(open_blog) == posts[::-1]
                    cancellation.cancel()
                    assert newest(open_blog) == posts[::-1]
                for each in reading:
                    each.result(LONG)
