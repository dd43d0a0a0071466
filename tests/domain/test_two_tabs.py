"""An author edits a post in two tabs: no text that was accepted is lost, unless the author replaced or discarded it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.domain.actors import OPERATOR, PASSWORD, as_member

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.blog import Blog
from blog.domain.errors import BlogError, ValidationFailed
from blog.domain.posts.post import Post, Status, VersionConflict
from blog.domain.posts.working_copies import CopyOfPost, OutdatedWorkingCopy, WorkingCopy, WorkingCopyConflict
from blog.testing.contracts import CountedSecrets, FrozenClock

Result = TypeVar("Result")

tabs = st.integers(0, 1)


@dataclass
class Tab:
    """A tab of a browser: the version with which it began, and the tags that it has read last."""

    based_on: int
    copy_tag: str
    version_tag: str


class TwoTabs(RuleBasedStateMachine):
    """Every text is written once, so that it can be recognized."""

    def __init__(self) -> None:
        super().__init__()
        hasher = Argon2PasswordHasher(memory=8, iterations=1)
        self.clock = FrozenClock()
        self.open_blog = create_blog(MemoryStore(), hasher=hasher, now=self.clock, new_secret=CountedSecrets())
        self.numbers = count()
        with self.open_blog() as blog:
            self.author = as_member(blog.users.add(OPERATOR, "ann", PASSWORD))
            text = self.text()
            post = blog.posts.create(self.author, title=text, body=text, status=Status.DRAFT)
        self.post_id = post.id
        self.kept = {post.title}
        """The texts that were accepted and neither replaced nor discarded by the author."""
        self.tabs = [self.opened() for _ in range(2)]

    def text(self) -> str:
        return f"Text {next(self.numbers)}"

    def stored(self) -> CopyOfPost:
        with self.open_blog() as blog:
            return blog.working_copies.get(self.author, self.post_id)

    def opened(self) -> Tab:
        copy, post = self.stored()
        return Tab(copy.based_on, copy.tag, post.version_tag)

    @invariant()
    def no_text_is_lost(self) -> None:
        copy, post = self.stored()
        assert self.kept == {copy.content.title, post.title}
        assert 1 <= copy.based_on <= post.version

    @rule(tab=tabs)
    def open(self, tab: int) -> None:
        self.tabs[tab] = self.opened()

    @rule(tab=tabs, sends_tag=st.booleans(), is_blank=st.booleans())
    def save(self, tab: int, *, sends_tag: bool, is_blank: bool) -> None:
        seen, before, text = self.tabs[tab], self.stored(), self.text()
        body = "" if is_blank else text
        expected = [seen.copy_tag] if sends_tag else None
        has_seen = before.copy.tag == seen.copy_tag if sends_tag else before.copy.based_on == seen.based_on
        saved = self.attempt(
            lambda blog: blog.working_copies.save(
                self.author, self.post_id, based_on=seen.based_on, expected_tags=expected, title=text, body=body
            )
        )
        if isinstance(saved, WorkingCopyConflict):
            assert not has_seen
            assert before.copy.saved_at is not None or sends_tag
            assert (saved.copy, saved.post) == before == self.stored()  # both texts are told
            return
        assert isinstance(saved, CopyOfPost)
        assert has_seen or (before.copy.saved_at is None and not sends_tag)
        assert self.stored() == saved
        assert saved.is_outdated is (seen.based_on != before.post.version)
        self.replace(before.copy, text)
        seen.copy_tag = saved.copy.tag

    @rule(tab=tabs, sends_tag=st.booleans())
    def discard(self, tab: int, *, sends_tag: bool) -> None:
        before = self.stored()
        expected = [self.tabs[tab].copy_tag] if sends_tag else None
        error = self.attempt(
            lambda blog: blog.working_copies.discard(self.author, self.post_id, expected_tags=expected)
        )
        if error is not None:
            assert isinstance(error, WorkingCopyConflict)
            assert before.copy.tag != self.tabs[tab].copy_tag
            assert self.stored() == before
            return
        assert self.stored().copy == WorkingCopy.of(before.post)
        self.replace(before.copy, before.post.title)

    @rule(tab=tabs, sends_tag=st.booleans())
    def apply(self, tab: int, *, sends_tag: bool) -> None:
        before = self.stored()
        expected = [self.tabs[tab].version_tag] if sends_tag else None
        has_seen = self.tabs[tab].version_tag == before.post.version_tag if sends_tag else not before.is_outdated
        applied = self.attempt(
            lambda blog: blog.posts.apply_working_copy(self.author, self.post_id, expected_versions=expected)
        )
        if self.is_refused(applied, before, is_outdated=not has_seen):
            return
        self.became(before, applied)

    @rule()
    def publish(self) -> None:
        before = self.stored()
        published = self.attempt(lambda blog: blog.posts.publish(self.author, self.post_id))
        if before.post.published_at is not None:
            assert self.stored() == before == (before.copy, published)
        elif not self.is_refused(published, before, is_outdated=before.is_outdated):
            self.became(before, published)
            assert self.stored().post.version == before.post.version + 1

    @rule()
    def unpublish(self) -> None:
        before = self.stored()
        post = self.attempt(lambda blog: blog.posts.unpublish(self.author, self.post_id))
        assert isinstance(post, Post)
        copy = before.copy if before.copy.saved_at is not None else WorkingCopy.of(post)
        assert self.stored() == (copy, post)

    @rule(tab=tabs)
    def update(self, tab: int) -> None:
        """The other tab, or another client, changes the post itself."""
        before, text = self.stored(), self.text()
        expected = [self.tabs[tab].version_tag]
        post = self.attempt(
            lambda blog: blog.posts.update(self.author, self.post_id, expected_versions=expected, title=text, body=text)
        )
        if isinstance(post, VersionConflict):
            assert self.stored() == before
            return
        assert self.stored().post == post
        self.kept = {text} | ({before.copy.content.title} if before.copy.saved_at is not None else set())

    @rule(tab=tabs)
    def fail(self, tab: int) -> None:
        """A unit that fails after it saved and applied leaves everything as it was."""
        before = self.stored()

        def fail(blog: Blog) -> None:
            copies, base = blog.working_copies, before.copy.based_on
            copies.save(self.author, self.post_id, based_on=base, title=self.text(), body=f"Tab {tab}")
            blog.posts.apply_working_copy(self.author, self.post_id, expected_versions=[before.post.version])
            raise BlogError

        assert type(self.attempt(fail)) is BlogError
        assert self.stored() == before

    def attempt(self, use_case: Callable[[Blog], Result]) -> Result | BlogError:
        """Run a use case in a unit of work, a moment later. Return its result, or its error."""
        self.clock.move(timedelta(seconds=1))
        try:
            with self.open_blog() as blog:
                return use_case(blog)
        except BlogError as error:
            return error

    def is_refused(self, result: object, before: CopyOfPost, *, is_outdated: bool) -> bool:
        """Return whether the copy was not applied, for one of two reasons, and check that nothing changed."""
        has_copy = before.copy.saved_at is not None
        assert is_outdated is isinstance(result, OutdatedWorkingCopy if has_copy else VersionConflict)
        if isinstance(result, VersionConflict):
            assert result.post == before.post
        elif isinstance(result, OutdatedWorkingCopy):
            assert (result.copy, result.post) == before  # both texts are told
        elif isinstance(result, ValidationFailed):
            assert not before.copy.content.body
        else:
            return False
        assert self.stored() == before
        return True

    def became(self, before: CopyOfPost, post: object) -> None:
        """Check that the copy is the post now."""
        assert isinstance(post, Post)
        assert self.stored() == (WorkingCopy.of(post), post)
        assert (post.title, post.body) == (before.copy.content.title, before.copy.content.body)
        self.kept = {post.title}

    def replace(self, copy: WorkingCopy, text: str) -> None:
        """Note that the author has put a text in the place of this copy."""
        self.kept -= {copy.content.title} if copy.saved_at is not None else set()
        self.kept |= {text}


TestTwoTabs = TwoTabs.TestCase
