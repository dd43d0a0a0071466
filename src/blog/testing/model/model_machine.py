"""Random sequences of use cases by random users: all stores agree, and only authors change their posts."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from blog.domain.accounts.actors import Operator
from blog.domain.accounts.invitations import Registration
from blog.domain.blog import Blog, BlogConfig, OpenBlog
from blog.domain.errors import BlogError
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import Post, PostNotFound, Status
from blog.testing.contracts.fixtures import Failed, as_member
from blog.testing.contracts.system import FrozenClock

from .account_commands import AddUser, Invite, LogIn
from .blog_under_test import Change, Side, Step
from .post_commands import Create
from .strategies import PASSWORDS, Entrance, entrances, post_steps, steps


class AgreementMachine(RuleBasedStateMachine):
    """Drives several blogs side by side; the first one is right.

    Inherit it, say which `blogs`, and let pytest find its `TestCase`:

        class MyMachine(AgreementMachine):
            def blogs(self):
                return [blog_on(stores, now=self.clock, config=self.config) for stores in (...)]

        TestMyStoresAgree = MyMachine.TestCase
    """

    config: BlogConfig = BlogConfig(
        registration=Registration.INVITE,
        token_lifetime=timedelta(hours=2),
        token_idle=timedelta(hours=1),
        revisions=3,
    )
    """The configuration of the blogs. Its tokens expire, and revisions are dropped, while the machine runs."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FrozenClock()
        self._kept: dict[int, Post] = {}
        self._versions: dict[int, list[int]] = {}
        self._sides: list[Side] = []

    def blogs(self) -> Sequence[OpenBlog]:
        """The blogs to compare: empty, at `self.clock`, on `self.config`."""
        raise NotImplementedError(f"{type(self).__name__} must say which `blogs` it compares.")

    @initialize()
    def two_authors(self) -> None:
        """Two people have accounts, tokens and posts, so that there is something to change and somebody to envy."""
        self._sides = [Side(open_blog) for open_blog in self.blogs()]
        for username in ("ann", "BOB"):
            self.unit([AddUser(None, username, PASSWORDS[0], is_admin=username == "ann"), Invite(None, 1)])
            self.entrance(LogIn(username, PASSWORDS[0], 0))
            self.unit([Create(0, "Hello", f"from {username}"), Create(0, "Hello again", "")])

    @rule(step=steps)
    def one_step(self, step: Step) -> None:
        """A unit of one step, which a refusal ends."""
        self._agree([outcome(side, [step], caught=False) for side in self._sides])

    @rule(several=st.lists(steps, min_size=2, max_size=6), fails=st.booleans())
    def unit(self, several: list[Step], *, fails: bool = False) -> None:
        """A unit of several steps, refusals in which are caught, and which may fail when all is done."""
        self._agree([outcome(side, several, fails=fails) for side in self._sides])

    @rule(several=st.lists(post_steps, min_size=3, max_size=8))
    def unit_of_posts(self, several: list[Step]) -> None:
        """A unit that has to do with posts alone, refusals in which are caught."""
        self._agree([outcome(side, several) for side in self._sides])

    @rule(step=entrances)
    def entrance(self, step: Entrance) -> None:
        """Run a command that opens its own units, and may fail."""
        self._agree([entered(side, step) for side in self._sides])

    @rule(hours=st.sampled_from((0.1, 0.2, 0.5, 1, 2, 24 * 30)))
    def time_passes(self, hours: float) -> None:
        self.clock.move(timedelta(hours=hours))

    @invariant()
    def all_keep_the_same(self) -> None:
        self._agree([(posts(side), listed(side), *administered(side)) for side in self._sides])

    @invariant()
    def nobody_sees_what_is_not_published(self) -> None:
        for side in self._sides:
            with side.unit() as blog:
                now, users = self.clock(), [as_member(user) for user in blog.users.page(Operator())]
                assert all(post.status(now) is Status.PUBLISHED for post in walked(blog, SortOrder.NEWEST, 50))
                for author in users:
                    for status in (Status.DRAFT, Status.SCHEDULED, Status.TRASHED):
                        for post in blog.posts.own_page(author, status, limit=50).posts:
                            assert (post.author_id, post.status(now)) == (author.user_id, status)
                            hidden_from = [user for user in users if user is not author or status is Status.TRASHED]
                            for other in (None, *hidden_from):
                                with pytest.raises(PostNotFound):
                                    blog.posts.get(post.id, other)

    @invariant()
    def every_version_is_kept(self) -> None:
        """The numbers of the versions of a post have no gap since its first one, except beyond the limit."""
        for side in self._sides:
            with side.unit() as blog:
                for user in blog.users.page(Operator()):
                    author = as_member(user)
                    # Posts in the trash have no readable versions. Those of deleted accounts have lost theirs.
                    for status in set(Status) - {Status.TRASHED} if not user.is_reserved else ():
                        for post in blog.posts.own_page(author, status, limit=50).posts:
                            page = blog.revisions.page(author, post.id, limit=100)
                            numbers = [each.number for each in page.revisions]
                            assert len(numbers) <= 1 + self.config.revisions
                            assert numbers == list(range(post.version, post.version - len(numbers), -1))
                            self._check_kept(int(side.seen_post(post).id), numbers)

    def _check_kept(self, post: int, numbers: list[int]) -> None:
        """Check that a version disappears only for newer ones, beyond the limit."""
        before = self._versions.setdefault(post, numbers)
        lost = set(before) - set(numbers)
        assert not lost or len(numbers) == 1 + self.config.revisions
        self._versions[post] = numbers

    @invariant()
    def nobody_changed_a_post_that_is_not_theirs(self) -> None:
        side = self._sides[0]
        kept = posts(side)
        for number, post in self._kept.items():
            unchanged = number in kept and replace(kept[number], author=post.author) == post  # who may be renamed
            is_by_author = Change(number, by=post.author_id) in side.changes or post.author_id in side.deletions
            assert unchanged or is_by_author
        self._kept = kept
        for each in self._sides:
            each.changes.clear()
            each.deletions.clear()

    def _agree(self, seen: list[object]) -> None:
        for other in seen[1:]:
            assert other == seen[0]


