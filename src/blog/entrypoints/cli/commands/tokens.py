"""Tokens: made by logging in, listed, and ended."""

from blog.domain.accounts.actors import Scope
from blog.domain.accounts.login import log_in
from blog.domain.accounts.tokens import IssuedToken, Token
from blog.domain.shared import TokenId
from blog.entrypoints.cli.printing import print_hint, print_row, utc
from blog.entrypoints.cli.secrets import SecretPrompt
from blog.entrypoints.cli.session import ADDRESS, as_actor, as_member, session
from blog.settings import SettingError, Settings


def create(settings: Settings, *, username: str, name: str, scopes: list[str] | None, password_stdin: bool) -> None:
    """Log in: as nobody yet, whatever token is set."""
    password = SecretPrompt(from_stdin=password_stdin).password()
    made_for = None if scopes is None else [Scope(scope) for scope in scopes]
    with session(settings) as here:
        user, issued = log_in(here.open_blog, username, password, name=name, scopes=made_for, address=ADDRESS)
    print_issued(issued, f"This is a token of {user.username}.")


def list_tokens(settings: Settings, *, username: str | None) -> None:
    """List somebody's tokens, or one's own."""
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
    """End all tokens of a user, or one."""
    with as_actor(settings) as (blog, actor):
        user_id = blog.users.get_by_username(actor, username).id
        if number is None:
            blog.tokens.revoke_all_for(actor, user_id)
        else:
            blog.tokens.revoke_for(actor, user_id, TokenId(number))
    print(f"{username} has no tokens." if number is None else f"Token {number} of {username} has ended.")


def revoke_own(settings: Settings, *, number: int) -> None:
    """End one of one's own tokens."""
    with as_member(settings) as (blog, member):
        blog.tokens.revoke(member, TokenId(number))
    print(f"Token {number} has ended.")


def log_out(settings: Settings, *, everywhere: bool) -> None:
    """End the token that is set, or all of its holder's."""
    with as_member(settings) as (blog, member):
        if everywhere:
            blog.accounts.log_out_everywhere(member)
        else:
            blog.accounts.log_out(member)
    print("All your tokens have ended." if everywhere else "The token has ended.")


def print_issued(issued: IssuedToken, words: str) -> None:
    """The token alone, for a program to take; the words beside it, for people."""
    token = issued.token
    print_hint(f"{words} It is good until {utc(token.expires_at)}, for {_scopes(token) or 'nothing but to read'}.")
    print(issued.secret)


def _print(token: Token) -> None:
    used = token.last_used_at or "never"
    print_row(token.id, token.name or "-", token.hint, _scopes(token) or "-", token.created_at, used, token.expires_at)


def _scopes(token: Token) -> str:
    return " ".join(sorted(token.scopes))
