"""Every database passes every contract."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import create_autospec

import pytest
from tests.adapters.contract_classes import classes_for

from blog.adapters.sql import SqlStore
from blog.adapters.sql.engine.unit_of_work import SqlUnitOfWork
from blog.domain.accounts import login as entrance
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.tokens import TokenStore
from blog.domain.blog import OpenBlog, Stores
from blog.domain.shared import UserId
from blog.testing.contracts import (
    ConstantCostContract,
    FrozenClock,
    OpenBlogContract,
    TokenStoreContract,
    UnitPerCall,
)
from blog.testing.contracts.fixtures import as_member
from blog.testing.contracts.tokens import two_users

PASSWORD = "correct horse battery staple"
NOON = FrozenClock()()


globals().update(classes_for("Sql"))


class TestSqlTokenStore(TokenStoreContract):
    @pytest.fixture
    def tokens(self, store: SqlStore) -> TokenStore:
        return UnitPerCall(store)

    @pytest.fixture
    def holders(self, store: SqlStore) -> tuple[UserId, UserId]:
        with store() as stores:
            return two_users(stores)


class TestSqlTokenStoreWithinOneUnit(TokenStoreContract):
    threads = 1

    @pytest.fixture
    def stores(self, store: SqlStore) -> Iterator[Stores]:
        with store() as stores:
            yield stores

    @pytest.fixture
    def tokens(self, stores: Stores) -> TokenStore:
        return stores.tokens

    @pytest.fixture
    def holders(self, stores: Stores) -> tuple[UserId, UserId]:
        return two_users(stores)


class TestBlogInSql(OpenBlogContract):
    @pytest.fixture
    def open_blog(self, open_blog: OpenBlog) -> OpenBlog:
        return open_blog


class TestCostInSql(ConstantCostContract):
    @pytest.fixture
    def open_blog(self, open_blog: OpenBlog) -> OpenBlog:
        return open_blog


def test_authentication_takes_one_statement(open_blog: OpenBlog, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_blog() as blog:
        ann = blog.users.add(Operator(), "ann", PASSWORD)
        secret = blog.tokens.issue(ann).secret
    run = create_autospec(SqlUnitOfWork._run, side_effect=SqlUnitOfWork._run)
    monkeypatch.setattr(SqlUnitOfWork, "_run", run)
    with open_blog() as blog:
        assert blog.tokens.authenticate(secret).user == ann
    run.assert_called_once()


def test_concurrent_writes_and_log_ins_lose_nothing(open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        issued = blog.tokens.issue(ann.user)
        post = blog.posts.create(ann, title="Counted", body="0")

    def read_then_write(_: int) -> None:
        with open_blog() as blog:
            actor = blog.tokens.authenticate(issued.secret)
            number = int(blog.posts.get_for_update(actor, post.id).body)
            blog.posts.update(actor, post.id, body=str(number + 1))

    def log_in(_: int) -> str:
        return entrance.log_in(open_blog, "ann", PASSWORD)[1].secret

    with ThreadPoolExecutor(6) as writers, ThreadPoolExecutor(2) as visitors:
        done, secrets = writers.map(read_then_write, range(150)), visitors.map(log_in, range(20))
        assert len(list(done)) == 150
        logged_in = set(secrets)
    with open_blog() as blog:
        counted = blog.posts.get(post.id)
        assert (counted.body, counted.version) == ("150", 151)
        assert [blog.tokens.authenticate(secret).user for secret in logged_in] == [ann.user] * 20
