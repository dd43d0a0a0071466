"""Log in, and list and revoke tokens."""

from blog.domain.accounts.actors import Scope
from blog.domain.accounts.login import log_in
from blog.domain.accounts.tokens import IssuedToken, Token
from blog.domain.shared import TokenId
from blog.entrypoints.cli.printing import print_hint, print_row, utc
from blog.entrypoints.cli.secrets import SecretPrompt
from blog.entrypoints.cli.session import ADDRESS, as_actor, as_member, open_session
from blog.settings import SettingError, Settings


def create(settings: Settings, *, username: str, name: str, scopes: list[str] | None, password_stdin: bool) -> None:
    """Log in. A token that is set is not used."""
    password = SecretPrompt(from_stdin=password_stdin).password()
    granted = None if scopes is None else [Scope(scope) for scope in scopes]
    with open_session(settings) as session:
        user, issued = log_in(session.open_blog, username, password, name=name, scopes=granted, address=ADDRESS)
    print_issued(issued, f"This is a token of {user.username}.")


def list_tokens(settings: Settings, *, username: str | None) -> None:
    """List the tokens of a user, or one's own."""
    if username is None:
        if not settings.token:
            raise SettingError("name the user whose tokens to list, or set BLOG_TOKEN to a token of yours")
        with as_member(settings) as (blog, member):
            tokens = blog.tokens.list_own(member)
    else:
        with as_actor(settings) as (blog, actor):
            tokens = blog.tokens.list_for(actor, blog.users.get_by_username(actor, username).id)
    for token in tokens:
        _print(token)


def revoke(settings: Settings, *, username: str, number: int | None) -> None:
    """Revoke all tokens of a user, or one."""
    with as_actor(settings) as (blog, actor):
        user_id = blog.users.get_by_username(actor, username).id
        if number is None:
            blog.tokens.revoke_all_for(actor, user_id)
        else:
            blog.tokens.revoke_for(actor, user_id, TokenId(number))
    print(f"{username} has no tokens." if number is None else f"Token {number} of {username} is revoked.")


def revoke_own(settings: Settings, *, number: int) -> None:
    """Revoke one of one's own tokens."""
    with as_member(settings) as (blog, member):
        blog.tokens.revoke(member, TokenId(number))
    print(f"Token {number} is revoked.")


def log_out(settings: Settings, *, everywhere: bool) -> None:
    """Revoke the token that is set, or all tokens of its user."""
    with as_member(settings) as (blog, member):
        if everywhere:
            blog.accounts.log_out_everywhere(member)
        else:
            blog.accounts.log_out(member)
    print("All your tokens are revoked." if everywhere else "The token is revoked.")


def print_issued(issued: IssuedToken, hint: str) -> None:
    """Print the token on standard output, and a hint for people on standard error."""
    token = issued.token
    print_hint(f"{hint} It expires at {utc(token.expires_at)}, with {_scopes(token) or 'no scopes'}.")
    print(issued.secret)


def _print(token: Token) -> None:
    used = token.last_used_at or "never"
    print_row(token.id, token.name or "-", token.hint, _scopes(token) or "-", token.created_at, used, token.expires_at)


def _scopes(token: Token) -> str:
    return " ".join(sorted(token.scopes))
