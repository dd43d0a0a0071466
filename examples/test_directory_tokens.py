"""The directory store keeps the contract of its port, and works in a blog whose other stores are in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.login import log_in
from blog.domain.accounts.tokens import InvalidToken, TokenStore
from blog.domain.blog import Stores
from blog.domain.shared import UserId
from blog.testing.contracts import TokenStoreContract
from blog.testing.contracts.tokens import two_users

from .directory_tokens import DirectoryTokenStore


class TestDirectoryTokenStore(TokenStoreContract):
    @pytest.fixture
    def stores(self) -> Iterator[Stores]:
        with MemoryStore()() as stores:
            yield stores

    @pytest.fixture
    def tokens(self, stores: Stores, tmp_path: Path) -> TokenStore:
        return DirectoryTokenStore(tmp_path / "tokens", stores.users)

    @pytest.fixture
    def holders(self, stores: Stores) -> tuple[UserId, UserId]:
        return two_users(stores)


def test_a_blog_stores_its_tokens_in_a_directory(tmp_path: Path) -> None:
    open_others = MemoryStore()

    @contextmanager
    def open_stores() -> Iterator[Stores]:
        with open_others() as stores:
            yield replace(stores, tokens=DirectoryTokenStore(tmp_path / "tokens", stores.users))

    open_blog = create_blog(open_stores, hasher=Argon2PasswordHasher(memory=8, iterations=1))
    with open_blog() as blog:
        alice = blog.users.add(Operator(), "alice", "correct horse battery")
    secret = log_in(open_blog, "alice", "correct horse battery")[1].secret
    with open_blog() as blog:
        actor = blog.tokens.authenticate(secret)
        assert actor.user == alice
        blog.accounts.log_out(actor)
    with pytest.raises(InvalidToken), open_blog() as blog:
        blog.tokens.authenticate(secret)
