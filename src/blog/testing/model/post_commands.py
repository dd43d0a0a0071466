"""Use cases about posts as steps that can be taken on several blogs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from blog.domain.blog import Blog
from blog.domain.posts import batch as batches
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.pagination import PostFilter, SortOrder
from blog.domain.posts.post import PostChanges, Status
from blog.domain.posts.previews import PreviewOf

from .blog_under_test import Side


@dataclass(frozen=True)
class Create:
    token: int
    title: str
    body: str
    status: Status | None = None
    published_at: datetime | None = None

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = side.actor(blog, self.token)
        post = blog.posts.create(
            actor, status=self.status, published_at=self.published_at, title=self.title, body=self.body
        )
        return side.seen_post(post)


@dataclass(frozen=True)
class Update:
    token: int
    post: int
    changes: PostChanges
    expected_versions: Collection[int] | None

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, post_id = side.actor(blog, self.token), side.post(self.post)
        post = blog.posts.update(actor, post_id, expected_versions=self.expected_versions, **self.changes)
        side.changed(post_id, actor)
        return side.seen_post(post)


@dataclass(frozen=True)
class Publish:
    token: int
    post: int
    at: datetime | None
    expected_versions: Collection[int] | None

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, post_id = side.actor(blog, self.token), side.post(self.post)
        post = blog.posts.publish(actor, post_id, at=self.at, expected_versions=self.expected_versions)
        side.changed(post_id, actor)
        return side.seen_post(post)


@dataclass(frozen=True)
class Unpublish:
    token: int
    post: int
    expected_versions: Collection[int] | None

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, post_id = side.actor(blog, self.token), side.post(self.post)
        post = blog.posts.unpublish(actor, post_id, expected_versions=self.expected_versions)
        side.changed(post_id, actor)
        return side.seen_post(post)


@dataclass(frozen=True)
class OpenCopy:
    token: int
    post: int

    def __call__(self, blog: Blog, side: Side) -> object:
        return side.seen_copy(blog.working_copies.get(side.actor(blog, self.token), side.post(self.post)))


@dataclass(frozen=True)
class SaveCopy:
    """Save a working copy: with the tag of the stored one, if it is to be replaced whatever its base."""

    token: int
    post: int
    based_on: int
    replaces: bool
    changes: PostChanges

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, post_id = side.actor(blog, self.token), side.post(self.post)
        tags = [blog.working_copies.get(actor, post_id).copy.tag] if self.replaces else None
        saved = blog.working_copies.save(actor, post_id, based_on=self.based_on, expected_tags=tags, **self.changes)
        return side.seen_copy(saved), saved.is_outdated


@dataclass(frozen=True)
class ApplyCopy:
    token: int
    post: int
    expected_versions: Collection[int] | None

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, post_id = side.actor(blog, self.token), side.post(self.post)
        post = blog.posts.apply_working_copy(actor, post_id, expected_versions=self.expected_versions)
        side.changed(post_id, actor)
        return side.seen_post(post)


@dataclass(frozen=True)
class DiscardCopy:
    token: int
    post: int

    def __call__(self, blog: Blog, side: Side) -> object:
        blog.working_copies.discard(side.actor(blog, self.token), side.post(self.post))
        return None


@dataclass(frozen=True)
class Delete:
    token: int
    post: int
    expected_versions: Collection[int] | None
    permanently: bool = False

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, post_id = side.actor(blog, self.token), side.post(self.post)
        blog.posts.delete(actor, post_id, permanently=self.permanently, expected_versions=self.expected_versions)
        side.changed(post_id, actor)
        return None


@dataclass(frozen=True)
class Restore:
    token: int
    post: int
    expected_versions: Collection[int] | None

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, post_id = side.actor(blog, self.token), side.post(self.post)
        post = blog.trash.restore(actor, post_id, expected_versions=self.expected_versions)
        side.changed(post_id, actor)
        return side.seen_post(post)


@dataclass(frozen=True)
class Purge:
    """Delete a post in the trash for good."""

    token: int
    post: int

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, post_id = side.actor(blog, self.token), side.post(self.post)
        blog.trash.delete(actor, post_id)
        side.changed(post_id, actor)
        return None


@dataclass(frozen=True)
class ReadTrash:
    """A post in the trash, and two pages of it."""

    token: int
    post: int
    limit: int

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = side.actor(blog, self.token)
        first = blog.trash.page(actor, limit=self.limit)
        second = blog.trash.page(actor, limit=self.limit, after=first.next)
        pages = side.seen_page(first), side.seen_page(second)
        return pages, side.seen_post(blog.trash.get(actor, side.post(self.post)))


@dataclass(frozen=True)
class Read:
    """Read a post, as the user of a token or as an anonymous client."""

    post: int
    token: int | None

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = None if self.token is None else side.actor(blog, self.token)
        return side.seen_post(blog.posts.get(side.post(self.post), actor))


@dataclass(frozen=True)
class ListRevisions:
    """Every version of a post, complete, page by page."""

    token: int
    post: int
    limit: int

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, post_id = side.actor(blog, self.token), side.post(self.post)
        page = blog.revisions.page(actor, post_id, limit=self.limit)
        seen = [*page.revisions]
        while page.next is not None:
            page = blog.revisions.page(actor, post_id, limit=self.limit, before=page.next)
            seen += page.revisions
        return [side.seen_revision(blog.revisions.get(actor, post_id, each.number)) for each in seen]


@dataclass(frozen=True)
class RestoreRevision:
    token: int
    post: int
    number: int
    expected_versions: Collection[int] | None

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, post_id = side.actor(blog, self.token), side.post(self.post)
        post = blog.revisions.restore(actor, post_id, self.number, expected_versions=self.expected_versions)
        side.changed(post_id, actor)
        return side.seen_post(post)


@dataclass(frozen=True)
class ReadBySlug:
    slug: str
    token: int | None

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = None if self.token is None else side.actor(blog, self.token)
        return side.seen_post(blog.posts.get_by_slug(self.slug, actor))


@dataclass(frozen=True)
class ListOwn:
    """A page of one's own posts that have a status, and how many there are."""

    token: int
    status: Status
    order: SortOrder
    limit: int
    filters: PostFilter

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = side.actor(blog, self.token)
        page = blog.posts.own_page(actor, self.status, self.order, limit=self.limit, **self.filters)
        return side.seen_page(page), blog.posts.own_count(actor, self.status, **self.filters)


