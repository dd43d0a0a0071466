"""Administer the accounts of all users, and change one's own."""

from collections.abc import Mapping
from typing import Final, Unpack

from blog.domain.accounts.administration import UserChanges
from blog.domain.accounts.deletion import POSTS_PER_STEP
from blog.domain.accounts.login import change_password, delete_account
from blog.domain.accounts.login import rename as rename_own
from blog.domain.accounts.user import DELETED_USER, PostsOnDeletion, User
from blog.entrypoints.cli.printing import print_hint, print_row
from blog.entrypoints.cli.secrets import SecretPrompt
from blog.entrypoints.cli.session import ADDRESS, Session, as_actor, as_member, open_session, require_token
from blog.settings import Settings

from .tokens import print_issued

_POSTS: Final[Mapping[PostsOnDeletion, str]] = {
    PostsOnDeletion.DELETE: "The posts are deleted too.",
    PostsOnDeletion.KEEP: f"The posts are kept under the name {DELETED_USER}.",
}


def list_users(settings: Settings) -> None:
    """List all users."""
    with open_session(settings) as session:
        user = None
        for user in session.paginate(lambda blog, actor, after: blog.users.page(actor, after=after)):
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
    """Rename a user."""
    user = _change(settings, username, username=new)
    print(f"{username} is now {user.username}.")


def promote(settings: Settings, *, username: str) -> None:
    """Make a user an administrator."""
    _change(settings, username, is_admin=True)
    print(f"{username} is an administrator.")


def demote(settings: Settings, *, username: str) -> None:
    """Make an administrator an ordinary user."""
    _change(settings, username, is_admin=False)
    print(f"{username} is no longer an administrator.")


def activate(settings: Settings, *, username: str) -> None:
    """Activate a deactivated account."""
    _change(settings, username, is_active=True)
    print(f"{username} is active.")


def deactivate(settings: Settings, *, username: str) -> None:
    """Deactivate an account."""
    _change(settings, username, is_active=False)
    print(f"{username} is inactive, and has no tokens.")


def password(settings: Settings, *, username: str, password_stdin: bool) -> None:
    """Set the password of a user."""
    new = SecretPrompt(from_stdin=password_stdin).new_password()
    _change(settings, username, new)
    print(f"{username} has a new password, and no tokens.")


def delete(settings: Settings, *, username: str, posts: str) -> None:
    """Delete a user, with all posts or without."""
    with open_session(settings) as session:
        with session.as_actor() as (blog, actor):
            blog.users.delete(actor, blog.users.get_by_username(actor, username).id, PostsOnDeletion(posts))
        _finish_deletions(session)
    print(f"{username} is deleted. {_POSTS[PostsOnDeletion(posts)]}")


def delete_own(settings: Settings, *, posts: str, password_stdin: bool) -> None:
    """Delete one's own account, with all posts or without."""
    require_token(settings)
    password = SecretPrompt(from_stdin=password_stdin).password()
    with open_session(settings) as session:
        delete_account(session.open_blog, session.secret, password, PostsOnDeletion(posts), address=ADDRESS)
        _finish_deletions(session)
    print(f"Your account is deleted. {_POSTS[PostsOnDeletion(posts)]}")


def me(settings: Settings, *, rename: str | None) -> None:
    """Show the user of the token, after renaming them if prompt."""
    with as_member(settings) as (_, member):
        user = member.user
    if rename is not None:
        with open_session(settings) as session:
            user = rename_own(session.open_blog, session.secret, rename, address=ADDRESS)
    _print(user)


def change_own_password(settings: Settings, *, password_stdin: bool) -> None:
    """Change one's own password, and print a new token. All other tokens are revoked."""
    require_token(settings)
    prompt = SecretPrompt(from_stdin=password_stdin)
    old = prompt.password("old_password", "Old password: ")
    new = prompt.new_password("new_password", "New password: ")
    with open_session(settings) as session:
        _, issued = change_password(session.open_blog, session.secret, old, new, address=ADDRESS)
    print_issued(issued, "The password is changed, and all other tokens are revoked.")


def _finish_deletions(session: Session) -> None:
    """Delete or move the posts of deleted users, in small batches."""
    done = POSTS_PER_STEP
    while done == POSTS_PER_STEP:
        with session.open_blog() as blog:
            done = blog.deletion.finish(limit=POSTS_PER_STEP)


def _print(user: User) -> None:
    """Print an account on one line."""
    role = "admin" if user.is_admin else "user"
    print_row(user.id, user.username, role, "active" if user.is_active else "inactive", user.created_at)


def _change(settings: Settings, of: str, password: str | None = None, **changes: Unpack[UserChanges]) -> User:
    with as_actor(settings) as (blog, actor):
        return blog.users.update(actor, blog.users.get_by_username(actor, of).id, password=password, **changes)
