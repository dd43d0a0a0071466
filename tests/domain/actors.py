"""Actors, passwords and addresses for these tests."""

from collections.abc import Callable, Sequence
from typing import Final

from blog.domain.accounts.actors import Member, Operator, Scope, scopes_for
from blog.domain.accounts.login import log_in
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.user import User
from blog.domain.audit import AuditEntry
from blog.domain.blog import OpenBlog
from blog.domain.shared import TokenId

PASSWORD: Final = "correct horse battery staple"
ANOTHER: Final = "another horse on its batteries"
OPERATOR: Final = Operator()
HOME: Final = "192.0.2.1"
ELSEWHERE: Final = "198.51.100.7"


def as_member(user: User, *scopes: Scope, token_id: TokenId | None = None, address: str = "") -> Member:
    """A member with these scopes; without any, with all scopes of the user."""
    return Member(user=user, scopes=frozenset(scopes) or scopes_for(user), token_id=token_id, address=address)


def logged_in(open_blog: OpenBlog, username: str, *scopes: Scope, address: str = HOME) -> Member:
    """Log in and return the authenticated member."""
    _, issued = log_in(open_blog, username, PASSWORD, scopes=scopes or None, address=address)
    with open_blog() as blog:
        return blog.tokens.authenticate(issued.secret, address=address)


def entries(open_blog: OpenBlog) -> Sequence[AuditEntry]:
    """All entries of the audit log, oldest first."""
    found: list[AuditEntry] = []
    with open_blog() as blog:
        page = blog.audit.page(OPERATOR)
        found += page.entries
        while page.next_before is not None:
            page = blog.audit.page(OPERATOR, before=page.next_before)
            found += page.entries
    return found[::-1]


class SpyHasher:
    """A password hasher that counts its calls, and calls `meanwhile` after the next verification."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self.hasher = hasher
        self.verified: list[str] = []
        self.hashed = 0
        self.meanwhile: Callable[[], object] | None = None

    def hash(self, password: str) -> str:
        self.hashed += 1
        return self.hasher.hash(password)

    def verify(self, password_hash: str, password: str) -> bool:
        self.verified.append(password_hash)
        matches = self.hasher.verify(password_hash, password)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return matches

    def is_outdated(self, password_hash: str) -> bool:
        return self.hasher.is_outdated(password_hash)

    @property
    def decoy(self) -> str:
        return self.hasher.decoy
