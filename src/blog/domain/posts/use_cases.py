"""Use cases of posts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias, Unpack

from blog.domain.accounts.actors import Member, Scope, require_scope
from blog.domain.audit import Audit, Event
from blog.domain.errors import ValidationFailed
from blog.domain.idempotency import IdempotencyStore
from blog.domain.search.index import PostIndex
from blog.domain.shared import Clock, PostId, check_id, check_limit
from blog.domain.validation import member_of

from .markdown import Check, MarkdownRenderer, go_on
from .pagination import Position, PostFilter, SortOrder, check_filters
from .post import (
    Post,
    PostChanges,
    PostContent,
    PostFields,
    PostNotFound,
    Status,
    VersionConflict,
    check_author,
    check_version,
    content_of,
    differing_fields,
    publication_detail,
    validate_time,
)
from .previews import PreviewStore
from .publication import Publication
from .repository import PostRepository, RecordVersion
from .slug_assignment import Slugs
from .tags import TagPage
from .visibility import Own, Public, Reader, require_read_own, sight_of
from .working_copies import WorkingCopyStore, check_base


@dataclass(frozen=True, slots=True)
class PostPage:
    """A page of posts. `next` is the `after` of the next page: None on the last page."""

    posts: Sequence[Post]
    next: Position | None


Locked: TypeAlias = tuple[Post, tuple[Member, Scope] | None]
"""A locked post in its current state, and who may change it under which scope, if that was checked."""


@dataclass(slots=True)
class Posts:
    """Creates, reads, changes, publishes and deletes posts. `Trash` restores them."""

    repository: PostRepository
    index: PostIndex
    slugs: Slugs
    record_version: RecordVersion
    working_copies: WorkingCopyStore
    previews: PreviewStore
    responses: IdempotencyStore
    audit: Audit
    now: Clock
    markdown: MarkdownRenderer
    check: Check = go_on
    _locked: dict[PostId, Locked] = field(default_factory=dict, init=False, repr=False)

    def create(
        self,
        actor: Member,
        *,
        status: Status | None = None,
        published_at: datetime | None = None,
        **content: Unpack[PostFields],
    ) -> Post:
        """Create a post of the actor. It is published at once, unless `status` or `published_at` say otherwise.

        Args:
            actor: the author of the post.
            status: `Status.DRAFT` creates a draft. None publishes, or creates a draft if the token may not publish.
            published_at: the time from which everybody sees the post. It may be in the future, or in the past.
            content: the fields that the author writes.

        Raises:
            OutOfScope: the token lacks the scope `posts:write`, or `posts:publish` to publish.
            ValidationFailed: the content is not valid, the status does not fit the publication time, or the slug is
                taken.
        """
        require_scope(actor, Scope.POSTS_WRITE)
        now = self.now()
        moment = Publication(status, published_at).time_for(actor, now)
        post = Post.create(actor, now, moment, **content)
        post = post.with_first_paragraph(self.markdown.first_paragraph(post.body))
        if moment is not None:
            post = self.slugs.add_post(post)
            self.index.put(post)
        else:
            post = self.repository.add(post)
        self.audit.record(Event.POST_CREATED, actor, "post", post.id, publication_detail(post, now))
        return post

    def get(self, post_id: PostId, actor: Member | None = None) -> Post:
        """Return a published post, or an unpublished one of the actor.

        Raises:
            PostNotFound.
        """
        check_id(post_id)
        return self.repository.get(sight_of(actor, self.now()), post_id)

    def get_by_slug(self, slug: str, actor: Member | None = None) -> Post:
        """Return the post that has this slug, or had it: then its present slug is another one.

        Raises:
            SlugUnknown: there is none, or it is not visible.
            PostGone: the post was deleted after it had been published.
        """
        now = self.now()
        entry = self.slugs.find(slug)
        try:
            return self.repository.get(sight_of(actor, now), entry.post_id)
        except PostNotFound:
            raise self.slugs.why_hidden(entry) from None

    def html(self, post: Post) -> str:
        """Return the body of a post as HTML, in which nothing can be executed. The first call takes up to two seconds,
        and the result is kept.

        Raises:
            Cancelled.
        """
        return self.markdown.to_html(post.body, self.check)

    def find_html(self, post: Post) -> str | None:
        """Return the body of a post as HTML, if it is kept."""
        return self.markdown.find_html(post.body)

    def page(
        self,
        order: SortOrder = SortOrder.NEWEST,
        *,
        limit: int = 20,
        after: Position | None = None,
        **filters: Unpack[PostFilter],
    ) -> PostPage:
        """Return a page of up to `limit` published posts, after the position `after`.

        Reading all pages returns each post once, if it was not created, deleted or moved meanwhile.

        Raises:
            ValidationFailed: `order`, `limit` or a filter is not valid.
        """
        return self._page(Public(self.now()), order, limit, after, filters)

    def own_page(
        self,
        actor: Member,
        status: Status,
        order: SortOrder = SortOrder.NEWEST,
        *,
        limit: int = 20,
        after: Position | None = None,
        **filters: Unpack[PostFilter],
    ) -> PostPage:
        """Return a page of up to `limit` posts of the actor that have this status now, after the position `after`.

        Raises:
            OutOfScope: the token may neither read nor write nor publish posts.
            ValidationFailed: `status`, `order`, `limit` or a filter is not valid.
        """
        return self._page(self.own_sight(actor, status), order, limit, after, filters)

    def count(self, **filters: Unpack[PostFilter]) -> int:
        """Return the number of published posts. The cost grows with the number.

        Raises:
            ValidationFailed: a filter is not valid.
        """
        check_filters(filters)
        return self.repository.count(Public(self.now()), **filters)

    def own_count(self, actor: Member, status: Status, **filters: Unpack[PostFilter]) -> int:
        """Return the number of posts of the actor that have this status now. The cost grows with the number.

        Raises:
            OutOfScope: the token may neither read nor write nor publish posts.
            ValidationFailed: `status` or a filter is not valid.
        """
        check_filters(filters)
        return self.repository.count(self.own_sight(actor, status), **filters)

    def tags(self, *, limit: int = 100, after: str | None = None) -> TagPage:
        """Return a page of up to `limit` tags of published posts, after the key `after`, with their numbers of posts.

        Raises:
            ValidationFailed: `limit` is not valid.
        """
        check_limit(limit)
        found = self.repository.tags(Public(self.now()), limit=limit + 1, after=after)
        page = found[:limit]
        return TagPage(page, page[-1].key if len(found) > limit else None)

    def update(
        self,
        actor: Member,
        post: Post | PostId,
        *,
        expected_versions: Collection[int | str] | None = None,
        **changes: Unpack[PostChanges],
    ) -> Post:
        """Change some or all fields of a post.

        Args:
            actor: the author of the post.
            post: from `get_for_update` in the same unit of work, or an id. A post from `get` or `page` is locked now;
                VersionConflict is raised if it has changed since it was read.
            expected_versions: versions or version tags. The post must have one of these. None accepts any.
            changes: the new values.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor, VersionConflict.
            ValidationFailed: the changes are not valid.
        """
        current = self._lock(actor, post, Scope.POSTS_WRITE)
        check_version(current, expected_versions, **changes)
        updated = self._with_changes(current, changes)
        if updated is not current:
            updated = self._save(updated, current)
            self.audit.record(Event.POST_CHANGED, actor, "post", updated.id)
        return updated

    def replace_content(
        self,
        actor: Member,
        post: Post | PostId,
        content: PostContent,
        *,
        expected_versions: Collection[int | str] | None = None,
        detail: str = "",
    ) -> Post:
        """Give a post content that was stored before, such as that of an earlier version: exactly this, where `update`
        takes a summary for none that is the first paragraph of the present body.
        The audit log has `detail`. Otherwise arguments and errors are those of `update`.
        """
        current = self._lock(actor, post, Scope.POSTS_WRITE)
        if not current.matches(expected_versions):
            raise VersionConflict(current, differing_fields(current, content), expected_versions)
        updated = self._with_content(current, content, self.now())
        if updated is not current:
            updated = self._save(updated, current)
            self.audit.record(Event.POST_CHANGED, actor, "post", updated.id, detail)
        return updated

    def apply_working_copy(
        self, actor: Member, post: Post | PostId, *, expected_versions: Collection[int | str] | None = None
    ) -> Post:
        """Make the working copy of a post its next version, as `update` does. Without a working copy, nothing changes.

        Args:
            actor: the author of the post.
            post: as in `update`.
            expected_versions: versions or version tags. The post must have one of these. None: the version on which the
                working copy is based.

        Raises:
            OutOfScope: the token lacks the scope `posts:write`, or `posts:publish` for a post that is not a draft.
            PostNotFound, NotTheAuthor.
            OutdatedWorkingCopy, VersionConflict: the post has another version, with or without a working copy.
            ValidationFailed: the working copy is not finished, or its slug is taken.
        """
        current = self._lock(actor, post, Scope.POSTS_WRITE)
        copy = self.working_copies.find(current.id)
        if copy is None:
            check_version(current, expected_versions)
            return current
        check_base(copy, current, self.now(), expected_versions)
        updated = self.replace_content(actor, current, copy.content)
        self.working_copies.remove([current.id])
        return updated

    def publish(
        self,
        actor: Member,
        post: Post | PostId,
        *,
        at: datetime | None = None,
        expected_versions: Collection[int | str] | None = None,
    ) -> Post:
        """Publish a post now, or at another time. A published post stays as it is, unless `at` is given.

        The working copy of a draft becomes its content in the same change. That of another post stays as it is.

        Args:
            actor: the author of the post.
            post: as in `update`.
            at: the time from which everybody sees the post. None: now.
            expected_versions: as in `update`.

        Raises:
            OutOfScope: the token lacks the scope `posts:publish`.
            PostNotFound, NotTheAuthor, VersionConflict.
            OutdatedWorkingCopy: the working copy of a draft is based on an older version.
            ValidationFailed: `at` is not valid, or the working copy of a draft is not finished.
        """
        current = self._lock(actor, post, Scope.POSTS_PUBLISH)
        check_version(current, expected_versions)
        now = self.now()
        if at is None and current.status(now) is Status.PUBLISHED:
            return current
        if at is not None and (errors := validate_time("at", at)):
            raise ValidationFailed(errors)
        updated = current.with_publication(Publication(None, at).time_for(actor, now))
        copy = self.working_copies.find(current.id) if current.published_at is None else None
        if copy is not None:
            check_base(copy, current, now)
            updated = replace(self._with_content(updated, copy.content, now), version=updated.version)
        if updated is not current:
            updated = self._save(updated, current)
            if copy is not None:
                self.working_copies.remove([current.id])
            event = Event.POST_PUBLISHED if updated.status(now) is Status.PUBLISHED else Event.POST_SCHEDULED
            self.audit.record(event, actor, "post", updated.id, f"{updated.published_at:%Y-%m-%dT%H:%M:%SZ}")
        return updated

    def unpublish(
        self, actor: Member, post: Post | PostId, *, expected_versions: Collection[int | str] | None = None
    ) -> Post:
        """Make a draft of a published or scheduled post. The arguments are those of `publish`.

        Raises:
            OutOfScope: the token lacks the scope `posts:publish`.
            PostNotFound, NotTheAuthor, VersionConflict.
        """
        current = self._lock(actor, post, Scope.POSTS_PUBLISH)
        check_version(current, expected_versions)
        updated = current.with_publication(None)
        if updated is not current:
            updated = self._save(updated, current)
            self.audit.record(Event.POST_UNPUBLISHED, actor, "post", updated.id)
        return updated

    def delete(
        self,
        actor: Member,
        post: Post | PostId,
        *,
        permanently: bool = False,
        expected_versions: Collection[int | str] | None = None,
    ) -> None:
        """Move a post to the trash of its author, where `Trash` finds it, or delete it for good.

        Its preview links are deleted. Stored responses that show the post are emptied, so a repeated request does not
        get its text again.

        Args:
            actor: the author of the post.
            post: as in `update`.
            permanently: whether it is deleted for good at once.
            expected_versions: as in `update`.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor, VersionConflict.
        """
        current = self._lock(actor, post, Scope.POSTS_WRITE)
        check_version(current, expected_versions)
        now = self.now()
        self.responses.forget_posts([current.id])  # first: the record of which responses show a post goes with the post
        if permanently:
            self.repository.remove(current.id)
            self.slugs.store.forget([current.id], now)
            if current.published_at is not None:
                self.index.remove(current.id)
        else:
            self._save(current.trashed(now), current)
            if current.status(now) is Status.SCHEDULED:
                self.slugs.yield_unseen(current.id)
        self._locked.pop(current.id, None)
        self.audit.record(Event.POST_DELETED, actor, "post", current.id, "for good" if permanently else "")

    def put_back(self, trashed: Post) -> Post:
        """Take a locked post out of the trash and return it as it was before. Only `Trash` calls this, after checks.

        Raises:
            ValidationFailed: the slug is taken.
        """
        return self._save(trashed.restored(), trashed)

    def get_for_update(self, actor: Member, post: Post | PostId) -> Post:
        """Lock a post that this actor may change, until the unit of work ends. `post` is as in `update`.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor.
            VersionConflict: the post that was passed in is not the stored one.
        """
        return self._lock(actor, post, Scope.POSTS_WRITE)

    def get_for_publication(self, actor: Member, post_id: PostId) -> Post:
        """Lock a post that this actor may publish or unpublish, until the unit of work ends.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor.
        """
        return self._lock(actor, post_id, Scope.POSTS_PUBLISH)

    def own_sight(self, actor: Member, status: Status) -> Own:
        """Return the sight of the actor on their own posts that have this status now.

        Raises:
            OutOfScope: the token may neither read nor write nor publish posts.
            ValidationFailed: there is no such status.
        """
        require_read_own(actor)
        return Own(self.now(), actor.user_id, member_of(Status, "status", status))

    def settle_tag_counts(self, *, limit: int) -> int:
        """Count up to `limit` changes of tags that have become visible. Return how many. Maintenance calls this."""
        return self.repository.settle_tag_counts(self.now(), limit=limit)

    def _page(
        self, sight: Public | Own, order: SortOrder, limit: int, after: Position | None, filters: PostFilter
    ) -> PostPage:
        check_limit(limit)
        if filters:
            check_filters(filters)
        order = order if type(order) is SortOrder else member_of(SortOrder, "order", order)
        posts = self.repository.page(sight, order, limit=limit + 1, after=after, **filters)
        page = posts[:limit]
        return PostPage(page, next=page[-1].position_in(order) if len(posts) > limit else None)

    def _lock(self, actor: Member, post: Post | PostId, scope: Scope) -> Post:
        """Return the post as it is stored, locked, after checking the ownership rule and the scope.

        Raises:
            OutOfScope, PostNotFound, NotTheAuthor.
            VersionConflict: the post that was passed in is not the stored one.
        """
        if isinstance(post, Post):
            locked, permission = self._locked.get(post.id, (None, None))
            # Identity, not equality: only the object that this unit of work returned last is trusted.
            if locked is post and self.repository.held.get(post.id) is post:
                if permission != (actor, scope):
                    self._check_permission(actor, post, scope)
                return post
        require_scope(actor, scope)
        post_id = post.id if isinstance(post, Post) else post
        check_id(post_id)
        current = self.repository.get_for_update(Reader(self.now(), actor.user_id), post_id)
        self._check_permission(actor, current, scope)
        if isinstance(post, Post):
            check_version(current, [post.version_tag])
        return current

    def _check_permission(self, actor: Member, post: Post, scope: Scope) -> None:
        require_scope(actor, scope)
        check_author(actor, post, scope)
        self._locked[post.id] = post, (actor, scope)

    def _with_changes(self, post: Post, changes: PostChanges) -> Post:
        """Return the post after these changes, with the first paragraph of its body.

        Raises:
            ValidationFailed: the changes are not valid.
        """
        updated = post.with_changes(self.now(), **changes)
        if updated.body != post.body:
            updated = updated.with_first_paragraph(self.markdown.first_paragraph(updated.body))
        return updated

    def _with_content(self, post: Post, content: PostContent, at: datetime) -> Post:
        """Return the post with content that was stored before, at this moment.

        Raises:
            ValidationFailed: the content is not valid.
        """
        return post.with_content(at, self.markdown.first_paragraph(content.body), **content_of(content))

    def _save(self, post: Post, previous: Post) -> Post:
        """Store a changed post, and return it with its slug. It is indexed as long as it is published or scheduled:
        nobody searches drafts.

        Raises:
            ValidationFailed: the slug is taken, or was removed from a post that needs one.
        """
        is_trashed = post.deleted_at is not None  # the slug stays as it is
        if not is_trashed and (post.published_at, post.slug) != (previous.published_at, previous.slug):
            post = self.slugs.name_changed(post, previous)
        self.repository.save(post, previous=previous)
        self.record_version(previous)
        if post.deleted_at != previous.deleted_at:
            self.previews.remove_of_post(post.id)  # also at the restoration: one may have been made during the deletion
        self._locked[post.id] = post, None
        if post.published_at is not None:
            self.index.put(post)
        elif previous.published_at is not None:
            self.index.remove(post.id)
        return post
