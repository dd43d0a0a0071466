"""Whatever sequence of use cases by whichever users: all stores agree, and nobody ever changed a post not theirs."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from blog.domain.accounts import Operator, User
from blog.domain.blog import OpenBlog
from blog.domain.errors import BlogError
from blog.domain.posts import BODY_LONGEST, TITLE_LONGEST, Post, PostChanges

from .steps import (
    AddUser,
    Administer,
    Authenticate,
    Change,
    Create,
    Delete,
    ListPosts,
    ListUsers,
    LogIn,
    LogOut,
    Read,
    SetPassword,
    Side,
    Step,
    Update,
)
from .system import StandingClock

USERNAMES: Final = ("ann", "Ann", "BOB", "bob", "c_d")
PASSWORDS: Final = ("correct horse battery staple", "Correct Horse Battery Staple", "too short")

usernames = st.sampled_from(USERNAMES) | st.sampled_from(("nobody", "", "two words", "a%", "c.d"))
passwords = st.sampled_from(PASSWORDS)
texts = st.text(st.characters(), max_size=12) | st.sampled_from(("plain", " ", "\0", "\u212a", "\ud800"))
texts |= st.sampled_from((TITLE_LONGEST, TITLE_LONGEST + 1, BODY_LONGEST + 1)).map("x".__mul__)
fine_texts = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)
"""Texts that are good for a post, mixed in so that enough posts come to be."""

numbers = st.integers(0, 3)
admins = st.none() | numbers
limits = st.integers(1, 4)
changes: st.SearchStrategy[PostChanges] = st.fixed_dictionaries(  # type: ignore[assignment]  # a TypedDict is a dict
    {}, optional={"title": fine_texts | texts, "body": fine_texts | texts}
)

steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(AddUser, admins, usernames, passwords, st.booleans()),
    st.builds(LogIn, st.sampled_from(USERNAMES), passwords),
    st.builds(LogIn, st.sampled_from(USERNAMES), st.just(PASSWORDS[0])),
    st.builds(Authenticate, numbers),
    st.builds(LogOut, numbers),
    st.builds(Administer, st.sampled_from(("activate", "deactivate", "revoke_tokens")), admins, usernames),
    st.builds(SetPassword, admins, usernames, passwords),
    st.builds(ListUsers, admins, limits, st.none() | numbers),
    st.builds(Create, numbers, fine_texts, fine_texts),
    st.builds(Create, numbers, texts, texts),
    st.builds(Update, numbers, numbers, changes),
    st.builds(Update, numbers, numbers, st.builds(PostChanges, title=fine_texts)),
    st.builds(Delete, numbers, numbers),
    st.builds(Read, numbers),
    st.builds(ListPosts, limits | st.just(0), st.none() | numbers),
)


class _Failed(Exception):
    """What goes wrong at the end of a unit."""


class AgreementMachine(RuleBasedStateMachine):
    """Drives several blogs side by side; the first one is right.

    Inherit it, say which `blogs`, and let pytest find its `TestCase`:

        class MyMachine(AgreementMachine):
            def blogs(self):
                return [blog_on(stores, now=self.clock, token_lifetime=self.lifetime) for stores in (...)]

        TestMyStoresAgree = MyMachine.TestCase
    """

    lifetime: timedelta = timedelta(hours=2)
    """How long tokens are good, so that they expire while the machine runs."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = StandingClock()
        self._kept: dict[int, Post] = {}
        self._sides: list[Side] = []

    def blogs(self) -> Sequence[OpenBlog]:
        """The blogs to compare: empty, at `self.clock`, with tokens good for `self.lifetime`."""
        raise NotImplementedError(f"{type(self).__name__} must say which `blogs` it compares.")

    @initialize()
    def two_authors(self) -> None:
        """Two people have accounts, tokens and posts, so that there is something to change and somebody to envy."""
        self._sides = [Side(open_blog) for open_blog in self.blogs()]
        for username in ("ann", "BOB"):
            self.unit([AddUser(None, username, PASSWORDS[0], is_admin=False), LogIn(username, PASSWORDS[0])])
            self.unit([Create(0, "Hello", f"from {username}"), Create(0, "Hello again", "")])

    @rule(step=steps)
    def one_step(self, step: Step) -> None:
        """A unit of one step, which a refusal ends."""
        self._agree([outcome(side, [step], caught=False) for side in self._sides])

    @rule(several=st.lists(steps, min_size=2, max_size=6), fails=st.booleans())
    def unit(self, several: list[Step], *, fails: bool = False) -> None:
        """A unit of several steps, refusals in which are caught, and which may fail when all is done."""
        self._agree([outcome(side, several, fails=fails) for side in self._sides])

    @rule(hours=st.sampled_from((0.1, 0.5, 1, 2)))
    def time_passes(self, hours: float) -> None:
        self.clock.move(timedelta(hours=hours))

    @invariant()
    def all_keep_the_same(self) -> None:
        self._agree([(posts(side), users(side)) for side in self._sides])

    @invariant()
    def nobody_changed_a_post_that_is_not_theirs(self) -> None:
        side = self._sides[0]
        kept = posts(side)
        for number, post in self._kept.items():
            assert kept.get(number) == post or Change(number, by=post.author_id) in side.changes
        self._kept = kept
        for each in self._sides:
            each.changes.clear()

    def _agree(self, seen: list[object]) -> None:
        for other in seen[1:]:
            assert other == seen[0]


def outcome(side: Side, several: Sequence[Step], *, caught: bool = True, fails: bool = False) -> list[object]:
    """What one side makes of a unit of work of these steps."""
    seen: list[object] = []
    with suppress(BlogError, _Failed), side.unit() as blog:
        for step in several:
            try:
                seen.append(step(blog, side))
            except BlogError as refusal:
                seen.append(type(refusal))
                if not caught:
                    raise
        if fails:
            raise _Failed
    return seen


def posts(side: Side) -> dict[int, Post]:
    """Every post by when it appeared, found page by page and one by one."""
    seen: list[Post] = []
    with side.unit() as blog:
        page = blog.posts.newest(limit=2)
        seen += page.posts
        while page.next_before is not None:
            page = blog.posts.newest(limit=2, before=page.next_before)
            seen += page.posts
        assert [blog.posts.get(post.id) for post in seen] == seen
    return {int(post.id): post for post in map(side.seen_post, seen)}


def users(side: Side) -> list[User]:
    """Every user."""
    with side.unit() as blog:
        return [side.seen_user(user) for user in blog.accounts.page(Operator())]
