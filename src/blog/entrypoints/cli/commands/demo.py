"""Serve a demo: two users, an administrator, a few posts, a draft, and curl commands that can be copied."""

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
from blog.domain.posts.post import Post, Status
from blog.entrypoints.cli.listeners import listening
from blog.entrypoints.cli.markdown.files import write_new
from blog.settings import Settings

from .serve import run

FOLDER: Final = Path(".demo")
_PASSWORDS: Final = FOLDER / "passwords.json"
_ADMIN: Final = "admin"
_AUTHORS: Final = ("alice", "bob")
_POSTS: Final = (
    ("alice", "Hello, world", "Everybody can read this. Only alice can change it.", ("welcome",)),
    ("bob", "On hexagons", "A core that knows nothing of its adapters can be put behind any entrypoint.", ("Python",)),
    (
        "alice",
        "On tokens",
        "A token is sent instead of a password, and can be revoked without changing it.",
        ("security",),
    ),
)
_DRAFT: Final = ("On drafts", "Only alice can read this, until she publishes it.")

_TEXT: Final = """\
The blog is at {at}, its documentation at {at}/docs. Stop it with Ctrl-C.
{storage}

  user   password
{users}

Copy these lines into another terminal, one after the other:

  # everybody can read
  curl {at}/api/posts/
  # alice writes, with her token
  curl -X POST {at}/api/posts/ -H 'Authorization: Token {alice}' -H 'Content-Type: application/json' \\
       -d '{{"title": "My first post", "body": "Written with curl."}}'
  # alice changes her post
  curl -X PATCH {at}/api/posts/{post}/ -H 'Authorization: Token {alice}' -H 'Content-Type: application/json' \\
       -d '{{"title": "A better title"}}'
  # alice lists her drafts, which nobody else can read
  curl '{at}/api/posts/?status=draft' -H 'Authorization: Token {alice}'
  # everybody can look for a tag
  curl '{at}/api/posts/?tag=python'
  # bob may not delete it: 403
  curl -X DELETE {at}/api/posts/{post}/ -H 'Authorization: Token {bob}'
  # the administrator sees all accounts; and so does the documentation page with this token or password
  curl {at}/api/users/ -H 'Authorization: Token {admin}'
  # alice gets a token of her own
  curl -X POST {at}/api/login/ -H 'Content-Type: application/json' \\
       -d '{{"username": "alice", "password": "{password}"}}'
  # alice logs out, and the first token is revoked
  curl -X POST {at}/api/logout/ -H 'Authorization: Token {alice}'
"""


def demo(settings: Settings) -> None:
    """Serve the demo."""
    FOLDER.mkdir(exist_ok=True)
    storage = f"It is stored in the database that you named, and its passwords in {_PASSWORDS}."
    if settings.database_url == Settings().database_url:
        storage = f"It is stored in {FOLDER}/; delete that folder to start again."
        settings = replace(settings, database_url=f"sqlite:///{FOLDER / 'blog.db'}", replica_url="")
    with listening(replace(settings, uds="")) as listeners:  # the curl commands need a port
        try:
            with open_from_settings(settings) as open_blog:
                greeting = _text(open_blog, _passwords(), listeners.url, storage)
        except (WrongCredentials, UsernameTaken, json.JSONDecodeError):  # the username of a deleted user stays reserved
            raise Conflict(
                f"{_PASSWORDS} does not have this blog's passwords: delete {FOLDER}/ to start again"
            ) from None
        run(settings, listeners, greeting=greeting)


def _passwords() -> dict[str, str]:
    """Return the passwords of the demo's users by name. The first start generates and stores them.

    A demo of an earlier version has no administrator; this user's password is generated then.
    """
    stored: dict[str, str] = json.loads(_PASSWORDS.read_text()) if _PASSWORDS.exists() else {}
    missing = {name: secrets.token_hex(10) for name in (*_AUTHORS, _ADMIN) if name not in stored}
    if missing:
        write_new(_PASSWORDS, json.dumps(stored | missing).encode(), mode=0o600)
    return stored | missing


def _text(open_blog: OpenBlog, passwords: dict[str, str], at: str, storage: str) -> str:
    with open_blog() as blog:
        if not blog.users.page(Operator(), limit=1):
            _fill(blog, passwords)
    tokens = _tokens(open_blog, passwords)
    with open_blog() as blog:
        post = _a_post_by_alice(blog, tokens["alice"])
    return _TEXT.format(
        at=at,
        storage=storage,
        users="\n".join(f"  {name:<6} {password}" for name, password in passwords.items()),
        post=post.id,
        password=passwords["alice"],
        **tokens,
    )


def _fill(blog: Blog, passwords: dict[str, str]) -> None:
    """Create users and posts in one unit of work, so that an interrupted demo starts again."""
    new = [  # hashes passwords before any lock is held
        blog.users.prepare(Operator(), name, password, is_admin=name == _ADMIN) for name, password in passwords.items()
    ]
    users = {each.username: blog.users.open(Operator(), each) for each in new}
    authors = {name: blog.tokens.authenticate(blog.tokens.issue(users[name]).secret) for name in _AUTHORS}
    for author, title, body, tags in _POSTS:
        blog.posts.create(authors[author], title=title, body=body, tags=tags)
    blog.posts.create(authors["alice"], status=Status.DRAFT, title=_DRAFT[0], body=_DRAFT[1])
    for member in authors.values():
        blog.accounts.log_out(member)


def _tokens(open_blog: OpenBlog, passwords: dict[str, str]) -> dict[str, str]:
    """Return a new token for each user.

    A demo of an earlier version gets its administrator here: the log-ins have proved that the database is a demo.
    """
    tokens = {name: log_in(open_blog, name, passwords[name])[1].secret for name in _AUTHORS}
    with open_blog() as blog:
        try:
            blog.users.get_by_username(Operator(), _ADMIN)
        except NotFound:
            blog.users.add(Operator(), _ADMIN, passwords[_ADMIN], is_admin=True)
    return tokens | {_ADMIN: log_in(open_blog, _ADMIN, passwords[_ADMIN])[1].secret}


def _a_post_by_alice(blog: Blog, secret: str) -> Post:
    """Return alice's newest post, or a new one if she has deleted all."""
    alice = blog.tokens.authenticate(secret)
    hers = blog.posts.page(limit=1, authors=[alice.name]).posts
    return hers[0] if hers else blog.posts.create(alice, title=_POSTS[0][1], body=_POSTS[0][2], tags=_POSTS[0][3])