def outcome(side: Side, several: Sequence[Step], *, caught: bool = True, fails: bool = False) -> list[object]:
    """Return the results of these steps in one unit of work of one blog."""
    seen: list[object] = []
    with suppress(BlogError, Failed), side.unit() as blog:
        for step in several:
            try:
                seen.append(step(blog, side))
            except BlogError as refusal:
                seen.append(type(refusal))
                if not caught:
                    raise
        if fails:
            raise Failed
    return seen


def posts(side: Side) -> dict[int, Post]:
    """Every post by when it appeared, found page by page and one by one."""
    with side.unit() as blog:
        seen = walked(blog, SortOrder.NEWEST, 3)
        assert [blog.posts.get(post.id) for post in seen] == seen
    return {int(post.id): post for post in map(side.seen_post, seen)}


def listed(side: Side) -> list[object]:
    """In which order posts come, and which are found by what many say."""
    with side.unit() as blog:
        lists = [walked(blog, order, 50) for order in (SortOrder.OLDEST, SortOrder.UPDATED, SortOrder.TITLE)]
        return [
            side.seen_findings(blog.search.find("hello", limit=50)),
            *(list(map(side.seen_post, each)) for each in lists),
        ]


def walked(blog: Blog, order: SortOrder, limit: int) -> list[Post]:
    """Every post, as somebody comes by it who asks for page after page."""
    page = blog.posts.page(order, limit=limit)
    seen = [*page.posts]
    while page.next is not None:
        page = blog.posts.page(order, limit=limit, after=page.next)
        assert page.posts[0] not in seen, "a page begins with what an earlier one had"
        seen += page.posts
    return seen


def entered(side: Side, step: Entrance) -> object:
    """Return the result of a step that opens its own units."""
    try:
        return step(side)
    except BlogError as refusal:
        return type(refusal), str(refusal)


def administered(side: Side) -> tuple[object, ...]:
    """Every user with their tokens and posts, every invitation, what was recorded last, and what is proven."""
    with side.unit() as blog:
        users = blog.users.page(Operator())
        tokens = [side.seen_token(token) for user in users for token in blog.tokens.list_for(Operator(), user.id)]
        invitations = [side.seen_invitation(invitation) for invitation in blog.invitations.page(Operator())]
        entries = [side.seen_entry(entry) for entry in blog.audit.page(Operator(), limit=30).entries]
        verdict = side.seen_verdict(blog.audit.verify(Operator()))
        own = [blog.posts.own_page(as_member(user), status, limit=50) for user in users for status in Status]
        unpublished = [side.seen_page(page) for page in own]
        return [side.seen_user(user) for user in users], tokens, invitations, entries, verdict, unpublished
