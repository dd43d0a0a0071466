"""Accounts, as whoever runs the blog sees to them."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from getpass import getpass

from blog.domain.accounts import Operator, User
from blog.domain.blog import OpenBlog
from blog.domain.errors import Fault, Invalid
from blog.domain.ids import UserId
from blog.settings import SettingError, Settings
from blog.wiring import opened

_OPERATOR = Operator()


def add(settings: Settings, *, username: str, is_admin: bool, password_stdin: bool) -> None:
    """Add a user."""
    password = _password(from_stdin=password_stdin)
    with _opened(settings) as open_blog, open_blog() as blog:
        user = blog.accounts.add(_OPERATOR, username, password, is_admin=is_admin)
    print(f"Added {'administrator' if user.is_admin else 'user'} {user.username} (id {user.id}).")


def show(settings: Settings) -> None:
    """List all users."""
    with _opened(settings) as open_blog:
        users = _page(open_blog)
        if not users:
            print("There are no users yet: add one with blog users add NAME.", file=sys.stderr)
        while users:
            for user in users:
                role = "admin" if user.is_admin else "user"
                state = "active" if user.is_active else "inactive"
                print(f"{user.id}\t{user.username}\t{role}\t{state}\t{user.created_at:%Y-%m-%d %H:%M} UTC")
            users = _page(open_blog, after=users[-1].id)


def password(settings: Settings, *, username: str, password_stdin: bool) -> None:
    """Give a user a new password."""
    new = _password(from_stdin=password_stdin)
    with _opened(settings) as open_blog, open_blog() as blog:
        blog.accounts.set_password(_OPERATOR, username, new)
    print(f"{username} has a new password, and no tokens.")


def deactivate(settings: Settings, *, username: str) -> None:
    """Shut an account."""
    with _opened(settings) as open_blog, open_blog() as blog:
        blog.accounts.deactivate(_OPERATOR, username)
    print(f"{username} is inactive, and has no tokens.")


def activate(settings: Settings, *, username: str) -> None:
    """Open a shut account again."""
    with _opened(settings) as open_blog, open_blog() as blog:
        blog.accounts.activate(_OPERATOR, username)
    print(f"{username} is active.")


def revoke_tokens(settings: Settings, *, username: str) -> None:
    """End all tokens of a user."""
    with _opened(settings) as open_blog, open_blog() as blog:
        blog.accounts.revoke_tokens(_OPERATOR, username)
    print(f"{username} has no tokens.")


def _opened(settings: Settings) -> AbstractContextManager[OpenBlog]:
    """The blog in the database that is set, which must outlive the command."""
    if settings.database_url == "memory:":
        raise SettingError("BLOG_DATABASE_URL: what is kept in memory is gone when this command ends")
    return opened(settings)


def _page(open_blog: OpenBlog, after: UserId | None = None) -> Sequence[User]:
    with open_blog() as blog:
        return blog.accounts.page(_OPERATOR, after=after)


def _password(*, from_stdin: bool) -> str:
    try:
        return _read() if from_stdin else _asked()
    except UnicodeDecodeError:
        raise Invalid([Fault("password", "must be in UTF-8")]) from None
    except EOFError:
        raise Invalid([Fault("password", "was not given")]) from None


def _read() -> str:
    """The first line of standard input, in UTF-8 whatever the locale says."""
    line = sys.stdin.buffer.readline()
    if not line:
        raise EOFError
    return line.decode().rstrip("\r\n")


def _asked() -> str:
    if not sys.stdin.isatty():
        raise SettingError("there is no terminal to ask for the password: use --password-stdin")
    try:
        first, second = getpass("Password: "), getpass("The same again: ")
    except (EOFError, KeyboardInterrupt):
        print(file=sys.stderr)  # the prompt has not ended its line
        raise
    if first != second:
        raise Invalid([Fault("password", "was not the same twice")])
    return first
