"""A blog to look at: two users, an administrator, a few posts, and lines of curl that work as they are printed."""

import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Final

from blog.bootstrap import open_from_settings
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.login import log_in
from blog.domain.accounts.own_account import WrongCredentials
from blog.domain.accounts.user import UsernameTaken
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import Conflict, NotFound
from blog.domain.posts.post import Post
from blog.entrypoints.cli.listeners import listening
from blog.entrypoints.cli.markdown.files import write_new
from blog.settings import Settings

from .serve import run

FOLDER: Final = Path(".demo")
_PASSWORDS: Final = FOLDER / "passwords.json"
_ADMIN: Final = "admin"
_AUTHORS: Final = ("alice", "bob")
_POSTS: Final = (
    ("alice", "Hello, world", "Anybody can read this. Only alice can change it."),
    ("bob", "On hexagons", "A core that knows nothing of its edges can be put behind any door."),
    ("alice", "On tokens", "A token is shown instead of a password, and can be taken back without changing one."),
)

_TEXT: Final = """\
The blog is at {at}, its documentation at {at}/docs. Stop it with Ctrl-C.
{kept}

  user   password
{users}

Copy these lines into another terminal, one after the other:

  # anybody reads
  curl {at}/api/posts/
  # alice writes, with a token of hers
  curl -X POST {at}/api/posts/ -H 'Authorization: Token {alice}' -H 'Content-Type: application/json' \\
       -d '{{"title": "My first post", "body": "Written with curl."}}'
  # alice changes a post of hers
  curl -X PATCH {at}/api/posts/{post}/ -H 'Authorization: Token {alice}' -H 'Content-Type: application/json' \\
       -d '{{"title": "A better title"}}'
  # bob may not delete it: 403
  curl -X DELETE {at}/api/posts/{post}/ -H 'Authorization: Token {bob}'
  # the administrator sees all accounts; on the documentation page, too, by this token or password
  curl {at}/api/users/ -H 'Authorization: Token {admin}'
  # alice gets a token of her own
  curl -X POST {at}/api/login/ -H 'Content-Type: application/json' \\
       -d '{{"username": "alice", "password": "{password}"}}'
  # alice logs out, and the first token is dead
  curl -X POST {at}/api/logout/ -H 'Authorization: Token {alice}'
"""


def demo(settings: Settings) -> None:
    """Serve a blog that needs nothing."""
    FOLDER.mkdir(exist_ok=True)
    kept = f"It is kept in the database that you named, and its passwords in {_PASSWORDS}."
    if settings.database_url == Settings().database_url:
        kept = f"It is kept in {FOLDER}/; to begin anew, delete that folder."
        settings = replace(settings, database_url=f"sqlite:///{FOLDER / 'blog.db'}", replica_url="")
    with listening(replace(settings, uds="")) as listeners:  # the lines of curl are for a port
        try:
            with open_from_settings(settings) as open_blog:
                greeting = _text(open_blog, _passwords(), listeners.url, kept)
        except (WrongCredentials, UsernameTaken, json.JSONDecodeError):  # the name of who is deleted stays taken
            raise Conflict(f"{_PASSWORDS} does not open this blog's accounts: delete {FOLDER}/ to begin anew") from None
        run(settings, listeners, greeting=greeting)


def _passwords() -> dict[str, str]:
    """The demo's users and their passwords, drawn on the first start and kept for the next.

    A demo of an earlier version has no administrator: that one's password is drawn then.
    """
    kept: dict[str, str] = json.loads(_PASSWORDS.read_text()) if _PASSWORDS.exists() else {}
    missing = {name: secrets.token_hex(10) for name in (*_AUTHORS, _ADMIN) if name not in kept}
    if missing:
        write_new(_PASSWORDS, json.dumps(kept | missing).encode(), mode=0o600)
    return kept | missing


def _text(open_blog: OpenBlog, passwords: dict[str, str], at: str, kept: str) -> str:
    with open_blog() as blog:
        if not blog.users.page(Operator(), limit=1):
            _fill(blog, passwords)
    tokens = _tokens(open_blog, passwords)
    with open_blog() as blog:
        post = _a_post_by_alice(blog, tokens["alice"])
    return _TEXT.format(
        at=at,
        kept=kept,
        users="\n".join(f"  {name:<6} {password}" for name, password in passwords.items()),
        post=post.id,
        password=passwords["alice"],
        **tokens,
    )


def _fill(blog: Blog, passwords: dict[str, str]) -> None:
    """All of it in one unit of work: a demo that is stopped meanwhile begins anew."""
    new = [  # before any lock
        blog.users.prepare(Operator(), name, password, is_admin=name == _ADMIN) for name, password in passwords.items()
    ]
    users = {each.username: blog.users.open(Operator(), each) for each in new}
    authors = {name: blog.tokens.authenticate(blog.tokens.issue(users[name]).secret) for name in _AUTHORS}
    for author, title, body in _POSTS:
        blog.posts.create(authors[author], title=title, body=body)
    for member in authors.values():
        blog.accounts.log_out(member)


def _tokens(open_blog: OpenBlog, passwords: dict[str, str]) -> dict[str, str]:
    """A new token for everybody. A demo of an earlier version gets its administrator when the authors have proved,
    by logging in, that it is one.
    """
    tokens = {name: log_in(open_blog, name, passwords[name])[1].secret for name in _AUTHORS}
    with open_blog() as blog:
        try:
            blog.users.get_by_username(Operator(), _ADMIN)
        except NotFound:
            blog.users.add(Operator(), _ADMIN, passwords[_ADMIN], is_admin=True)
    return tokens | {_ADMIN: log_in(open_blog, _ADMIN, passwords[_ADMIN])[1].secret}


def _a_post_by_alice(blog: Blog, secret: str) -> Post:
    """The newest of hers, or a new one if she has deleted them all."""
    alice = blog.tokens.authenticate(secret)
    hers = blog.posts.page(limit=1, authors=[alice.name]).posts
    return hers[0] if hers else blog.posts.create(alice, title=_POSTS[0][1], body=_POSTS[0][2])
