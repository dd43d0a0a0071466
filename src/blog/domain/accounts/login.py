"""The entrance: what takes more than one unit of work, since what was counted is kept though somebody is refused.

An attempt is counted in a unit of its own, before the slow look at the password, so that all who come at once are
counted. Whoever does not get in is recorded in a unit of its own too: the one that refuses keeps nothing.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from blog.domain.blog import Blog, ConcurrencyConflict, OpenBlog

from .actors import Scope
from .own_account import HashChanged, WrongCredentials, WrongPassword
from .throttle import LoginAttempt
from .tokens import IssuedToken, ScopeNotGranted
from .user import LastAdmin, PostsOnDeletion, TooManyNames, User

_TRIES: Final = 3
"""How often a password is verified, if another unit of work changes the stored hash each time."""

Result = TypeVar("Result")


def log_in(  # noqa: PLR0913 - each is something that the visitor says
    open_blog: OpenBlog,
    username: str,
    password: str,
    *,
    name: str = "",
    scopes: Collection[Scope] | None = None,
    address: str = "",
) -> tuple[User, IssuedToken]:
    """A new token for whoever knows the password, under a name of its own, made for all that they may do or for less.

    Raises:
        WrongCredentials: after the same one verification, whatever was wrong.
        ScopeNotGranted, TooManyAttempts.
        Invalid: of `username`, `password` and `name`, when no account and no token can have them.
    """
    with open_blog() as blog:
        attempt = blog.accounts.begin_login(username, password, name, address)
    with _until_settled(open_blog, attempt, username):
        return _retried(open_blog, lambda blog: blog.accounts.complete_login(attempt, username, password, name, scopes))


def change_password(
    open_blog: OpenBlog, secret: str, old_password: str, new_password: str, *, address: str = ""
) -> tuple[User, IssuedToken]:
    """A new password for whoever shows a token and knows the old one, and a new token in the place of all others.

    Raises:
        InvalidToken, OutOfScope, TooManyAttempts.
        WrongPassword: the old one is not right.
        Invalid: of `old_password` and `new_password`.
    """
    with open_blog() as blog:
        actor = blog.tokens.authenticate(secret, address=address)
        attempt = blog.accounts.begin_password_change(actor, old_password, new_password)

    def change(blog: Blog) -> tuple[User, IssuedToken]:
        actor = blog.tokens.authenticate(secret, address=address)
        return blog.accounts.change_password(actor, attempt, old_password, new_password)

    with _until_settled(open_blog, attempt, actor.name, "to change the password"):
        return _retried(open_blog, change)


def rename(open_blog: OpenBlog, secret: str, username: str, *, address: str = "") -> User:
    """Another name for whoever shows a token. A try that fails, since the name is taken, stays counted.

    Raises:
        InvalidToken, OutOfScope, UsernameTaken, TooManyNames, TooManyAttempts.
        Invalid: of `username`.
    """
    with open_blog() as blog:
        actor = blog.tokens.authenticate(secret, address=address)
        attempt = blog.accounts.begin_rename(actor, username)
    try:
        with open_blog() as blog:
            actor = blog.tokens.authenticate(secret, address=address)
            return blog.accounts.rename(actor, username, attempt)
    except (ConcurrencyConflict, TooManyNames):  # which tell nothing about the names of others
        if attempt is not None:
            with open_blog() as blog:
                blog.throttle.cancel(attempt)
        raise


def delete_account(
    open_blog: OpenBlog, secret: str, password: str, posts: PostsOnDeletion, *, address: str = ""
) -> None:
    """Delete the account of whoever shows a token and knows the password, and delete or keep their posts.

    Raises:
        InvalidToken, OutOfScope, TooManyAttempts, LastAdmin.
        WrongPassword: the password is not right.
        Invalid: of `password`.
    """
    with open_blog() as blog:
        actor = blog.tokens.authenticate(secret, address=address)
        attempt = blog.accounts.begin_account_deletion(actor, password)

    def delete(blog: Blog) -> None:
        actor = blog.tokens.authenticate(secret, address=address)
        blog.accounts.delete(actor, password, posts)

    with _until_settled(open_blog, attempt, actor.name, "to delete the account"):
        _retried(open_blog, delete)


def register(
    open_blog: OpenBlog, username: str, password: str, *, invitation: str | None = None, address: str = ""
) -> User:
    """An account for whoever wants one, where registration is open or they are invited.

    Raises:
        RegistrationClosed, InvalidInvitation, UsernameTaken, TooManyAttempts.
        Invalid: of `username` and `password`.
    """
    with open_blog() as blog:
        attempt = blog.accounts.begin_registration(username, password, address)
    with open_blog() as blog:
        return blog.accounts.register(attempt, username, password, invitation)


def _retried(open_blog: OpenBlog, work: Callable[[Blog], Result]) -> Result:
    """Do the work in a unit of its own; do it again if the stored hash was changed during the verification."""
    for _ in range(_TRIES - 1):
        try:
            with open_blog() as blog:
                return work(blog)
        except HashChanged:
            continue
    with open_blog() as blog:
        return work(blog)


@contextmanager
def _until_settled(open_blog: OpenBlog, attempt: LoginAttempt, username: str, why: str = "") -> Iterator[None]:
    """Record an attempt that fails; and count one no longer that came to nothing though the password was right."""
    try:
        yield
    except (WrongCredentials, WrongPassword, ScopeNotGranted):
        with open_blog() as blog:
            blog.accounts.record_failed_login(attempt, username, why)
        raise
    except (ConcurrencyConflict, HashChanged, LastAdmin):
        with open_blog() as blog:
            blog.throttle.cancel(attempt)
        raise
