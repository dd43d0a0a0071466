"""Commands of the model about accounts, tokens, invitations and the audit log."""

from dataclasses import dataclass

from blog.domain.accounts.administration import UserChanges
from blog.domain.accounts.login import change_password, delete_account, log_in, register
from blog.domain.accounts.user import PostsOnDeletion
from blog.domain.blog import Blog
from blog.domain.maintenance import run_maintenance
from blog.domain.posts.working_copies import CopyOfPost

from .blog_under_test import Side

ADDRESSES = ("", "192.0.2.1", "2001:db8::1")


@dataclass(frozen=True)
class AddUser:
    by: int | None
    username: str
    password: str
    is_admin: bool

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = side.admin(blog, self.by)
        return side.seen_user(blog.users.add(actor, self.username, self.password, is_admin=self.is_admin))


@dataclass(frozen=True)
class ChangeUser:
    by: int | None
    user: int
    password: str | None
    changes: UserChanges

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = side.admin(blog, self.by)
        user = blog.users.update(actor, side.user(self.user), password=self.password, **self.changes)
        return side.seen_user(user)


@dataclass(frozen=True)
class DeleteUser:
    by: int | None
    user: int
    posts: PostsOnDeletion

    def __call__(self, blog: Blog, side: Side) -> object:
        actor, user_id = side.admin(blog, self.by), side.user(self.user)
        blog.users.delete(actor, user_id, self.posts)
        side.deleted(user_id)
        return None


@dataclass(frozen=True)
class DeleteOneself:
    """Commands that open their own units of work."""

    token: int
    password: str
    posts: PostsOnDeletion

    def __call__(self, side: Side) -> object:
        with side.unit() as blog:
            user_id = side.actor(blog, self.token).user_id
        delete_account(side.open_blog, side.secret(self.token), self.password, self.posts)
        side.deleted(user_id)
        return None


@dataclass(frozen=True)
class DownloadOneself:
    token: int

    def __call__(self, blog: Blog, side: Side) -> object:
        page = blog.personal_data.page(side.actor(blog, self.token))
        tokens, posts = map(side.seen_token, page.tokens), map(side.seen_post, page.posts)
        entries = [side.seen_entry(entry) for entry in page.entries]
        by_id = {post.id: post for post in page.posts}
        copies = [side.seen_copy(CopyOfPost(copy, by_id[copy.post_id])) for copy in page.working_copies]
        previews = [side.seen_preview(preview) for preview in page.previews]
        own = [*tokens], page.known_addresses, previews, [*posts], copies, entries
        return side.seen_user(page.user), page.usernames, *own


@dataclass(frozen=True)
class SeeUser:
    by: int | None
    username: str

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = side.admin(blog, self.by)
        user = blog.users.get_by_username(actor, self.username)
        assert blog.users.get(actor, user.id) == user
        return side.seen_user(user), [side.seen_token(token) for token in blog.tokens.list_for(actor, user.id)]


@dataclass(frozen=True)
class ListUsers:
    by: int | None
    limit: int
    after: int | None

    def __call__(self, blog: Blog, side: Side) -> object:
        after = None if self.after is None else side.user(self.after)
        page = blog.users.page(side.admin(blog, self.by), limit=self.limit, after=after)
        return [side.seen_user(user) for user in page]


@dataclass(frozen=True)
class Issue:
    """Issue another token for the user of a token."""

    token: int

    def __call__(self, blog: Blog, side: Side) -> object:
        user = side.actor(blog, self.token).user
        return side.seen_login((user, blog.tokens.issue(user)))


@dataclass(frozen=True)
class Authenticate:
    token: int

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = side.actor(blog, self.token)
        blog.tokens.touch(actor)
        return side.seen_user(actor.user), actor.scopes, actor.needs_touch


@dataclass(frozen=True)
class LogOut:
    token: int
    everywhere: bool

    def __call__(self, blog: Blog, side: Side) -> object:
        actor = side.actor(blog, self.token)
        (blog.accounts.log_out_everywhere if self.everywhere else blog.accounts.log_out)(actor)
        return None


@dataclass(frozen=True)
class Revoke:
    """Revoke a token: one's own, or any token as an administrator."""

    by: int | None
    user: int | None
    token: int

    def __call__(self, blog: Blog, side: Side) -> object:
        token_id = side.token(self.token)
        if self.user is not None:
            blog.tokens.revoke_for(side.admin(blog, self.by), side.user(self.user), token_id)
        else:
            actor = side.actor(blog, self.by or 0)
            blog.tokens.revoke(actor, token_id)
        return None


@dataclass(frozen=True)
class Rename:
    token: int
    username: str

    def __call__(self, blog: Blog, side: Side) -> object:
        return side.seen_user(blog.accounts.rename(side.actor(blog, self.token), self.username))


@dataclass(frozen=True)
class Invite:
    by: int | None
    days: int

    def __call__(self, blog: Blog, side: Side) -> object:
        return side.seen_invited(blog.invitations.create(side.admin(blog, self.by), days=self.days))


@dataclass(frozen=True)
class Uninvite:
    by: int | None
    invitation: int

    def __call__(self, blog: Blog, side: Side) -> object:
        blog.invitations.revoke(side.admin(blog, self.by), side.invitation(self.invitation))
        return None


@dataclass(frozen=True)
class Seal:
    limit: int

    def __call__(self, blog: Blog, _: Side) -> object:
        seal = blog.audit.seal(limit=self.limit)
        return None if seal is None else seal.entries


@dataclass(frozen=True)
class LogIn:
    """Commands that open their own units of work."""

    username: str
    password: str
    address: int

    def __call__(self, side: Side) -> object:
        address = ADDRESSES[self.address]
        return side.seen_login(log_in(side.open_blog, self.username, self.password, name="a phone", address=address))


@dataclass(frozen=True)
class ChangePassword:
    token: int
    old: str
    new: str

    def __call__(self, side: Side) -> object:
        return side.seen_login(change_password(side.open_blog, side.secret(self.token), self.old, self.new))


@dataclass(frozen=True)
class Register:
    username: str
    password: str
    code: int

    def __call__(self, side: Side) -> object:
        code = side.code(self.code)
        return side.seen_user(register(side.open_blog, self.username, self.password, invitation=code))


@dataclass(frozen=True)
class Tidy:
    def __call__(self, side: Side) -> object:
        run_maintenance(side.open_blog)
        return None
