"""The use cases as steps that can be taken on several blogs, and what each side of the comparison makes of them.

Stores number things as they like, and every blog draws its own secrets. So steps speak of "the n-th youngest post" or
"the n-th youngest token", and what comes back is told with the blog's numbers replaced by the order of appearance.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, TypeVar

from blog.domain.accounts import Actor, Operator, User
from blog.domain.blog import Blog, OpenBlog
from blog.domain.ids import PostId, UserId
from blog.domain.posts import Page, Post, PostChanges
from blog.domain.tokens import IssuedToken

Thing = TypeVar("Thing")

NO_POST = PostId(1_000_000_007)
NO_SECRET = "blog_" + "0" * 46


class Change(NamedTuple):
    """Somebody changed or deleted a post: its place in the order of appearance, and theirs."""

    post: int
    by: int


@dataclass
class Side:
    """One of the blogs, and who and what appeared in it, in order of appearance."""

    open_blog: OpenBlog
    users: list[UserId] = field(default_factory=list)
    posts: list[PostId] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @contextmanager
    def unit(self) -> Iterator[Blog]:
        """A unit of work; what appears in one that fails has not appeared."""
        appeared: tuple[list[Any], ...] = self.users, self.posts, self.secrets, self.changes
        before = [len(things) for things in appeared]
        try:
            with self.open_blog() as blog:
                yield blog
        except BaseException:
            for things, length in zip(appeared, before, strict=True):
                del things[length:]
            raise

    def actor(self, blog: Blog, token: int) -> User:
        return blog.accounts.authenticate(youngest(self.secrets, token, NO_SECRET))

    def admin(self, blog: Blog, token: int | None) -> Actor:
        """Whoever has the token, or the operator."""
        return Operator() if token is None else self.actor(blog, token)

    def post(self, number: int) -> PostId:
        return youngest(self.posts, number, NO_POST)

    def changed(self, post_id: PostId, actor: User) -> None:
        self.changes.append(Change(self.posts.index(post_id), self.users.index(actor.id)))

    def seen_user(self, user: User) -> User:
        return replace(user, id=UserId(order(self.users, user.id)))

    def seen_post(self, post: Post) -> Post:
        return replace(post, id=PostId(order(self.posts, post.id)), author_id=UserId(order(self.users, post.author_id)))

    def seen_page(self, page: Page) -> Page:
        following = None if page.next_before is None else PostId(order(self.posts, page.next_before))
        return Page([self.seen_post(post) for post in page.posts], following)

    def seen_login(self, user: User, issued: IssuedToken) -> object:
        self.secrets.append(issued.secret)
        holder = order(self.users, issued.token.user_id)
        return self.seen_user(user), holder, issued.token.created_at, issued.token.expires_at


class Step(Protocol):
    """One use case by whoever; what it answers can be compared."""

    def __call__(self, blog: Blog, side: Side) -> object: ...


@dataclass(frozen=True)
class AddUser:
    by: int | None
    username: str
    password: str
    is_admin: bool

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = side.admin(blog, self.by)
        return side.seen_user(blog.accounts.add(actor, self.username, self.password, is_admin=self.is_admin))


@dataclass(frozen=True)
class LogIn:
    username: str
    password: str

    def __call__(self, blog: Blog, side: Side) -> object:
        return side.seen_login(*blog.accounts.log_in(self.username, self.password))


@dataclass(frozen=True)
class Authenticate:
    token: int

    def __call__(self, blog: Blog, side: Side) -> object:
        return side.seen_user(side.actor(blog, self.token))


@dataclass(frozen=True)
class LogOut:
    token: int

    def __call__(self, blog: Blog, side: Side) -> object:
        blog.accounts.log_out(youngest(side.secrets, self.token, NO_SECRET))
        return None


@dataclass(frozen=True)
class Administer:
    """Deactivate or activate an account, or revoke its tokens."""

    verb: str
    by: int | None
    username: str

    def __call__(self, blog: Blog, side: Side) -> object:
        verbs: dict[str, Callable[[Actor, str], None]] = {
            "activate": blog.accounts.activate,
            "deactivate": blog.accounts.deactivate,
            "revoke_tokens": blog.accounts.revoke_tokens,
        }
        verbs[self.verb](side.admin(blog, self.by), self.username)
        return None


@dataclass(frozen=True)
class SetPassword:
    by: int | None
    username: str
    password: str

    def __call__(self, blog: Blog, side: Side) -> object:
        blog.accounts.set_password(side.admin(blog, self.by), self.username, self.password)
        return None


@dataclass(frozen=True)
class ListUsers:
    by: int | None
    limit: int
    after: int | None

    def __call__(self, blog: Blog, side: Side) -> object:
        after = None if self.after is None else youngest(side.users, self.after, UserId(0))
        page = blog.accounts.page(side.admin(blog, self.by), limit=self.limit, after=after)
        return [side.seen_user(user) for user in page]


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


def youngest(appeared: Sequence[Thing], number: int, otherwise: Thing) -> Thing:
    """The thing that appeared `number` before the last, counting round and round."""
    return appeared[-1 - number % len(appeared)] if appeared else otherwise


def order(appeared: list[Thing], thing: Thing) -> int:
    """When the thing first appeared: now, if not before."""
    if thing not in appeared:
        appeared.append(thing)
    return appeared.index(thing)
