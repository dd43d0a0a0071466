"""Slugs of posts: which post has, or had, which slug."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from blog.domain.errors import FieldError, NotFound, ValidationFailed
from blog.domain.shared import PostId

from .post import Post
from .repository import PostRepository
from .slug import normalize_slug, numbered, slug_of
from .visibility import Everything, Reason


class PostGone(NotFound):
    """The post that had this slug was deleted. No other post ever gets the slug."""

    def __init__(self) -> None:
        super().__init__("The post that had this address was deleted.")


class SlugUnknown(NotFound):
    """No visible post has, or had, this slug."""

    def __init__(self) -> None:
        super().__init__("There is no post with this address.")


@dataclass(frozen=True, slots=True)
class SlugEntry:
    """A slug, the post that has or had it, and the time from which everybody could see the post under it."""

    slug: str
    post_id: PostId
    since: datetime


class SlugStore(Protocol):
    """Stores slugs. An entry outlives its post, so that no slug is given to two posts."""

    def add(self, entry: SlugEntry) -> SlugEntry:
        """Store an entry, unless the slug has one. Return the stored entry, locked until the unit of work ends."""

    def put(self, entry: SlugEntry) -> None:
        """Replace the entry of this slug."""

    def remove(self, slug: str) -> None:
        """Delete the entry of this slug, if there is one."""

    def find(self, slug: str) -> SlugEntry | None:
        """Return the entry of this slug."""

    def of_post(self, post_id: PostId) -> Sequence[SlugEntry]:
        """Return the entries of a post, in the order of `since` and then of the slug."""

    def forget(self, post_ids: Collection[PostId], now: datetime) -> None:
        """Delete the entries of deleted posts that nobody could see by now, and the texts of the others.

        `of_post` leaves the latter out then, and `find` still finds them: no other post gets these slugs.
        """


@dataclass(slots=True)
class Slugs:
    """Gives posts their slugs. The post that is published first under a slug has it."""

    store: SlugStore
    posts: PostRepository
    moved: set[PostId] = field(default_factory=set, init=False)
    """The scheduled posts to which this unit of work has given other slugs."""

    def check_free(self, slug: str, published_at: datetime, now: datetime) -> None:
        """Check that a new post may have this slug.

        Raises:
            ValidationFailed: another post has or had it.
        """
        found = self.store.find(slug)
        if found is not None and not _yields(found, published_at, now):
            raise _taken()

    def assign(self, post: Post, now: datetime, *, may_number: bool = False) -> str:
        """Return a slug that belongs to a published or scheduled post: its own, or one from its title.

        Args:
            post: the post.
            now: the current time.
            may_number: whether a slug that the author has chosen may get a number if it is taken.

        Raises:
            ValidationFailed: another post has the slug that the author has chosen.
        """
        wanted = post.slug or slug_of(post.title) or f"post-{post.id}"
        if self._take(wanted, post, now):
            return wanted
        if post.slug is not None and not may_number:
            raise _taken()
        while not self._take(slug := self._numbered(wanted), post, now):
            pass  # another unit of work has just taken it
        return slug

    def release(self, post_id: PostId, now: datetime, *, keep: str | None = None) -> None:
        """Give back the slugs under which nobody could see a post, except one."""
        for entry in self.store.of_post(post_id):
            if entry.since > now and entry.slug != keep:
                self.store.remove(entry.slug)

    def find(self, text: str) -> SlugEntry:
        """Return the entry of a slug as a client sends it.

        Raises:
            SlugUnknown.
        """
        found = self.store.find(normalize_slug(text))
        if found is None:
            raise SlugUnknown
        return found

    def _take(self, slug: str, post: Post, now: datetime) -> bool:
        """Give a slug to a post if it is free, the post's own, or of a post that will be published later."""
        assert post.published_at is not None  # noqa: S101 - drafts have no slug of their own
        wanted = SlugEntry(slug, post.id, post.published_at)
        found = self.store.add(wanted)
        if found == wanted:
            return True
        if found.post_id == post.id:
            if found.since > now:
                self.store.put(wanted)
            return True
        if not _yields(found, post.published_at, now):
            return False
        self.store.put(wanted)
        self._move_away(found.post_id, now)
        return True

    def _move_away(self, post_id: PostId, now: datetime) -> None:
        """Give another slug to a scheduled post, whose slug an earlier post has taken."""
        post = self.posts.get_for_update(Everything(Reason.MAINTENANCE), post_id)
        title = slug_of(post.title)
        wish = post.slug if post.slug is not None and not post.slug.startswith(title) else None
        moved = replace(post, slug=wish, version=post.version + 1)
        self.moved.add(post_id)
        self.posts.save(moved.with_slug(self.assign(moved, now, may_number=True)), previous=post)

    def _numbered(self, slug: str) -> str:
        """Return the slug with a free number: 2, or about the lowest. Many posts may have the same title."""
        free, step = 2, 1
        while self.store.find(numbered(slug, free)) is not None:
            step *= 2
            free += step
        taken = free - step
        while free - taken > 1:
            middle = (free + taken) // 2
            if self.store.find(numbered(slug, middle)) is None:
                free = middle
            else:
                taken = middle
        return numbered(slug, free)


def _yields(entry: SlugEntry, published_at: datetime, now: datetime) -> bool:
    """Return whether a slug goes to a post that is published at this time: nobody has seen the other post under it, and
    nobody may learn from a number that it is scheduled.
    """
    return entry.since > now and published_at < entry.since


def _taken() -> ValidationFailed:
    return ValidationFailed([FieldError("slug", "is taken by another post")])
