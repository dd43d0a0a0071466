"""The user of a token is read with the token, which nobody can tell but by counting statements."""

from collections.abc import Callable

import pytest

from blog.adapters.sql import SqlStore
from blog.adapters.sql.repositories.tokens import SqlTokenStore
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.own_account import Accounts
from blog.domain.accounts.user import User
from blog.domain.blog import OpenBlog, Stores
from blog.domain.posts.pagination import SortOrder
from blog.testing.contracts.fixtures import acting
from blog.testing.contracts.tokens import a_token

PASSWORD = "correct horse battery staple"


@pytest.fixture
def ann(open_blog: OpenBlog) -> User:
    with open_blog() as blog:
        return blog.users.add(Operator(), "ann", PASSWORD)


def rename(open_blog: OpenBlog, user: User, username: str) -> User:
    with open_blog() as blog:
        return blog.accounts.rename(acting(user), username)


def test_whose_a_token_is_takes_one_statement(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        secret = blog.tokens.issue(ann).secret
    with open_blog() as blog:
        assert blog.tokens.authenticate(secret).user == ann
        assert runs(blog.accounts) == 1


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda stores: stores.posts.page(SortOrder.NEWEST, limit=1),
        lambda stores: stores.tokens.find(b"another"),
        lambda stores: stores.users.find("nobody"),
    ],
    ids=["a list", "another token", "another name"],
)
def test_what_was_read_with_a_token_is_read_anew_after_anything_else(
    store: SqlStore, open_blog: OpenBlog, ann: User, meanwhile: Callable[[Stores], object]
) -> None:
    with store() as stores:
        token = stores.tokens.add(a_token(ann.id, "one"))
    with store() as stores:
        assert stores.tokens.find(token.digest) == token
        renamed = rename(open_blog, ann, "anna")
        meanwhile(stores)
        assert stores.users.get(ann.id) == renamed


def test_a_user_is_foreseen_once(store: SqlStore, open_blog: OpenBlog, ann: User) -> None:
    with store() as stores:
        token = stores.tokens.add(a_token(ann.id, "one"))
    with store() as stores:
        stores.tokens.find(token.digest)
        assert stores.users.get(ann.id) == ann
        renamed = rename(open_blog, ann, "anna")
        assert stores.users.get(ann.id) == renamed


def test_nobody_else_is_foreseen(store: SqlStore, open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        bob = blog.users.add(Operator(), "bob", PASSWORD)
    with store() as stores:
        token = stores.tokens.add(a_token(ann.id, "one"))
        stores.tokens.find(token.digest)
        assert stores.users.get(bob.id) == bob


def runs(accounts: Accounts) -> int:
    """How many statements the unit has run that these accounts are in."""
    assert isinstance(accounts.tokens.store, SqlTokenStore)
    return accounts.tokens.store._unit.runs
