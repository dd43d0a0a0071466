"""Log-in, registration and password change: use cases of several units of work each.

The attempt is counted and committed before the password is verified, which is slow, so that parallel attempts count. A
failed attempt is recorded in another unit of work, because the unit of work that fails is rolled back.
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
"""The number of times a password is verified, if other units of work change the stored hash meanwhile."""

Result = TypeVar("Result")


def log_in(  # noqa: PLR0913 - each is sent by the client
    open_blog: OpenBlog,
    username: str,
    password: str,
    *,
    name: str = "",
    scopes: Collection[Scope] | None = None,
    address: str = "",
) -> tuple[User, IssuedToken]:
    """Verify a password and issue a token, with this name and these scopes (None: all scopes of the user).

    Raises:
        WrongCredentials: after one verification in any case, so that the time does not reveal the reason.
        ScopeNotGranted, TooManyAttempts.
        ValidationFailed: `username`, `password` or `name` is not valid.
    """
    with open_blog() as blog:
        attempt = blog.accounts.begin_login(username, password, name, address)
    with _settling(open_blog, attempt, username):
        return _retry_on_changed_hash(
            open_blog, lambda blog: blog.accounts.complete_login(attempt, username, password, name, scopes)
        )


def change_password(
    open_blog: OpenBlog, secret: str, old_password: str, new_password: str, *, address: str = ""
) -> tuple[User, IssuedToken]:
    """Change the password of the token's user, and replace all tokens by a new one.

    Raises:
        InvalidToken, OutOfScope, TooManyAttempts.
        WrongPassword: the old one is not right.
        ValidationFailed: `old_password` or `new_password` is not valid.
    """
    with open_blog() as blog:
        actor = blog.tokens.authenticate(secret, address=address)
        attempt = blog.accounts.begin_password_change(actor, old_password, new_password)

    def change(blog: Blog) -> tuple[User, IssuedToken]:
        actor = blog.tokens.authenticate(secret, address=address)
        return blog.accounts.change_password(actor, attempt, old_password, new_password)

    with _settling(open_blog, attempt, actor.name, "to change the password"):
        return _retry_on_changed_hash(open_blog, change)


def rename(open_blog: OpenBlog, secret: str, username: str, *, address: str = "") -> User:
    """Rename the token's user. An attempt that fails because the name is taken stays counted.

    Raises:
        InvalidToken, OutOfScope, UsernameTaken, TooManyNames, TooManyAttempts.
        ValidationFailed: `username` is not valid.
    """
    with open_blog() as blog:
        actor = blog.tokens.authenticate(secret, address=address)
        attempt = blog.accounts.begin_rename(actor, username)
    try:
        with open_blog() as blog:
            actor = blog.tokens.authenticate(secret, address=address)
            return blog.accounts.rename(actor, username, attempt)
    except (ConcurrencyConflict, TooManyNames):  # errors that reveal nothing about other usernames
        if attempt is not None:
            with open_blog() as blog:
                blog.throttle.cancel(attempt)
        raise


def delete_account(
    open_blog: OpenBlog, secret: str, password: str, posts: PostsOnDeletion, *, address: str = ""
) -> None:
    """Delete the account of the token's user, after verifying the password, and delete or keep the posts.

    Raises:
        InvalidToken, OutOfScope, TooManyAttempts, LastAdmin.
        WrongPassword: the password is not right.
        ValidationFailed: `password` is not valid.
    """
    with open_blog() as blog:
        actor = blog.tokens.authenticate(secret, address=address)
        attempt = blog.accounts.begin_account_deletion(actor, password)

    def delete(blog: Blog) -> None:
        actor = blog.tokens.authenticate(secret, address=address)
        blog.accounts.delete(actor, password, posts)

    with _settling(open_blog, attempt, actor.name, "to delete the account"):
        _retry_on_changed_hash(open_blog, delete)


def register(
    open_blog: OpenBlog, username: str, password: str, *, invitation: str | None = None, address: str = ""
) -> User:
    """Create an account for a new user, if registration is open or the user has an invitation.

    Raises:
        RegistrationClosed, InvalidInvitation, UsernameTaken, TooManyAttempts.
        ValidationFailed: `username` or `password` is not valid.
    """
    with open_blog() as blog:
        attempt = blog.accounts.begin_registration(username, password, address)
    with open_blog() as blog:
        return blog.accounts.register(attempt, username, password, invitation)


def _retry_on_changed_hash(open_blog: OpenBlog, work: Callable[[Blog], Result]) -> Result:
    """Do the work in a unit of work of its own; repeat it if the stored hash changed during the verification."""
    for _ in range(_TRIES - 1):
        try:
            with open_blog() as blog:
                return work(blog)
        except HashChanged:
            continue
    with open_blog() as blog:
        return work(blog)


@contextmanager
def _settling(open_blog: OpenBlog, attempt: LoginAttempt, username: str, why: str = "") -> Iterator[None]:
    """Record the attempt if the block fails; cancel it if the password was right but something else failed."""
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
