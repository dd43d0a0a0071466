"""Accounts: all of them, as administrators see to them, and one's own, as the holder of the token does."""

from collections.abc import Mapping
from typing import Final, Unpack

from blog.domain.accounts.administration import UserChanges
from blog.domain.accounts.deletion import POSTS_PER_STEP
from blog.domain.accounts.login import change_password, delete_account
from blog.domain.accounts.login import rename as take_name
from blog.domain.accounts.user import DELETED_USER, PostsOnDeletion, User
from blog.entrypoints.cli.printing import print_hint, print_row
from blog.entrypoints.cli.secrets import SecretPrompt
from blog.entrypoints.cli.session import ADDRESS, Session, as_actor, as_member, require_token, session
from blog.settings import Settings

from .tokens import print_issued

_TOLD: Final[Mapping[PostsOnDeletion, str]] = {
    PostsOnDeletion.DELETE: "So are the posts.",
    PostsOnDeletion.KEEP: f"The posts are kept under the name {DELETED_USER}.",
}


def list_users(settings: Settings) -> None:
    """List all users."""
    with session(settings) as here:
        user = None
        for user in here.walk(lambda blog, actor, after: blog.users.page(actor, after=after)):
            _print(user)
        if user is None:
            print_hint("There are no users yet: add one with blog users add NAME.")


def show(settings: Settings, *, username: str) -> None:
    """Show a user."""
    with as_actor(settings) as (blog, actor):
        user = blog.users.get_by_username(actor, username)
    _print(user)


def add(settings: Settings, *, username: str, is_admin: bool, password_stdin: bool) -> None:
    """Add a user."""
    new = SecretPrompt(from_stdin=password_stdin).new_password()
    with as_actor(settings, makes_database=True) as (blog, actor):
        user = blog.users.add(actor, username, new, is_admin=is_admin)
    print(f"Added {'administrator' if user.is_admin else 'user'} {user.username} (id {user.id}).")


def rename(settings: Settings, *, username: str, new: str) -> None:
    """Give a user another name."""
    user = _change(settings, username, username=new)
    print(f"{username} is now {user.username}.")


def promote(settings: Settings, *, username: str) -> None:
    """Let a user administer accounts."""
    _change(settings, username, is_admin=True)
    print(f"{username} is an administrator.")


def demote(settings: Settings, *, username: str) -> None:
    """Let a user no longer administer accounts."""
    _change(settings, username, is_admin=False)
    print(f"{username} is no administrator.")


def activate(settings: Settings, *, username: str) -> None:
    """Open a shut account again."""
    _change(settings, username, is_active=True)
    print(f"{username} is active.")


def deactivate(settings: Settings, *, username: str) -> None:
    """Shut an account."""
    _change(settings, username, is_active=False)
    print(f"{username} is inactive, and has no tokens.")


def password(settings: Settings, *, username: str, password_stdin: bool) -> None:
    """Give a user a new password."""
    new = SecretPrompt(from_stdin=password_stdin).new_password()
    _change(settings, username, new)
    print(f"{username} has a new password, and no tokens.")


def delete(settings: Settings, *, username: str, posts: str) -> None:
    """Delete a user, and all posts of theirs or none."""
    with session(settings) as here:
        with here.acting() as (blog, actor):
            blog.users.delete(actor, blog.users.get_by_username(actor, username).id, PostsOnDeletion(posts))
        _finish_deletions(here)
    print(f"{username} is deleted. {_TOLD[PostsOnDeletion(posts)]}")


def delete_own(settings: Settings, *, posts: str, password_stdin: bool) -> None:
    """Delete the holder's account, and all of their posts or none."""
    require_token(settings)
    password = SecretPrompt(from_stdin=password_stdin).password()
    with session(settings) as here:
        delete_account(here.open_blog, here.secret, password, PostsOnDeletion(posts), address=ADDRESS)
        _finish_deletions(here)
    print(f"Your account is deleted. {_TOLD[PostsOnDeletion(posts)]}")


def me(settings: Settings, *, rename: str | None) -> None:
    """Show whose token is set, maybe under another name from now on."""
    with as_member(settings) as (_, member):
        user = member.user
    if rename is not None:
        with session(settings) as here:
            user = take_name(here.open_blog, here.secret, rename, address=ADDRESS)
    _print(user)


def change_own_password(settings: Settings, *, password_stdin: bool) -> None:
    """Change the holder's password, and print the new token in the place of all others."""
    require_token(settings)
    asked = SecretPrompt(from_stdin=password_stdin)
    old = asked.password("old_password", "Old password: ")
    new = asked.new_password("new_password", "New password: ")
    with session(settings) as here:
        _, issued = change_password(here.open_blog, here.secret, old, new, address=ADDRESS)
    print_issued(issued, "The password is changed, and all other tokens have ended.")


def _finish_deletions(here: Session) -> None:
    """Delete or move all posts that wait for it, in small steps."""
    done = POSTS_PER_STEP
    while done == POSTS_PER_STEP:
        with here.open_blog() as blog:
            done = blog.deletion.finish(limit=POSTS_PER_STEP)


def _print(user: User) -> None:
    """One account in one line."""
    role = "admin" if user.is_admin else "user"
    print_row(user.id, user.username, role, "active" if user.is_active else "inactive", user.created_at)


def _change(settings: Settings, of: str, password: str | None = None, **changes: Unpack[UserChanges]) -> User:
    with as_actor(settings) as (blog, actor):
        return blog.users.update(actor, blog.users.get_by_username(actor, of).id, password=password, **changes)
