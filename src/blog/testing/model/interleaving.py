"""The contract of two concurrent units of work, for any steps and any interleaving."""

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from itertools import chain, cycle
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from blog.domain.accounts.actors import Member, Operator
from blog.domain.blog import OpenBlog
from blog.domain.posts.post import Post
from blog.testing.contracts.fixtures import as_member, require_fixture

from .interleaving_model import Create, Delete, Find, Increase, Kept, List, Read
from .units import SOON, Plan, Unit

PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - everybody's example

numbers = st.integers(0, 1)
"""One of two posts: few, so that the units conflict."""

plans = st.builds(
    Plan,
    st.lists(
        st.one_of(
            st.builds(Increase, numbers),
            st.builds(Increase, numbers),
            st.builds(Read, numbers),
            st.builds(Delete, numbers),
            st.builds(List),
            st.builds(Find, st.sampled_from(("Shared", "New"))),
            st.builds(Create),
        ),
        min_size=2,
        max_size=5,
    ),
    fails=st.sampled_from((False, False, True)),
)
schedules = st.lists(st.integers(0, 1), min_size=4, max_size=12)
"""The schedule of the two units. A unit that waits for a lock loses its turn."""

CROSSED: Final = (
    Plan([Increase(0), Increase(1)], fails=False),
    Plan([Increase(1), Increase(0)], fails=False),
    [0, 0, 1, 1, 0, 1],
)
"""Schedules in which each unit locks what the other one needs next: a deadlock."""


class InterleavingContract:
    """Needs a fixture `open_blog`: your blog, empty. A unit that waits for another must wait for more than a second.

    Each unit runs on a thread of its own, one step at a time, and a model foretells what each step finds. A unit may be
    refused while the other one writes, if it keeps nothing and the other goes through.
    """

    interleavings: int = 50
    """The number of examples."""

    @pytest.fixture
    def open_blog(self) -> OpenBlog:
        """The blog to be tested."""
        require_fixture(self, "open_blog", "an OpenBlog on empty stores")

    def test_units_at_once_mean_what_they_would_one_after_the_other(self, open_blog: OpenBlog) -> None:
        with open_blog() as blog:
            ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))

        @settings(
            max_examples=self.interleavings,
            database=None,
            report_multiple_bugs=False,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(plans, plans, schedules)
        @example(*CROSSED)
        def interleave(first: Plan, second: Plan, schedule: Sequence[int]) -> None:
            kept = Kept(ann, two_posts(open_blog, ann))
            one, other = (
                Unit(kept, open_blog, thread, plan, mark)
                for thread, plan, mark in zip(threads, (first, second), "ab", strict=True)
            )
            try:
                run((one, other), schedule)
            finally:
                one.abandon()
                other.abandon()
            assert not (one.refused and other.refused)
            assert newest(open_blog) == kept.newest()

        with ExitStack() as stack:
            threads = [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(2)]
            interleave()


def run(units: tuple[Unit, Unit], schedule: Sequence[int]) -> None:
    """Give turns until both have ended. A unit that waits for a lock continues when it is released."""
    for turn in chain(schedule, cycle((0, 1))):
        for unit, beside in (units, units[::-1]):
            unit.settle(beside)
        ready = [number for number in (turn, 1 - turn) if not units[number].ended and units[number].waits is None]
        if ready:
            units[ready[0]].go_on(units[1 - ready[0]])
        elif waiting := [unit.waits for unit in units if unit.waits is not None]:
            assert wait(waiting, timeout=SOON, return_when=FIRST_COMPLETED).done, "nobody resolves the deadlock"
        else:
            return


def two_posts(open_blog: OpenBlog, author: Member) -> list[Post]:
    """Replace all posts by new ones, with new ids."""
    with open_blog() as blog:
        old = blog.posts.page(limit=100).posts
        for post in old:
            blog.posts.delete(author, post.id)
        posts = [blog.posts.create(author, title="Shared", body="-") for _ in range(2)]
    assert min(post.id for post in posts) > max((post.id for post in old), default=0)
    return posts


def newest(open_blog: OpenBlog) -> list[Post]:
    """Return what is stored, in a new unit."""
    with open_blog() as blog:
        return list(blog.posts.page(limit=100).posts)
