"""Concurrent use cases keep the rules, in every store."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.invitations import InvalidInvitation, Registration
from blog.domain.accounts.login import log_in, register
from blog.domain.accounts.throttle import ACCOUNT_AND_ADDRESS, TooManyAttempts, account_key
from blog.domain.accounts.tokens import MAX_TOKENS_PER_USER
from blog.domain.accounts.user import LastAdmin, PostsOnDeletion, UsernameTaken, UserNotFound
from blog.domain.blog import BlogConfig, ConcurrencyConflict, OpenBlog, OpenStores
from blog.domain.errors import BlogError
from blog.domain.maintenance import run_maintenance
from blog.domain.posts.post import NotTheAuthor, PostNotFound
from blog.domain.posts.previews import MAX_PREVIEWS_PER_POST, TooManyPreviews
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import as_member

PASSWORD = "correct horse battery staple"
NOON = FrozenClock()()
HERE = "192.0.2.1"


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def open_stores(request: pytest.FixtureRequest) -> OpenStores:
    """Each store in turn, empty."""
    found: OpenStores = MemoryStore() if request.param == "memory" else request.getfixturevalue(request.param)
    return found


@pytest.fixture
def open_blog(open_stores: OpenStores) -> OpenBlog:
    hasher = Argon2PasswordHasher(memory=8, iterations=1)
    return create_blog(
        open_stores, hasher=hasher, now=FrozenClock(), config=BlogConfig(registration=Registration.INVITE)
    )


def run_concurrently(work: Callable[[int], object], threads: int) -> list[object]:
    """Run the work on this number of threads concurrently. Return each result, or the type of its error."""
    barrier = Barrier(threads)

    def one(number: int) -> object:
        barrier.wait()
        try:
            return work(number)
        except BlogError as error:
            return type(error)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(threads)))


def test_eight_of_fifty_concurrent_guesses_are_verified(open_blog: OpenBlog) -> None:
    def guess(_: int) -> bool:
        with open_blog() as blog:
            return blog.throttle.reserve("ann", HERE).id > 0

    outcomes = run_concurrently(guess, 50)
    assert outcomes.count(True) == ACCOUNT_AND_ADDRESS.failures
    assert outcomes.count(TooManyAttempts) == 50 - ACCOUNT_AND_ADDRESS.failures


def test_concurrent_guesses_at_many_accounts_are_counted_by_address(open_blog: OpenBlog) -> None:
    def guess(number: int) -> bool:
        with open_blog() as blog:
            return blog.throttle.reserve(f"user{number}", HERE).id > 0

    assert run_concurrently(guess, 30).count(True) == 15


def test_one_admin_remains_when_the_last_two_demote_each_other_concurrently(open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        admins = [as_member(blog.users.add(Operator(), name, PASSWORD, is_admin=True)) for name in ("ann", "bob")]

    def demote(number: int) -> bool:
        with open_blog() as blog:
            return blog.users.update(admins[number], admins[1 - number].user_id, is_admin=False).is_admin

    outcomes = run_concurrently(demote, 2)
    assert sorted(outcomes, key=str) == sorted([False, LastAdmin], key=str)
    with open_blog() as blog:
        assert sum(user.is_active_admin for user in blog.users.page(Operator())) == 1


def test_one_admin_remains_when_the_last_two_delete_each_other_concurrently(open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        admins = [as_member(blog.users.add(Operator(), name, PASSWORD, is_admin=True)) for name in ("ann", "bob")]

    def delete(number: int) -> None:
        with open_blog() as blog:
            blog.users.delete(admins[number], admins[1 - number].user_id, PostsOnDeletion.KEEP)

    assert sorted(run_concurrently(delete, 2), key=str) == sorted([None, LastAdmin], key=str)
    with open_blog() as blog:
        assert sum(user.is_active_admin for user in blog.users.page(Operator())) == 1


def test_a_post_has_no_more_preview_links_than_it_may_although_many_are_made_concurrently(open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        post = blog.posts.create(ann, title="Hello", body="World")
        for _ in range(MAX_PREVIEWS_PER_POST - 2):
            blog.previews.create(ann, post.id)

    def issue(_: int) -> bool:
        with open_blog() as blog:
            return blog.previews.create(ann, post.id).preview.id > 0

    outcomes = run_concurrently(issue, 6)
    assert (outcomes.count(True), outcomes.count(TooManyPreviews)) == (2, 4)
    with open_blog() as blog:
        assert len(blog.previews.list_open(ann, post.id)) == MAX_PREVIEWS_PER_POST


@pytest.mark.parametrize("posts", PostsOnDeletion)
def test_a_post_created_during_the_deletion_of_its_author_does_not_keep_their_name(
    open_blog: OpenBlog, posts: PostsOnDeletion
) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        old = blog.posts.create(ann, title="Old", body="…")

    def work(number: int) -> object:
        with open_blog() as blog:
            if number == 2:
                blog.users.delete(Operator(), ann.user_id, posts)
                return None
            if number % 2:
                return blog.posts.update(ann, old.id, body=f"{number}").id
            return blog.posts.create(ann, title="New", body="…").id

    outcomes = run_concurrently(work, 7)
    assert outcomes[2] is None
    assert {each for each in outcomes if isinstance(each, type)} <= {ConcurrencyConflict, PostNotFound, NotTheAuthor}
    run_maintenance(open_blog)
    with open_blog() as blog:
        authors = [post.author for post in blog.posts.page(limit=100).posts]
        written = {each for each in outcomes if isinstance(each, int)} | {old.id}
    assert authors == ["deleted-user"] * (len(written) if posts is PostsOnDeletion.KEEP else 0)


def test_a_username_that_is_being_given_up_goes_to_none_of_six_concurrent_requests(open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = blog.users.add(Operator(), "ann", PASSWORD)

    def request_username(number: int) -> str:
        with open_blog() as blog:
            if number == 0:
                return blog.users.update(Operator(), ann.id, username="anna").username
            if number == 1:
                blog.users.delete(Operator(), ann.id, PostsOnDeletion.DELETE)
                return "gone"
            return blog.users.add(Operator(), "ann", PASSWORD).username

    outcomes = run_concurrently(request_username, 7)
    assert outcomes[1] == "gone"
    assert outcomes[0] in {"anna", UserNotFound}
    assert outcomes[2:] == [UsernameTaken] * 5


def test_concurrent_log_ins_do_not_exceed_the_maximum_of_tokens(open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = blog.users.add(Operator(), "ann", PASSWORD)
        for _ in range(MAX_TOKENS_PER_USER - 1):
            blog.tokens.issue(ann)
    outcomes = run_concurrently(lambda number: log_in(open_blog, "ann", PASSWORD, address=str(number))[0], 6)
    assert outcomes == [ann] * 6
    with open_blog() as blog:
        assert len(blog.tokens.list_for(Operator(), ann.id)) == MAX_TOKENS_PER_USER


def test_an_invitation_creates_one_account_under_concurrent_use(open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        code = blog.invitations.create(Operator()).code
    outcomes = run_concurrently(
        lambda number: register(open_blog, f"user{number}", PASSWORD, invitation=code, address=str(number)).username, 6
    )
    assert outcomes.count(InvalidInvitation) == 5
    with open_blog() as blog:
        assert [user.username for user in blog.users.page(Operator())] == [
            outcome for outcome in outcomes if outcome != InvalidInvitation
        ]


def test_stored_attempts_stay_bounded_for_any_number_of_names_and_addresses(
    open_stores: OpenStores, open_blog: OpenBlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blog.domain.accounts.throttle.MAX_ATTEMPTS", 8)
    monkeypatch.setattr("blog.domain.accounts.throttle._PURGED_EVERY", 4)
    names = [f"user{number}" for number in range(24)]
    for name in names:
        with open_blog() as blog:
            last = blog.throttle.reserve(name, f"from {name}")
        with open_stores() as stores:
            kept = [stores.attempts.of_account(account_key(name), since=NOON - timedelta(days=1)) for name in names]
        assert sum(map(len, kept)) <= 8 + 4
        assert list(kept[names.index(name)]) == [last]
    with open_blog() as blog:
        blog.throttle.purge()
    with open_stores() as stores:
        kept = [stores.attempts.of_account(account_key(name), since=NOON - timedelta(days=1)) for name in names]
    assert [len(each) for each in kept] == [0] * 16 + [1] * 8
