"""Use cases about posts as steps that can be taken on several blogs."""

from dataclasses import dataclass

from blog.domain.blog import Blog
from blog.domain.posts import PostChanges

from .sides import Side


@dataclass(frozen=True)
class Create:
    token: int
    title: str
    body: str

    def __call__(self, blog: Blog, side: Side) -> object:
        return side.seen_post(blog.posts.create(side.actor(blog, self.token), title=self.title, body=self.body))


@dataclass(frozen=True)
class Update:
    token: int
    post: int
    changes: PostChanges

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, post_id = side.actor(blog, self.token), side.post(self.post)
        post = blog.posts.update(actor, post_id, **self.changes)
        side.changed(post_id, actor)
        return side.seen_post(post)


@dataclass(frozen=True)
class Delete:
    token: int
    post: int

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, post_id = side.actor(blog, self.token), side.post(self.post)
        blog.posts.delete(actor, post_id)
        side.changed(post_id, actor)
        return None


@dataclass(frozen=True)
class Read:
    post: int

    def __call__(self, blog: Blog, side: Side) -> object:
        return side.seen_post(blog.posts.get(side.post(self.post)))


@dataclass(frozen=True)
class ListPosts:
    limit: int
    before: int | None

    def __call__(self, blog: Blog, side: Side) -> object:
        before = None if self.before is None else side.post(self.before)
        return side.seen_page(blog.posts.newest(limit=self.limit, before=before))