@dataclass(frozen=True)
class ListPosts:
    """Some of those posts, on from where one of them stands, and how many there are."""

    order: SortOrder
    limit: int
    after: int | None
    filters: PostFilter

    def __call__(self, blog: Blog, side: Side) -> object:
        after = None if self.after is None else blog.posts.get(side.post(self.after)).position_in(self.order)
        page = blog.posts.page(self.order, limit=self.limit, after=after, **self.filters)
        return side.seen_page(page), blog.posts.count(**self.filters)


@dataclass(frozen=True)
class Find:
    """Two pages of what is found, and how many there are."""

    text: str
    limit: int
    filters: PostFilter

    def __call__(self, blog: Blog, side: Side) -> object:
        first = blog.search.find(self.text, limit=self.limit, **self.filters)
        second = blog.search.find(self.text, limit=self.limit, after=first.next, **self.filters)
        return side.seen_findings(first), side.seen_findings(second), blog.search.count(self.text, **self.filters)


@dataclass(frozen=True)
class MakeLink:
    """Make a preview link, and read by it."""

    token: int
    post: int
    of: PreviewOf
    expires_at: datetime | None

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = side.actor(blog, self.token)
        issued = blog.previews.create(actor, side.post(self.post), of=self.of, expires_at=self.expires_at)
        return side.seen_issued(issued), side.seen_post(blog.previews.read(issued.secret))


@dataclass(frozen=True)
class ReadByLink:
    link: int

    def __call__(self, blog: Blog, side: Side) -> object:
        return side.seen_post(blog.previews.read(side.link(self.link)))


@dataclass(frozen=True)
class ListLinks:
    token: int
    post: int

    def __call__(self, blog: Blog, side: Side) -> object:
        links = blog.previews.list_open(side.actor(blog, self.token), side.post(self.post))
        return [side.seen_preview(preview) for preview in links]


@dataclass(frozen=True)
class RevokeLink:
    token: int
    post: int
    link: int

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, preview_id = side.actor(blog, self.token), side.preview(self.link)
        blog.previews.revoke(actor, side.post(self.post), preview_id)
        return None


@dataclass(frozen=True)
class Once:
    """Ask twice for a post to be written, unless that was done under this key."""

    token: int
    key: str
    title: str
    is_secret: bool

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = side.actor(blog, self.token)

        def write() -> bytes:
            return str(side.seen_post(blog.posts.create(actor, title=self.title, body="once"))).encode()

        return [
            blog.idempotency.run_once(actor, self.key, self.title.encode(), write, is_secret=self.is_secret)
            for _ in range(2)
        ]


@dataclass(frozen=True)
class TakeIn:
    by: int | None
    manuscript: PortablePost

    def __call__(self, blog: Blog, side: Side) -> object:
        post, taken_in = blog.importer.import_post(side.admin(blog, self.by), self.manuscript)
        return side.seen_post(post), taken_in


@dataclass(frozen=True)
class Batch:
    """Several changes in a unit of work of their own, of posts that stand for those that appeared so long ago."""

    token: int
    steps: Sequence[batches.BatchOperation]

    def __call__(self, side: Side) -> object:
        try:
            with side.unit() as blog:
                return self._applied(blog, side)
        except batches.BatchOperationFailed as refusal:  # whose text has the blog's own numbers
            return refusal.index, type(refusal.reason)

    def _applied(self, blog: Blog, side: Side) -> object:
        actor = side.actor(blog, self.token)
        steps = [self._on(side, step) for step in self.steps]
        posts = batches.apply_batch(blog.posts, actor, steps)
        for step in steps:
            if not isinstance(step, batches.CreatePost):
                side.changed(step.post_id, actor)
        return [post and side.seen_post(post) for post in posts]

    @staticmethod
    def _on(side: Side, step: batches.BatchOperation) -> batches.BatchOperation:
        return step if isinstance(step, batches.CreatePost) else replace(step, post_id=side.post(step.post_id))
