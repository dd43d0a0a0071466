"""The contract of all stores together: many threads use them at once, and they fit each other.

A contract with its own `test_the_store_is_used_by_several_threads_concurrently` needs no entry here.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import pytest

from blog.domain.accounts.secret_format import digest_of
from blog.domain.accounts.throttle import LoginAttempt
from blog.domain.accounts.user import PostsOnDeletion, User
from blog.domain.blog import ConcurrencyConflict, OpenStores, Stores
from blog.domain.idempotency import IdempotencyRecord
from blog.domain.posts.pagination import SortOrder
from blog.domain.search.query import SearchQuery

from .audit import make_entry
from .fixtures import EVERYBODY, EVERYTHING, NOON, run_concurrently
from .invitations import make_invitation
from .posts import AuthorFixture, make_post
from .previews import make_preview
from .tokens import make_token

TRIES: Final = 50
"""The largest number of retries of a unit after a conflict."""


def _use_users(stores: Stores, _: User, mark: str) -> None:
    added = stores.users.add(User(username=f"name-{mark}", created_at=NOON), "hash")
    found = stores.users.find(added.username)
    assert found is not None
    assert found.user == stores.users.get(added.id) == added


def _use_tokens(stores: Stores, author: User, mark: str) -> None:
    added = stores.tokens.add(make_token(author.id, mark))
    assert stores.tokens.find_with_user(added.digest) == (added, author)
    assert added in stores.tokens.of_user(author.id)


def _use_invitations(stores: Stores, _: User, mark: str) -> None:
    added = stores.invitations.add(make_invitation(mark))
    assert added in stores.invitations.page(limit=1000)
    assert stores.invitations.take(added.digest) == added


def _use_attempts(stores: Stores, _: User, mark: str) -> None:
    added = stores.attempts.add(LoginAttempt(account=f"account-{mark}", address="192.0.2.1", at=NOON))
    assert list(stores.attempts.of_account(added.account, since=NOON.replace(year=2000))) == [added]
    assert added in stores.attempts.of_address("192.0.2.1", since=NOON.replace(year=2000))


def _use_posts(stores: Stores, author: User, mark: str) -> None:
    added = stores.posts.add(replace(make_post(author), title=mark))
    assert stores.posts.get(EVERYTHING, added.id) == added


def _use_index(stores: Stores, author: User, mark: str) -> None:
    added = stores.posts.add(replace(make_post(author), title=f"says{mark}"))
    stores.index.put(added)
    assert [hit.post for hit in stores.index.find(EVERYBODY, SearchQuery.of(f"says{mark}"), limit=10)] == [added]


def _use_idempotency_records(stores: Stores, author: User, mark: str) -> None:
    stored = IdempotencyRecord(
        user_id=author.id, key=digest_of(mark), fingerprint=b"request", response=mark.encode(), at=NOON
    )
    assert stores.idempotency.find_for_update(author.id, stored.key) is None
    stores.idempotency.put(stored)
    assert stores.idempotency.find_for_update(author.id, stored.key) == stored


def _use_previews(stores: Stores, author: User, mark: str) -> None:
    post = stores.posts.add(make_post(author))
    added = stores.previews.add(make_preview(post, mark))
    assert stores.previews.find(added.digest) == added
    assert list(stores.previews.of_post(post.id)) == [added]


def _use_audit(stores: Stores, _: User, mark: str) -> None:
    stores.audit.add(replace(make_entry(), detail=mark))
    assert mark in [entry.detail for entry in stores.audit.page(limit=1000)]


_USES: Final[Mapping[str, Callable[[Stores, User, str], None]]] = {
    "users": _use_users,
    "tokens": _use_tokens,
    "invitations": _use_invitations,
    "attempts": _use_attempts,
    "posts": _use_posts,
    "index": _use_index,
    "idempotency": _use_idempotency_records,
    "previews": _use_previews,
    "audit": _use_audit,
}
"""By the name of the store, a function that writes and reads back something of its thread's own."""


class SharedStoresContract(AuthorFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    rounds: int = 8
    """The number of units of each thread."""

    @pytest.mark.parametrize("port", _USES)
    def test_a_store_is_used_by_several_threads_concurrently(
        self, open_stores: OpenStores, author: User, port: str
    ) -> None:
        use = _USES[port]

        def one_unit(mark: str) -> None:
            for _ in range(TRIES):
                try:
                    with open_stores() as stores:
                        use(stores, author, mark)
                except ConcurrencyConflict:
                    continue
                return
            pytest.fail(f"of {TRIES} units none was kept", pytrace=False)

        def several_units(thread: int) -> None:
            for number in range(self.rounds):
                one_unit(f"{thread}x{number}")

        run_concurrently(several_units)

    def test_the_index_finds_the_posts_of_its_repository(self, open_stores: OpenStores, author: User) -> None:
        with open_stores() as stores:
            post = stores.posts.add(replace(make_post(author), title="Beside"))
            stores.index.put(post)
            assert [hit.post for hit in stores.index.find(EVERYBODY, SearchQuery.of("beside"), limit=2)] == [post]
        with open_stores() as stores:
            assert [hit.post for hit in stores.index.find(EVERYBODY, SearchQuery.of("beside"), limit=2)] == [
                stores.posts.get(EVERYTHING, post.id)
            ]
            assert list(stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=2)) == [post]

    def test_a_token_is_found_with_the_current_state_of_its_user(self, open_stores: OpenStores, author: User) -> None:
        with open_stores() as stores:
            token = stores.tokens.add(make_token(author.id, "one"))
        with open_stores() as stores:
            assert stores.tokens.find_with_user(token.digest) == (token, author)
            credentials = stores.users.get_for_update(author.id)
            renamed = replace(author, username="anna", is_active=False)
            stores.users.save(replace(credentials, user=renamed))
            assert stores.tokens.find_with_user(token.digest) == (token, renamed)
        with open_stores() as stores:
            assert stores.tokens.find_with_user(token.digest) == (token, renamed)

    def test_a_token_of_a_user_under_deletion_is_not_found(self, open_stores: OpenStores, author: User) -> None:
        with open_stores() as stores:
            token = stores.tokens.add(make_token(author.id, "one"))
            stores.users.begin_deletion(author.id, PostsOnDeletion.DELETE)
            assert stores.tokens.find_with_user(token.digest) is None
        with open_stores() as stores:
            assert stores.tokens.find_with_user(token.digest) is None
