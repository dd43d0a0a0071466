"""Slugs of posts: which post has, or had, which slug."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from blog.domain.errors import FieldError, NotFound, ValidationFailed
from blog.domain.shared import Clock, PostId

from .post import MAX_YEAR, Post, PostNotFound
from .repository import PostRepository, RecordVersion, RemovedPost
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


NEVER: Final = datetime(MAX_YEAR, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
"""A time after every publication."""


@dataclass(frozen=True, slots=True)
class SlugEntry:
    """A slug, the post that has or had it, and the time from which everybody could see the post under it: `NEVER`, if
    the post was moved to the trash before.
    """

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
    record_version: RecordVersion
    now: Clock
    moved: set[PostId] = field(default_factory=set, init=False)
    """The scheduled posts to which this unit of work has given other slugs."""

    def add_post(self, post: Post, *, may_number: bool = False) -> Post:
        """Store a new post that is published or scheduled. Return it with its id and its slug.

        Args:
            post: the post.
            may_number: whether a slug that the author has chosen may get a number if it is taken.

        Raises:
            ValidationFailed: another post has or had the slug that the author has chosen.
        """
        chosen = None if may_number else post.slug
        if chosen is not None:
            self._check_free(chosen, _time_of(post))
        slug = post.slug or slug_of(post.title) or None  # stored at once: it is seldom taken
        stored = self.posts.add(replace(post, slug=slug))
        named = stored.with_slug(self.assign(stored, may_number=chosen is None))
        if named is not stored:
            self.posts.save(named, previous=stored)
        return named

    def assign(self, post: Post, *, may_number: bool = False) -> str:
        """Return a slug that belongs to a published or scheduled post: its own, or one from its title.

        Args:
            post: the post.
            may_number: whether a slug that the author has chosen may get a number if it is taken.

        Raises:
            ValidationFailed: another post has the slug that the author has chosen.
        """
        wanted = post.slug or slug_of(post.title) or f"post-{post.id}"
        if self._take(wanted, post):
            return wanted
        if post.slug is not None and not may_number:
            raise _taken()
        while not self._take(slug := self._numbered(wanted, post), post):
            pass  # another unit of work has just taken it
        return slug

    def name_changed(self, post: Post, previous: Post) -> Post:
        """Return a changed post with a slug of its own; a draft with the one that its author wishes for it.

        Raises:
            ValidationFailed: the slug is taken, or was removed from a post that needs one.
        """
        if post.published_at is None:
            unseen = self.release(post.id)
            return replace(post, slug=None) if post.slug in unseen and is_automatic(post) else post
        if post.slug is None and previous.published_at is not None:
            raise ValidationFailed([FieldError("slug", "must not be null: the post is published or scheduled")])
        slug = self.assign(post)
        self.release(post.id, keep=slug)
        return post.with_slug(slug)

    def release(self, post_id: PostId, *, keep: str | None = None) -> set[str]:
        """Give back the slugs under which nobody could see a post, except one. Return them."""
        entries, now = self.store.of_post(post_id), self.now()
        unseen = {entry.slug for entry in entries if entry.since > now and entry.slug != keep}
        for slug in unseen:
            self.store.remove(slug)
        return unseen

    def yield_unseen(self, post_id: PostId) -> None:
        """Let the slugs under which nobody could see a post go to any other post: it was moved to the trash.

        Nobody may learn from a number, or from a slug that is taken, that the post was scheduled when it was deleted.
        """
        now = self.now()
        for entry in self.store.of_post(post_id):
            if entry.since > now:
                self.store.put(replace(entry, since=NEVER))

    def find(self, text: str) -> SlugEntry:
        """Return the entry of a slug as a client sends it.

        Raises:
            SlugUnknown.
        """
        found = self.store.find(normalize_slug(text))
        if found is None:
            raise SlugUnknown
        return found

    def why_hidden(self, entry: SlugEntry) -> PostGone | SlugUnknown:
        """Return the error about a slug whose post is not visible."""
        try:
            hidden = self.posts.get(Everything(Reason.MAINTENANCE), entry.post_id)
        except PostNotFound:
            return PostGone()
        if hidden.deleted_at is not None and entry.since <= hidden.deleted_at:
            return PostGone()  # as if it were deleted for good: nobody can tell
        return SlugUnknown()

    def _check_free(self, slug: str, published_at: datetime) -> None:
        """Check that a new post may have this slug.

        Raises:
            ValidationFailed: another post has or had it.
        """
        found = self.store.find(slug)
        if found is not None and not self._yields(found, published_at):
            raise _taken()

    def _take(self, slug: str, post: Post) -> bool:
        """Give a slug to a post if it is free, the post's own, or of a post that yields it."""
        wanted = SlugEntry(slug, post.id, _time_of(post))
        found = self.store.add(wanted)
        if found == wanted:
            return True
        if found.post_id == post.id:
            if found.since > self.now():
                self.store.put(wanted)
            return True
        if not self._yields(found, wanted.since):
            return False
        self.store.put(wanted)
        self._move_away(found.post_id)
        return True

    def _yields(self, entry: SlugEntry, published_at: datetime) -> bool:
        """Return whether a slug goes to a post that is published at this time: nobody has seen the other post under it,
        and the author of a published post may not learn from a number that it is scheduled.

        The clock is read now: while this unit of work waited for the entry, its post may have been published.
        """
        return published_at < entry.since and entry.since > self.now()

    def _move_away(self, post_id: PostId) -> None:
        """Give another slug to a scheduled post, whose slug an earlier post has taken."""
        post = self.posts.get_for_update(Everything(Reason.MAINTENANCE), post_id)
        moved = replace(post, slug=None if is_automatic(post) else post.slug, version=post.version + 1)
        self.moved.add(post_id)
        self.posts.save(moved.with_slug(self.assign(moved, may_number=True)), previous=post)
        self.record_version(post)

    def _numbered(self, slug: str, post: Post) -> str:
        """Return the slug with a free number: 2, or about the lowest. Many posts may have the same title."""
        published_at = _time_of(post)

        def is_taken(number: int) -> bool:
            found = self.store.find(numbered(slug, number))
            return found is not None and not self._yields(found, published_at)

        free, step = 2, 1
        while is_taken(free):
            step *= 2
            free += step
        taken = free - step
        while free - taken > 1:
            middle = (free + taken) // 2
            if is_taken(middle):
                taken = middle
            else:
                free = middle
        return numbered(slug, free)


def forget_slugs(store: SlugStore, removed: Iterable[RemovedPost], now: datetime) -> None:
    """Forget the slugs of posts that were deleted for good. Nobody has seen a post since it was moved to the trash."""
    by_end: defaultdict[datetime, list[PostId]] = defaultdict(list)
    for post in removed:
        by_end[post.deleted_at or now].append(post.id)
    for end, post_ids in by_end.items():
        store.forget(post_ids, end)


def is_automatic(post: Post) -> bool:
    """Return whether the slug of a post is the one that its title gives, perhaps with a number."""
    title = slug_of(post.title) or f"post-{post.id}"
    if post.slug is None or post.slug == title:
        return True
    number = post.slug.rpartition("-")[2]
    return number.isdecimal() and number.isascii() and post.slug == numbered(title, int(number))


def _time_of(post: Post) -> datetime:
    """Return the publication time of a published or scheduled post. A post in the trash is published `NEVER`, so that
    it takes the slug of no other post. Drafts have no slug of their own.
    """
    if post.deleted_at is not None:
        return NEVER
    if post.published_at is None:
        raise ValueError("a draft has no slug of its own")
    return post.published_at


def _taken() -> ValidationFailed:
    return ValidationFailed([FieldError("slug", "is taken by another post")])
